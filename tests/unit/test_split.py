import random
import tracemalloc
from collections import defaultdict
from collections.abc import Iterable, Mapping

import pytest
from dataset_reading import sha256_of_text

from tuner_kit.data.split import Candidate, HeldOutChoice, Side, num_held_out


def choose_held_out(
    candidates: Iterable[Candidate], num_wanted: int, earlier: Mapping[str, Side]
) -> frozenset[str]:
    choice = HeldOutChoice(earlier)
    for candidate in candidates:
        choice.see(candidate)
    return choice.choose(num_wanted)


def image(name: str, group: int = 0) -> Candidate:
    return Candidate(name, sha256_of_text(name), group)


def singles(count: int) -> list[Candidate]:
    return [image(f"{number}.png") for number in range(count)]


def sides_of(candidates: list[Candidate], held_out: frozenset[str]) -> dict[str, Side]:
    return {
        candidate.sha256: Side.HELD_OUT if candidate.name in held_out else Side.TRAIN
        for candidate in candidates
    }


@pytest.mark.parametrize(
    ("num_images", "expected"),
    [
        *((0, 0), (1, 0), (19, 0)),
        *((20, 5), (33, 5), (36, 5), (37, 6), (49, 7)),
        *((50, 10), (66, 10), (67, 10), (71, 11), (100, 15), (199, 30)),
        *((200, 20), (250, 25), (999, 100), (1_000, 100), (2_000, 100), (100_000, 100)),
    ],
)
def test_the_number_of_held_out_images_is_that_of_the_protocol(
    num_images: int, expected: int
) -> None:
    assert num_held_out(num_images) == expected


def test_as_many_images_are_held_out_as_are_wanted() -> None:
    held_out = choose_held_out(singles(100), 15, {})
    assert len(held_out) == 15
    assert held_out < {candidate.name for candidate in singles(100)}


@pytest.mark.parametrize("earlier", [{}, {sha256_of_text("3.png"): Side.HELD_OUT}])
def test_nothing_is_held_out_when_nothing_is_wanted(earlier: dict[str, Side]) -> None:
    assert choose_held_out(singles(10), 0, earlier) == frozenset()


def test_the_choice_is_that_of_the_first_version() -> None:
    # It is made of SHA-256 alone: another result would hold out what older runs have trained on.
    expected = {"0.png", "3.png", "5.png", "7.png", "16.png"}
    assert choose_held_out(singles(20), 5, {}) == expected


def random_candidates(seed: int) -> list[Candidate]:
    """Give images of which some look alike, in groups of any size."""
    source = random.Random(seed)
    num_groups = source.randint(1, 12)
    return [
        image(f"{number}.png", source.choice([0, 0, *range(1, num_groups + 1)]))
        for number in range(source.randint(20, 120))
    ]


@pytest.mark.parametrize("seed", range(40))
def test_look_alikes_are_never_on_both_sides(seed: int) -> None:
    candidates = random_candidates(seed)
    num_wanted = num_held_out(len(candidates))
    held_out = choose_held_out(candidates, num_wanted, {})

    sides_by_group: dict[int, set[bool]] = defaultdict(set)
    for candidate in candidates:
        if candidate.near_group:
            sides_by_group[candidate.near_group].add(candidate.name in held_out)
    assert all(len(sides) == 1 for sides in sides_by_group.values())
    assert 0 < len(held_out) <= num_wanted
    num_singles = sum(candidate.near_group == 0 for candidate in candidates)
    assert len(held_out) == num_wanted or num_singles < num_wanted


@pytest.mark.parametrize("seed", range(10))
def test_the_choice_depends_on_the_bytes_alone(seed: int) -> None:
    candidates = random_candidates(seed)
    hashes = {candidate.name: candidate.sha256 for candidate in candidates}
    held_out = choose_held_out(candidates, 8, {})

    shuffled = random.Random(seed).sample(candidates, len(candidates))
    elsewhere = [
        Candidate(f"moved/{item.name}", item.sha256, item.near_group and item.near_group + 100)
        for item in shuffled
    ]

    assert choose_held_out(iter(shuffled), 8, {}) == held_out
    moved = choose_held_out(elsewhere, 8, {})
    assert {hashes[name.removeprefix("moved/")] for name in moved} == {
        hashes[name] for name in held_out
    }


def test_groups_take_their_turn_like_single_images() -> None:
    candidates = [image(f"{number}.png", number // 2 + 1) for number in range(60)]
    mixed = [*candidates, *(image(f"single {number}") for number in range(60))]
    held_out = choose_held_out(mixed, 40, {})
    num_singles = sum(name.startswith("single") for name in held_out)
    assert 5 < num_singles < 35


def test_a_group_that_is_too_large_is_trained_on_and_others_take_its_place() -> None:
    large = [image(f"large {number}", 1) for number in range(6)]
    held_out = choose_held_out([*large, *singles(30)], 5, {})
    assert len(held_out) == 5
    assert not held_out & {candidate.name for candidate in large}


def test_when_all_groups_are_too_large_fewer_images_are_held_out() -> None:
    candidates = [image(f"{number}.png", number // 10 + 1) for number in range(40)]
    assert choose_held_out(candidates, 6, {}) == frozenset()
    assert len(choose_held_out(candidates, 19, {})) == 10


# ---------------------------------------------------------------- a run that goes on


@pytest.mark.parametrize("seed", range(20))
def test_when_images_are_added_nothing_changes_its_side(seed: int) -> None:
    source = random.Random(seed)
    before = random_candidates(seed)
    first = choose_held_out(before, num_held_out(len(before)), {})
    added = [image(f"new {number}.png") for number in range(source.randint(1, 200))]
    now = source.sample([*before, *added], len(before) + len(added))
    earlier = sides_of(before, first)

    second = choose_held_out(now, num_held_out(len(now)), earlier)

    trained = {candidate.name for candidate in before} - first
    assert not second & trained
    assert first <= second
    # Where nothing new is left, fewer are held out; the protocol asks for fewer of 200 than of 199.
    assert len(second) == max(len(first), min(num_held_out(len(now)), len(first) + len(added)))


def test_an_image_that_was_trained_on_takes_its_new_look_alikes_along() -> None:
    candidates = [image("old.png", 1), image("new.png", 1), *singles(3)]
    earlier = {sha256_of_text("old.png"): Side.TRAIN}
    assert choose_held_out(candidates, 5, earlier) == {"0.png", "1.png", "2.png"}


def test_a_held_out_image_takes_its_new_look_alikes_along() -> None:
    candidates = [*singles(30), image("old.png", 1), image("new.png", 1)]
    earlier = sides_of(candidates[:-1], frozenset({"old.png"}))
    assert choose_held_out(candidates, 5, earlier) == {"old.png", "new.png"}


def test_look_alikes_that_were_on_both_sides_are_trained_on() -> None:
    candidates = [image("a.png", 1), image("b.png", 1), *singles(4)]
    earlier = {sha256_of_text("a.png"): Side.TRAIN, sha256_of_text("b.png"): Side.HELD_OUT}
    assert choose_held_out(candidates, 6, earlier) == {"0.png", "1.png", "2.png", "3.png"}


def test_a_held_out_image_stays_so_under_another_name() -> None:
    candidates = [Candidate("renamed.png", sha256_of_text("19.png"), 0), *singles(19)]
    earlier = {sha256_of_text("19.png"): Side.HELD_OUT}
    assert "renamed.png" in choose_held_out(candidates, 1, earlier)


def test_what_was_held_out_stays_so_when_fewer_are_wanted_now() -> None:
    # Of 199 images 30 are held out, and of 200 only 20.
    first = choose_held_out(singles(199), 30, {})
    earlier = sides_of(singles(199), first)
    assert choose_held_out([image("new.png"), *singles(199)], 20, earlier) == first
    assert choose_held_out(reversed(singles(199)), 1, earlier) == first


def test_a_held_out_image_with_too_many_new_look_alikes_is_trained_on() -> None:
    candidates = [image(f"new {number}.png", 1) for number in range(8)] + singles(20)
    earlier = {sha256_of_text("new 0.png"): Side.HELD_OUT}
    held_out = choose_held_out(candidates, 5, earlier)
    assert len(held_out) == 5
    assert not any(name.startswith("new") for name in held_out)


def test_images_that_are_not_chosen_are_not_remembered() -> None:
    many = (Candidate("a", f"{number:064x}", 0) for number in range(50_000))
    tracemalloc.start()
    choose_held_out(many, 100, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000
