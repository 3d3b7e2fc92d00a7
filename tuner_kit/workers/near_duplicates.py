"""Find images that look alike among very many, by their hashes and the colors in them.

A perceptual hash knows shapes but no colors: a red star and a blue star have the same one.
So two images are alike when their hashes are and each color is about where it was.
"""

from collections.abc import Iterator
from itertools import combinations, count

import numpy as np
from numpy.typing import NDArray

MAX_HASH_BITS = 6
"""Most bits of 64 that may differ; from the evaluation protocol."""
MAX_COLOR_DIFFERENCE = 32
"""Most that a value of the color layout may differ, 0..255 scale.

Measured on 5 photographs: JPEG of quality 30, half the size, 3 % cut off each side: 20 at
most; 15 % brighter, 20 % more contrast, 40 % more saturated: 31 at most. Of 200 drawings of
shapes, 24 pairs have like hashes, 21 of them with other captions; all 21 differ by 36 or more.
"""

_NUM_BYTES = 8

type Indices = NDArray[np.intp]


def group_look_alikes(hashes: NDArray[np.int64], layouts: NDArray[np.uint8]) -> Indices:
    """Number the groups of look-alikes; exact copies are always in one.

    What is like one of a group belongs to it. Time grows with the number of pairs that
    agree in any 16 of 64 bits: 2,000 for each image where hashes are spread evenly.

    Args:
        hashes: shape (N,), all 64 bits count.
        layouts: shape (N, C), one row for each hash.

    Returns:
        Shape (N,): the same number, from 1 in order of first images, for those that look
        alike; 0 for an image that looks like no other.
    """
    if not len(hashes):
        return np.zeros(0, np.intp)
    # Copies are taken together first: a thousand of one picture are half a million pairs.
    looks = np.hstack([hashes.view(np.uint8).reshape(-1, _NUM_BYTES), layouts])
    _, firsts, members = np.unique(looks, axis=0, return_index=True, return_inverse=True)
    parents = _unite_alike(hashes[firsts].view(np.uint64), layouts[firsts])
    return _number_groups(parents[members.ravel()])


def _unite_alike(hashes: NDArray[np.uint64], layouts: NDArray[np.uint8]) -> Indices:
    """Give each image a member of its group that is the same for all of the group."""
    parents = np.arange(len(hashes))
    parts = hashes.view(np.uint8).reshape(-1, _NUM_BYTES).astype(np.uint16)
    # Of 8 bytes, 6 differing bits leave at least 2 unchanged: no other pair need be compared.
    for first, second in combinations(range(_NUM_BYTES), 2):
        keys = parts[:, first] << np.uint16(8) | parts[:, second]
        order = np.argsort(keys, kind="stable")
        order = order[_is_unsettled(keys[order], parents[order])]
        for positions in _pairs_of_equal(keys[order]):
            left, right = (order[position] for position in positions)
            is_apart = parents[left] != parents[right]
            _unite(parents, *_alike(hashes, layouts, left[is_apart], right[is_apart]))
    return parents


def _is_unsettled(keys: NDArray[np.uint16], parents: Indices) -> NDArray[np.bool_]:
    """Tell for sorted keys where images of the same key are of more than one group."""
    starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    is_mixed = np.minimum.reduceat(parents, starts) != np.maximum.reduceat(parents, starts)
    return np.repeat(is_mixed, np.diff(starts, append=len(keys)))


def _pairs_of_equal(keys: NDArray[np.uint16]) -> Iterator[tuple[Indices, Indices]]:
    """Give the positions of all pairs of equal sorted keys, at most as many at once as keys."""
    left = np.arange(len(keys))
    for distance in count(1):
        left = left[left + distance < len(keys)]
        left = left[keys[left] == keys[left + distance]]
        if not left.size:
            return
        yield left, left + distance


def _alike(
    hashes: NDArray[np.uint64], layouts: NDArray[np.uint8], left: Indices, right: Indices
) -> tuple[Indices, Indices]:
    """Keep the pairs whose hashes and colors are alike."""
    is_near = np.bitwise_count(hashes[left] ^ hashes[right]) <= MAX_HASH_BITS
    left, right = left[is_near], right[is_near]
    difference = np.abs(layouts[left].astype(np.int16) - layouts[right])
    has_like_colors = (difference <= MAX_COLOR_DIFFERENCE).all(axis=1)
    return left[has_like_colors], right[has_like_colors]


def _unite(parents: Indices, left: Indices, right: Indices) -> None:
    """Make one group of the groups of each pair; every parent is the least of its group."""
    while True:
        low = np.minimum(parents[left], parents[right])
        high = np.maximum(parents[left], parents[right])
        if np.array_equal(low, high):
            return
        np.minimum.at(parents, high, low)
        while not np.array_equal(parents, parents[parents]):
            parents[:] = parents[parents]


def _number_groups(labels: Indices) -> Indices:
    """Number the labels that occur more than once by their first place; the others get 0."""
    _, firsts, members, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    groups = np.flatnonzero(sizes > 1)
    numbers = np.zeros(len(sizes), np.intp)
    numbers[groups[np.argsort(firsts[groups])]] = np.arange(1, len(groups) + 1)
    return numbers[members]
