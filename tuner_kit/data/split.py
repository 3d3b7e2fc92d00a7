"""The held-out images: kept from training, so that a result can be judged on new pictures.

Sizes and grouping follow the evaluation protocol: none below 20 images, 15 % (at least 5,
from 50 on 10) below 200, then 10 % (20 to 100). Look-alikes are never on both sides. The choice
depends on the images' bytes alone, so it is the same on every machine; an image that was
trained on once is never held out later.
"""

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SEED = 0
MIN_IMAGES = 20
"""Fewer images are all trained on."""
MAX_HELD_OUT = 100
"""However many images there are."""


class Side(StrEnum):
    """What an image is used for."""

    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image that may be held out."""

    name: str
    sha256: str
    near_group: int
    """The same number for look-alikes; 0 for an image that looks like no other."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Images that stay together."""

    names: tuple[str, ...]
    was_held_out: bool
    turn: str
    """The digest that decides when it is chosen."""


def num_held_out(num_images: int) -> int:
    """Say how many of a dataset's images are held out."""
    if num_images < MIN_IMAGES:
        return 0
    if num_images < 50:  # noqa: PLR2004 - the protocol's steps
        return max(5, round(0.15 * num_images))
    if num_images < 200:  # noqa: PLR2004
        return max(10, round(0.15 * num_images))
    return min(max(20, round(0.10 * num_images)), MAX_HELD_OUT)


class HeldOutChoice:
    """Sees the images of a dataset once, in any order, and then names those to hold out.

    Of images that look like no other, only as many are kept in memory as can be held out.
    """

    def __init__(self, earlier: Mapping[str, Side]) -> None:
        """Begin; `earlier` has the sides by sha256, of the run that goes on."""
        self.num_seen = 0
        self._earlier = earlier
        self._members: dict[int, list[Candidate]] = defaultdict(list)
        self._singles: list[_Group] = []
        self._max_singles = max(MAX_HELD_OUT, len(earlier))

    def see(self, image: Candidate) -> None:
        """Take an image in."""
        self.num_seen += 1
        if image.near_group:
            self._members[image.near_group].append(image)
        elif (group := _group_of([image], self._earlier)) is not None:
            self._singles.append(group)
        if len(self._singles) > 4 * self._max_singles:
            self._singles = self._first_singles()

    def choose(self, num_wanted: int) -> frozenset[str]:
        """Name whole groups of look-alikes, `num_wanted` images at most.

        What was held out before stays so, even if that is more than is wanted now.

        Returns:
            Names; fewer than wanted when the groups are too large to fit.
        """
        if num_wanted == 0:
            return frozenset()
        alike = (_group_of(images, self._earlier) for images in self._members.values())
        groups = [
            group
            for group in (*self._first_singles(), *alike)
            if group is not None and len(group.names) <= num_wanted
        ]
        held_out = {name for group in groups if group.was_held_out for name in group.names}
        for group in sorted(groups, key=lambda group: group.turn):
            if len(held_out) + len(group.names) <= num_wanted:
                held_out.update(group.names)
        return frozenset(held_out)

    def _first_singles(self) -> list[_Group]:
        return heapq.nsmallest(
            self._max_singles,
            self._singles,
            key=lambda group: (not group.was_held_out, group.turn),
        )


def _group_of(images: Sequence[Candidate], earlier: Mapping[str, Side]) -> _Group | None:
    """Put look-alikes together; None when one of them was trained on."""
    hashes = sorted(image.sha256 for image in images)
    sides = {earlier.get(sha256) for sha256 in hashes}
    if Side.TRAIN in sides:
        return None
    return _Group(
        names=tuple(image.name for image in images),
        was_held_out=Side.HELD_OUT in sides,
        turn=hashlib.sha256(f"{SEED}:{hashes[0]}".encode()).hexdigest(),
    )
