"""The sun4c architecture: SPARCstation 2 and its relatives (CY7C601, sun4c MMU, SBus)."""
