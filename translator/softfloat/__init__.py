"""Exact binary floating point in the specification language, for every instruction set."""
