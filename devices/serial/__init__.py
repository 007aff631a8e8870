"""What hangs on serial lines."""
