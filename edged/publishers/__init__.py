"""Publishers: the drivers that send messages, one kind a file; the registry names them."""
