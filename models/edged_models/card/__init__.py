"""The model card: what a model file is, how good it is, and where it comes from; no figure in it is typed by hand."""
