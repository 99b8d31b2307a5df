"""Whether a model is ready for the EdgeTPU's compiler, judged from the file, and by the compiler where it is installed."""
