"""Looking inside a running machine: debug items, traces and their comparison, translations, statistics."""
