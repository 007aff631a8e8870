"""SPARC V7 and V8: the integer unit. What there is and what is not: docs/sparc.md."""

from .model import CY7C601, MB86900, MB86904, MODELS

__all__ = ["CY7C601", "MB86900", "MB86904", "MODELS"]
