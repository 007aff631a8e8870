"""SPARC floating point: docs/sparc-fpu.md."""
