"""Elements of no particular machine."""
