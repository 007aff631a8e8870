"""Programs that make and print the small images a machine needs."""
