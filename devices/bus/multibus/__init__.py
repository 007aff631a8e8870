"""Multibus boards, and their VME siblings."""
