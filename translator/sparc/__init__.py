"""SPARC V7 and V8: the integer unit and its floating-point units: docs/sparc.md, docs/sparc-fpu.md."""

from .model import CY7C601, MB86900, MB86904, MODELS, SYSTEMS

__all__ = ["CY7C601", "MB86900", "MB86904", "MODELS", "SYSTEMS"]
