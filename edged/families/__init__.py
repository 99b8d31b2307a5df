"""Model families: the drivers that prepare the input and decode the outputs of one kind of model; the registry names them."""
