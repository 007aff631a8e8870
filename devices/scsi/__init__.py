"""SCSI: the bus, the devices on it, and what they have in common."""
