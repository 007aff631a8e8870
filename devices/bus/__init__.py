"""Boards for buses that more than one machine has."""
