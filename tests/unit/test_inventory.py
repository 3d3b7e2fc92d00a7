import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dataset_reading import ODD_NAMES, change_in_secret
from inventory_filling import HEADER, open_filled, to_read
from layout_files import write_captioned, write_images, write_text

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import Caption, Header, PixelFacts, SkippedFile, SkipReason

FACTS = PixelFacts(None, "ab" * 32, -(2**63), 12.5, 127.25, 60.0, bytes(range(48)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_captioned(tmp_path / "set", {"a.png": "a fox", "in/b.png": "a wolf"})


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    return tmp_path / "set.sqlite"


# ---------------------------------------------------------------- what is remembered


def test_what_was_measured_is_given_back_by_the_next_command(
    root: Path, database_path: Path
) -> None:
    with Inventory(root, database_path) as first:
        first.find_files()
        first.save_headers([("a.png", HEADER), ("in/b.png", None)])
        first.save_pixels([("a.png", FACTS), ("in/b.png", PixelFacts("it is cut"))])
        first.save_groups({"a.png": 3})

    with Inventory(root, database_path) as second:
        second.find_files()
        a, b = second.records()

    assert (a.name, a.path, a.size_bytes) == (
        "a.png",
        root / "a.png",
        (root / "a.png").stat().st_size,
    )
    assert a.header == HEADER
    assert a.pixels == PixelFacts(
        None, "ab" * 32, -(2**63), 12.5, 127.25, 60.0, bytes(range(48)), near_group=3
    )
    assert b.header is None
    assert b.fault == "it is cut"


def test_nothing_is_read_twice_of_an_unchanged_folder(root: Path, database_path: Path) -> None:
    open_filled(root, database_path).close()
    assert to_read(root, database_path) == ([], [], [])


def replaced(root: Path) -> None:
    (write_images(root.parent, "new.png") / "new.png").replace(root / "a.png")


def renamed(root: Path) -> None:
    (root / "a.png").rename(root / "new.png")


def added(root: Path) -> None:
    write_images(root, "new.png")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda root: change_in_secret(root / "a.png"), "a.png"),
        (replaced, "a.png"),
        (lambda root: os.utime(root / "a.png", ns=(5, 5)), "a.png"),
        (renamed, "new.png"),
        (added, "new.png"),
    ],
    ids=["same size and time", "replaced", "touched", "renamed", "added"],
)
def test_only_what_has_changed_is_read_anew(
    root: Path, database_path: Path, change: Callable[[Path], None], name: str
) -> None:
    open_filled(root, database_path).close()
    change(root)
    assert to_read(root, database_path) == ([name], [], [name])


def test_only_a_caption_that_has_changed_is_read_anew(root: Path, database_path: Path) -> None:
    open_filled(root, database_path).close()
    write_text(root / "a.txt", "a cat")  # as long as before
    assert to_read(root, database_path) == ([], ["a.txt"], [])


def test_a_file_that_is_gone_is_forgotten(root: Path, database_path: Path) -> None:
    open_filled(root, database_path).close()
    (root / "a.png").unlink()
    (root / "in" / "b.txt").unlink()
    with open_filled(root, database_path) as inventory:
        (b,) = inventory.records()
        assert (b.name, b.caption) == ("in/b.png", None)
        assert list(inventory.text_names()) == ["a.txt"]


@pytest.mark.parametrize(
    ("change", "is_present"),
    [
        (lambda _: None, True),
        (lambda root: write_text(root / "a.txt", "new"), True),
        (lambda root: change_in_secret(root / "a.png"), False),
        (lambda root: (root / "a.png").unlink(), False),
    ],
    ids=["nothing", "a caption", "an image", "an image less"],
)
def test_look_alikes_are_looked_for_again_when_images_have_changed(
    root: Path, database_path: Path, change: Callable[[Path], None], *, is_present: bool
) -> None:
    open_filled(root, database_path).close()
    change(root)
    with Inventory(root, database_path) as inventory:
        inventory.find_files()
        assert inventory.has_present_groups() == is_present


def test_looking_at_a_new_image_outdates_the_groups(root: Path, database_path: Path) -> None:
    with open_filled(root, database_path) as inventory:
        assert inventory.has_present_groups()
        inventory.save_pixels([("a.png", FACTS)])
        assert not inventory.has_present_groups()


def test_new_groups_replace_the_old_ones(root: Path, database_path: Path) -> None:
    with open_filled(root, database_path) as inventory:
        inventory.save_groups({"a.png": 1, "in/b.png": 1})
        inventory.save_groups({"in/b.png": 2})
        groups = [image.pixels.near_group for image in inventory.records() if image.pixels]
    assert groups == [0, 2]


def test_only_sound_images_are_compared(root: Path, database_path: Path) -> None:
    with open_filled(root, database_path) as inventory:
        inventory.save_pixels([("a.png", FACTS), ("in/b.png", PixelFacts("it is cut"))])
        assert list(inventory.looks()) == [("a.png", -(2**63), bytes(range(48)))]


def test_an_interrupted_batch_is_read_again_as_a_whole(root: Path, database_path: Path) -> None:
    def interrupted() -> Iterator[tuple[str, Header | None]]:
        yield "a.png", HEADER
        raise KeyboardInterrupt

    with Inventory(root, database_path) as inventory:
        inventory.find_files()
        with pytest.raises(KeyboardInterrupt):
            inventory.save_headers(interrupted())
    assert to_read(root, database_path)[0] == ["a.png", "in/b.png"]


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_any_name_comes_back_as_it_was(tmp_path: Path, database_path: Path, name: bytes) -> None:
    stem = os.fsdecode(name).removesuffix(".png")
    root = write_captioned(tmp_path / "set", {f"{stem}/{stem}.png": "a fox"})
    write_text(root / f"{stem}.pdf", "x")
    image = f"{stem}/{stem}.png"

    with open_filled(root, database_path) as inventory:
        inventory.assign([(image, "part")])
        inventory.save_groups({image: 4})
        (found,) = inventory.records()
        assert (found.name, found.part) == (image, "part")
        assert found.path.read_bytes()
        assert found.caption == Caption("a fox", f"{stem}/{stem}.txt")
        assert found.pixels is not None
        assert found.pixels.near_group == 4
        assert list(inventory.image_names()) == [image]
        assert list(inventory.other_names()) == [f"{stem}.pdf"]
        assert [text.stem for text in inventory.text_files()] == [f"{stem}/{stem}"]
        assert list(inventory.images_of_stem(f"{stem}/{stem}")) == [image]
        assert [row[0] for row in inventory.looks()] == [image]
        assert inventory.has_image(image)
        inventory.skip([SkippedFile(image, SkipReason.MASK)])
        assert list(inventory.skipped()) == [SkippedFile(image, SkipReason.MASK)]


# ---------------------------------------------------------------- a layout's words


def test_txt_beats_caption_and_case_of_the_suffix_does_not_matter(
    tmp_path: Path, database_path: Path
) -> None:
    root = write_images(tmp_path / "set", "a.png", "b.PNG", "b.jpg", "c.png")
    for name in ("a.txt", "a.caption", "b.TXT", "in/c.txt"):
        write_text(root / name, name)
    with open_filled(root, database_path) as inventory:
        origins = [image.caption and image.caption.origin for image in inventory.records()]
        assert origins == ["a.txt", "b.TXT", "b.TXT", None]
        assert list(inventory.names_of_shared_stems()) == ["b.PNG", "b.jpg"]
        inventory.skip_unpaired_texts()
        assert [item.name for item in inventory.skipped()] == ["a.caption", "in/c.txt"]


def test_the_first_caption_of_an_image_stays(root: Path, database_path: Path) -> None:
    with open_filled(root, database_path) as inventory:
        inventory.pair([("a.png", Caption("second", "metadata.jsonl:1"))])
        assert next(inventory.records()).caption == Caption("a fox", "a.txt")


def test_a_skipped_image_is_counted_nowhere(root: Path, database_path: Path) -> None:
    with open_filled(root, database_path) as inventory:
        inventory.skip([SkippedFile("a.png", SkipReason.MASK)])
        assert [image.name for image in inventory.records()] == ["in/b.png"]
        assert inventory.num_images() == 1
        assert list(inventory.image_names()) == ["a.png", "in/b.png"]


def test_what_a_layout_said_is_forgotten(root: Path, database_path: Path) -> None:
    with open_filled(root, database_path) as inventory:
        inventory.assign([("a.png", "part")])
        inventory.skip([SkippedFile("in/b.png", SkipReason.MASK)])
    with Inventory(root, database_path) as again:
        again.find_files()
        assert [(image.part, image.caption) for image in again.records()] == [("", None)] * 2


def test_names_are_found_in_another_case_and_in_another_way_to_write_accents(
    tmp_path: Path, database_path: Path
) -> None:
    apart = "cafe\N{COMBINING ACUTE ACCENT}.png"
    root = write_images(tmp_path / "set", "A.png", "a.png", apart)
    with open_filled(root, database_path) as inventory:
        assert list(inventory.images_like("a.PNG")) == ["A.png", "a.png"]
        assert list(inventory.images_like("CAF\N{LATIN CAPITAL LETTER E WITH ACUTE}.png")) == [
            apart
        ]
        assert not list(inventory.images_like("b.png"))


def test_more_names_than_fit_into_a_batch_come_once_each_and_in_order(
    tmp_path: Path, database_path: Path
) -> None:
    root = write_empty_images(tmp_path / "set", 1_001)
    with Inventory(root, database_path) as inventory:
        inventory.find_files()
        seen = []
        for name in inventory.headers_to_read():
            seen.append(name)
            inventory.save_headers([(name, None)])  # it leaves the list while that is read
        assert seen == [f"{number:05d}.png" for number in range(1_001)]
        assert inventory.num_headers_to_read() == 0


# ---------------------------------------------------------------- many files


def write_empty_images(root: Path, count: int) -> Path:
    root.mkdir()
    for number in range(count):
        os.close(os.open(root / f"{number:05d}.png", os.O_CREAT))
    return root


def peak_memory_of_reading(root: Path) -> int:
    tracemalloc.start()
    with Inventory(root, root.with_suffix(".sqlite")) as inventory:
        inventory.find_files()
        inventory.save_headers((name, None) for name in inventory.headers_to_read())
        inventory.pair_by_stem()
        assert sum(1 for _ in inventory.records()) == inventory.num_images()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    few = peak_memory_of_reading(write_empty_images(tmp_path / "few", 2_000))
    many = peak_memory_of_reading(write_empty_images(tmp_path / "many", 20_000))
    assert many < 1.5 * few
