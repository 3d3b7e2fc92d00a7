"""How a finding names many things: the first few, and how many more there are."""

from collections.abc import Sequence

MAX_SHOWN = 3
"""Things that a finding names."""


def list_some(shown: Sequence[str], num_all: int) -> str:
    """Write `a, b, c and 2 more`; `shown` holds the first few of `num_all`."""
    num_more = num_all - len(shown)
    listed = ", ".join(shown)
    return f"{listed} and {num_more} more" if num_more > 0 else listed
