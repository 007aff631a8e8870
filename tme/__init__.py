"""The machine: elements, connections, the tmesh language. Knows no chip and no instruction set."""

__version__ = "0.1.0"
