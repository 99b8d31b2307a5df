"""The model card: contents, evaluation and provenance of a model file; every figure in it is computed."""
