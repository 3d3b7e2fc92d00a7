"""Grouping look-alikes among very many: compared with what comparing all pairs gives."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from tuner_kit.workers.near_duplicates import group_look_alikes

type Hashes = NDArray[np.int64]

COLORS = 48


def spread_hashes(num: int, seed: int = 0) -> Hashes:
    """Give hashes as they are of pictures that have nothing in common."""
    return np.random.default_rng(seed).integers(-(2**63), 2**63, num, np.int64, endpoint=False)


def flip(value: int | np.int64, *bits: int) -> int:
    """Change bits of a hash."""
    changed = int(np.int64(value).view(np.uint64))
    for bit in bits:
        changed ^= 1 << bit
    return int(np.uint64(changed).view(np.int64))


def plain(num: int) -> NDArray[np.uint8]:
    return np.full((num, COLORS), 100, np.uint8)


def groups_of(*hashes: int | np.int64) -> list[int]:
    """Group hashes of pictures in the same colors."""
    groups = group_look_alikes(np.array(hashes, np.int64), plain(len(hashes)))
    return [int(group) for group in groups]


def test_nothing_has_no_groups() -> None:
    assert groups_of() == []


def test_pictures_that_have_nothing_in_common_are_in_no_group() -> None:
    assert groups_of(*spread_hashes(50)) == [0] * 50


@pytest.mark.parametrize("seed", range(5))
def test_six_bits_anywhere_are_alike_and_seven_are_not(seed: int) -> None:
    bits = [int(bit) for bit in np.random.default_rng(seed).permutation(64)]
    (value,) = spread_hashes(1)
    assert groups_of(value, flip(value, *bits[:6])) == [1, 1]
    assert groups_of(value, flip(value, *bits[:7])) == [0, 0]


def test_a_bit_of_every_byte_but_two_is_still_found() -> None:
    for bytes_ in combinations(range(8), 6):
        assert groups_of(-1, flip(-1, *(8 * byte for byte in bytes_))) == [1, 1]


def test_the_sign_bit_is_a_bit_like_any_other() -> None:
    assert groups_of(5, flip(5, 63)) == [1, 1]


def test_what_is_like_one_of_a_group_belongs_to_it() -> None:
    first = 0
    second = flip(first, 0, 9, 18, 27, 36)
    third = flip(second, 1, 10, 19, 28, 37)
    assert groups_of(first, third) == [0, 0]
    assert groups_of(first, third, second) == [1, 1, 1]


def test_groups_are_numbered_by_their_first_picture() -> None:
    other, one, two = spread_hashes(3)
    assert groups_of(two, other, one, flip(one, 3), flip(two, 3)) == [1, 0, 2, 2, 1]


def test_like_shapes_in_other_colors_are_not_alike() -> None:
    layouts = plain(4)
    layouts[1, 17] += 32
    layouts[2, 17] += 80
    layouts[3, 17] -= 80
    assert group_look_alikes(np.zeros(4, np.int64), layouts).tolist() == [1, 1, 0, 0]


def test_groups_are_those_of_comparing_all_pairs() -> None:
    rng = np.random.default_rng(1)
    hashes = np.repeat(spread_hashes(40), 10)
    masks = [flip(0, *rng.choice(64, 4, replace=False).tolist()) for _ in hashes]
    hashes = rng.permutation(hashes ^ np.array(masks, np.int64))
    layouts = rng.choice(np.array([80, 100, 125], np.uint8), (len(hashes), 1)).repeat(COLORS, 1)

    groups = group_look_alikes(hashes, layouts)

    assert partition(groups) == compare_all_pairs(hashes, layouts)


def partition(groups: NDArray[np.intp]) -> set[frozenset[int]]:
    numbers = set(groups.tolist()) - {0}
    return {frozenset(np.flatnonzero(groups == number).tolist()) for number in numbers}


def compare_all_pairs(hashes: Hashes, layouts: NDArray[np.uint8]) -> set[frozenset[int]]:
    """Group pictures as slowly and plainly as possible."""
    groups = {place: {place} for place in range(len(hashes))}
    for left, right in combinations(range(len(hashes)), 2):
        num_bits = (int(hashes[left] ^ hashes[right]) & (2**64 - 1)).bit_count()
        difference = abs(int(layouts[left, 0]) - int(layouts[right, 0]))
        if num_bits <= 6 and difference <= 32 and groups[left] is not groups[right]:
            groups[left] |= groups[right]
            for member in groups[right]:
                groups[member] = groups[left]
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def test_a_thousand_copies_of_one_picture_are_one_group() -> None:
    assert groups_of(*[7] * 1000) == [1] * 1000
