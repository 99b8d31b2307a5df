"""Figures of the code's form: sizes, cycles, docstrings, names. `make figures` prints them; a unit test holds them."""
