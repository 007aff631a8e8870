"""The specification language: patterns, typed values, semantics, and the concrete engine."""
