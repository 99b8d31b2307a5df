"""Publishers: the drivers that send messages, one file per kind; the registry names them."""
