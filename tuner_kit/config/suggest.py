"""Did you mean: the nearest known word to a mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to `word`, or None when none is near."""
    return next(iter(suggest_some(word, known, most=1)), None)


def suggest_some(word: str, known: Iterable[str], *, most: int) -> list[str]:
    """Return the known words near to `word`, nearest first."""
    return get_close_matches(word, list(known), n=most, cutoff=0.6)


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """Write a fix: the suggestion where there is one, else `otherwise`."""
    nearest = suggest(word, known)
    return f"did you mean {nearest}?" if nearest else otherwise
