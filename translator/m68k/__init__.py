"""The Motorola 68000 family: 68000, 68010, 68020."""

from .model import M68K, M68000, M68010, M68020, MODELS

__all__ = ["M68K", "M68000", "M68010", "M68020", "MODELS"]
