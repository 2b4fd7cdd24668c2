"""The interpreter of the instances: which build of CPython, from where, and whether the package has it."""
