"""The machine: elements, connections, the tmesh language. Knows no chip and no instruction set.

    import tme
    with tme.Machine("SUN3") as sun: ...        # see tme.api
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Machine", "NotSeen", "TmeError"]


def __getattr__(name: str) -> Any:
    """The names of the Python API, imported when they are asked for: the command line does without them."""
    if name not in __all__:
        raise AttributeError(f"module 'tme' has no attribute '{name}'")
    import tme.api

    return getattr(tme.api, name)
