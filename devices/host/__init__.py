"""Elements that stand for something of the host: memory, serial lines, the boot file."""
