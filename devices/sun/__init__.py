"""What Sun put around the chips."""
