"""The Sun-3 architecture (3/50 to 3/260: 68020, Sun-3 MMU)."""
