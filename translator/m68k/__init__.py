"""The Motorola 68000 family: 68000, 68010, 68020, and the 68020 with a 68881 or 68882 (SYSTEMS)."""

from .fpu.model import SYSTEMS
from .model import M68K, M68000, M68010, M68020, MODELS

__all__ = ["M68K", "M68000", "M68010", "M68020", "MODELS", "SYSTEMS"]
