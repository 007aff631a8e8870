"""Guest code to host code: one specification, three engines.  Knows no board."""
