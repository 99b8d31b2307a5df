"""Parts of a command line that edged and edged-models share: the program with its commands, and numbers as arguments."""
