"""Confines the self-test process: seccomp and Landlock."""
