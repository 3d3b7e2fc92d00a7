"""A number that is not known exactly: its least, likeliest and largest value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its bar; `low <= likely <= high`, all in one unit.

    The bar is meant to hold four of five cases. Sums and scaled values keep that only roughly:
    bars are added as if all were wrong in the same direction, which makes them too wide
    rather than too narrow.
    """

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.likely <= self.high:
            message = f"not in order: {self.low}, {self.likely}, {self.high}"
            raise ValueError(message)

    @classmethod
    def exact(cls, value: float) -> Self:
        """Return a value that has no bar."""
        return cls(value, value, value)

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __mul__(self, factor: "Estimate | float") -> "Estimate":
        """Scale by a number or an estimate; both must not be negative."""
        by = factor if isinstance(factor, Estimate) else Estimate.exact(factor)
        return Estimate(self.low * by.low, self.likely * by.likely, self.high * by.high)

    def contains(self, value: float) -> bool:
        """Tell whether a measured value lies within the bar."""
        return self.low <= value <= self.high


ZERO = Estimate(0.0, 0.0, 0.0)


def total(values: Iterable[Estimate]) -> Estimate:
    """Add estimates; nothing adds up to zero."""
    return sum(values, start=ZERO)


def largest(values: Iterable[Estimate]) -> Estimate:
    """Return the larger end at each of the three ends; zero of nothing."""
    found = tuple(values)
    return Estimate(
        max((value.low for value in found), default=0.0),
        max((value.likely for value in found), default=0.0),
        max((value.high for value in found), default=0.0),
    )


def around(value: float, *, low: float, high: float) -> Estimate:
    """Put a bar around a value: its ends as factors, `low <= 1 <= high`."""
    return Estimate(value * low, value, value * high)
