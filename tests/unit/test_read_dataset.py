import os
from pathlib import Path

import pytest
from dataset_files import (
    FORMAT_OF_SUFFIX,
    write_animation,
    write_huge_png,
    write_image,
    write_sideways_photo,
)
from dataset_reading import (
    ODD_NAMES,
    change_in_secret,
    examined,
    listing,
    load_what_reading_needs,
    look,
    names_of,
    ordinary_rights,
    public_folder,
    read,
    skipped,
)
from PIL import Image

from tuner_kit.data.read_dataset import (
    DatasetSource,
    read_dataset,
)
from tuner_kit.data.records import Caption, Header, ImageRecord, SkipReason
from tuner_kit.data.walk import IMAGE_SUFFIXES
from tuner_kit.errors import DatasetError, Problem


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the inventories, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tuner_kit" / "inventories"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "set"


def records_of(root: Path, layout: str = "auto") -> list[ImageRecord]:
    with read(root, layout) as snapshot:
        return list(snapshot.inventory.records())


def header_of(root: Path) -> Header | None:
    (image,) = records_of(root)
    return image.header


def refusal_of(root: Path) -> Problem:
    with pytest.raises(DatasetError) as caught:
        read(root)
    (problem,) = caught.value.problems
    return problem


# ---------------------------------------------------------------- what is found


def test_images_and_captions_are_paired_in_nested_folders(root: Path) -> None:
    write_image(root / "b.png", caption="a dog")
    write_image(root / "cats" / "b.png", size=(96, 64), caption="a cat")
    write_image(root / "a.png")
    write_image(root / "mice" / "b.png", caption="a mouse")

    images = records_of(root)

    assert [(image.name, image.caption and image.caption.text) for image in images] == [
        ("a.png", None),
        ("b.png", "a dog"),
        ("cats/b.png", "a cat"),
        ("mice/b.png", "a mouse"),
    ]
    assert images[2].header == Header(96, 64, "RGB", "PNG")
    assert images[2].path == root / "cats" / "b.png"
    assert all(image.pixels is None and image.fault is None for image in images)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_image_format_is_read(root: Path, suffix: str) -> None:
    write_image(root / f"a{suffix}", size=(48, 32))
    assert header_of(root) == Header(48, 32, "RGB", FORMAT_OF_SUFFIX[suffix])


def test_the_table_of_formats_in_the_tests_is_complete() -> None:
    assert set(FORMAT_OF_SUFFIX) == IMAGE_SUFFIXES


def test_upper_case_suffixes_of_images_and_captions_count(root: Path) -> None:
    write_image(root / "IMG_1.JPG")
    (root / "IMG_1.TXT").write_text("a cat")
    assert records_of(root)[0].caption == Caption("a cat", "IMG_1.TXT")


def test_a_dot_in_the_stem_is_part_of_the_name(root: Path) -> None:
    write_image(root / "cat.v2.png", caption="a cat")
    assert records_of(root)[0].caption == Caption("a cat", "cat.v2.txt")


def test_hidden_folders_masks_and_outputs_are_left_out_and_recorded(root: Path) -> None:
    for name in ("a.png", ".hidden.png", ".ipynb_checkpoints/a.png", "__MACOSX/a.png"):
        write_image(root / name)
    for name in ("a-masklabel.png", "masks/a.png", "outputs/a.png", "checkpoint-5/a.png"):
        write_image(root / name)

    with read(root) as snapshot:
        assert names_of(snapshot) == ["a.png"]
        assert skipped(snapshot) == {
            ".hidden.png": SkipReason.HIDDEN,
            ".ipynb_checkpoints": SkipReason.HIDDEN,
            "__MACOSX": SkipReason.HIDDEN,
            "a-masklabel.png": SkipReason.MASK,
            "masks": SkipReason.SIDE_FOLDER,
            "outputs": SkipReason.SIDE_FOLDER,
            "checkpoint-5": SkipReason.SIDE_FOLDER,
        }


def test_what_is_not_an_image_is_recorded_with_the_reason(root: Path) -> None:
    write_image(root / "a.png", caption="a cat")
    for name in ("clip.mp4", "meta.json", "README.txt", "b.jxl.heic.jxl"):
        (root / name).write_text("x")
    (root / "gone.png").symlink_to(root / "nowhere.png")
    (root / "itself").symlink_to("itself")
    (root / "loop").symlink_to(root, target_is_directory=True)
    os.mkfifo(root / "pipe.png")
    os.mkfifo(root / "a.caption")

    with read(root) as snapshot:
        left_out = skipped(snapshot)
        assert names_of(snapshot)[0] == "a.png"
    left_out.pop("b.jxl.heic.jxl", None)  # an image where a decoder is installed
    assert left_out == {
        "README.txt": SkipReason.LONE_CAPTION,
        "a.caption": SkipReason.SPECIAL,
        "clip.mp4": SkipReason.NOT_AN_IMAGE,
        "gone.png": SkipReason.BROKEN_LINK,
        "itself": SkipReason.BROKEN_LINK,
        "loop": SkipReason.VISITED,
        "meta.json": SkipReason.NOT_AN_IMAGE,
        "pipe.png": SkipReason.SPECIAL,
    }


def test_links_to_images_and_to_folders_are_followed(tmp_path: Path, root: Path) -> None:
    write_image(tmp_path / "elsewhere" / "a.png", caption="a cat")
    root.mkdir()
    (root / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "b.png").symlink_to(tmp_path / "elsewhere" / "a.png")

    assert [(image.name, image.caption is not None) for image in records_of(root)] == [
        ("b.png", False),
        ("more/a.png", True),
    ]


def test_a_sideways_photo_has_the_size_that_is_shown(root: Path) -> None:
    root.mkdir()
    write_sideways_photo(root / "a.jpg")
    assert header_of(root) == Header(64, 128, "RGB", "JPEG", is_turned=True)


def test_an_animation_is_recognized(root: Path) -> None:
    root.mkdir()
    write_animation(root / "a.webp")
    assert header_of(root) == Header(64, 64, "RGB", "WEBP", is_animated=True)


def test_the_preview_inside_a_camera_jpeg_is_no_animation(root: Path) -> None:
    root.mkdir()
    photo, preview = Image.new("RGB", (64, 64)), Image.new("RGB", (16, 16))
    photo.save(root / "a.jpg", "MPO", save_all=True, append_images=[preview])
    header = header_of(root)
    assert header is not None
    assert not header.is_animated


@pytest.mark.parametrize("edge_px", [10_000, 30_000], ids=["a warning", "an error"])
def test_a_huge_image_does_not_disturb_reading(root: Path, edge_px: int) -> None:
    root.mkdir()
    write_huge_png(root / "a.png", edge_px=edge_px)
    header = header_of(root)
    assert (header and header.width_px) == (edge_px if edge_px == 10_000 else None)


@pytest.mark.parametrize(
    ("content", "fault"),
    [("not found", "its content is not an image"), ("", "empty file")],
    ids=["text", "empty"],
)
def test_what_only_is_called_an_image_has_a_fault(root: Path, content: str, fault: str) -> None:
    root.mkdir()
    (root / "a.png").write_text(content)
    (image,) = records_of(root)
    assert (image.header, image.fault) == (None, fault)


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_files_of_any_name_are_read(root: Path, name: bytes) -> None:
    image_path = root / os.fsdecode(name)
    write_image(image_path, caption="a cat")
    (image,) = records_of(root)
    assert (image.name, image.header) == (os.fsdecode(name), Header(64, 64, "RGB", "PNG"))
    assert image.caption == Caption("a cat", os.fsdecode(name.removesuffix(b".png")) + ".txt")


def test_progress_reaches_the_number_of_files_and_of_images(root: Path) -> None:
    for number in range(3):
        write_image(root / f"{number}.png", caption="a cat")
    seen: list[tuple[str, int, int | None]] = []

    def note(phase: str, done: int, total: int | None) -> None:
        seen.append((phase, done, total))

    for _ in range(2):
        read_dataset(DatasetSource(root, str(root)), note).inventory.close()

    first, second = ("listing files", 6, None), ("reading image sizes", 3, 3)
    assert seen == [first, second, first]


# ---------------------------------------------------------------- what is refused


def test_a_missing_folder_is_named_and_nothing_is_remembered_of_it(
    root: Path, cache_dir: Path
) -> None:
    problem = refusal_of(root)
    assert problem.id == "D01"
    assert problem.what.endswith("set does not exist")
    assert not list(cache_dir.glob("*"))


def test_a_file_in_place_of_the_folder_is_named(root: Path) -> None:
    problem = refusal_of(write_image(root / "a.png"))
    assert problem.id == "D01"
    assert "is a file, not a folder" in problem.what


def test_an_empty_folder_is_refused(root: Path) -> None:
    root.mkdir()
    problem = refusal_of(root)
    assert problem.id == "D02"
    assert problem.what.endswith("found instead: nothing")


def test_a_folder_without_images_says_what_it_holds(root: Path) -> None:
    root.mkdir()
    for name in ("1.mp4", "2.MP4", "3.mp4", "1.txt", "2.txt", "README", ".x"):
        (root / name).write_text("x")
    assert refusal_of(root).what.endswith("found instead: 3 .mp4, 2 .txt, 1 hidden, 1 others")


def test_a_name_that_is_not_unicode_can_be_printed_in_a_refusal(root: Path) -> None:
    folder = root / os.fsdecode(b"caf\xe9")
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"a.\xff")).write_text("x")
    for problem in (refusal_of(folder), refusal_of(folder / "missing")):
        f"{problem.what}{problem.where}{problem.fix}".encode()
        assert "caf\\udce9" in problem.where


def test_a_folder_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with public_folder() as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "locked").mkdir(mode=0o000)
        with ordinary_rights():
            problem = refusal_of(folder / "locked")
    assert problem.id == "D01"
    assert "can't be read: Permission denied" in problem.what


def test_files_that_may_not_be_read_do_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    with public_folder() as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        root = folder / "set"
        for name in ("a.png", "b.png", "c.png", "locked/d.png"):
            write_image(root / name, caption="a cat")
        load_what_reading_needs(folder)
        for name in ("a.png", "b.txt", "locked"):
            (root / name).chmod(0o000)
        with ordinary_rights(), read(root) as snapshot:
            a, b, c = snapshot.inventory.records()
            left_out = skipped(snapshot)
        (root / "locked").chmod(0o755)
    assert a.header is None
    assert b.caption == Caption(None, "b.txt", 0, problem="can't be read: permission denied")
    assert (c.fault, c.caption) == (None, Caption("a cat", "c.txt"))
    assert left_out == {"locked": SkipReason.UNLISTABLE}


# ---------------------------------------------------------------- nothing is stale


def test_nothing_is_read_again_of_an_unchanged_folder(root: Path) -> None:
    write_image(root / "a.png", caption="a cat")
    with examined(root) as first:
        before = list(first.inventory.records())
    with read(root) as second:
        assert list(second.inventory.records()) == before
        assert look(second.inventory) == []
        assert second.inventory.has_present_groups()


def test_a_change_that_keeps_size_and_time_is_seen(root: Path) -> None:
    write_image(root / "a.bmp", caption="a cat")
    write_image(root / "b.bmp", color=(1, 2, 3), caption="a dog")
    with examined(root) as first:
        before = {image.name: image.pixels for image in first.inventory.records()}

    change_in_secret(root / "a.bmp")

    with read(root) as second:
        assert look(second.inventory) == ["a.bmp"]
        after = {image.name: image.pixels for image in second.inventory.records()}
    assert after["a.bmp"] != before["a.bmp"]
    assert after["b.bmp"] == before["b.bmp"]


def test_a_header_that_has_changed_is_read_again(root: Path) -> None:
    write_image(root / "a.bmp", size=(64, 32))
    assert header_of(root) == Header(64, 32, "RGB", "BMP")
    status = (root / "a.bmp").stat()
    write_image(root / "a.bmp", size=(32, 64))
    os.utime(root / "a.bmp", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (root / "a.bmp").stat().st_size == status.st_size
    assert header_of(root) == Header(32, 64, "RGB", "BMP")


def test_a_caption_that_has_changed_is_read_again(root: Path) -> None:
    write_image(root / "a.png", caption="a cat")
    records_of(root)
    status = (root / "a.txt").stat()
    (root / "a.txt").write_text("a dog")
    os.utime(root / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert records_of(root)[0].caption == Caption("a dog", "a.txt")


def test_a_folder_that_was_renamed_is_the_same_dataset(tmp_path: Path, root: Path) -> None:
    write_image(root / "a.png", caption="a cat")
    with examined(root) as first:
        before = [(image.name, image.caption, image.pixels) for image in first.inventory.records()]
    root.rename(tmp_path / "new")
    with examined(tmp_path / "new") as second:
        after = list(second.inventory.records())
    assert [(image.name, image.caption, image.pixels) for image in after] == before
    assert after[0].path == tmp_path / "new" / "a.png"


def test_another_folder_of_the_same_name_is_another_dataset(tmp_path: Path, root: Path) -> None:
    write_image(root / "a.png", size=(64, 32))
    records_of(root)
    root.rename(tmp_path / "old")
    write_image(root / "a.png", size=(32, 64))
    assert header_of(root) == Header(32, 64, "RGB", "PNG")


def test_one_folder_by_two_paths_is_remembered_once(tmp_path: Path, root: Path) -> None:
    write_image(root / "a.png")
    with examined(root):
        pass
    (tmp_path / "link").symlink_to(root)
    with read(tmp_path / "link") as snapshot:
        assert look(snapshot.inventory) == []
        assert next(snapshot.inventory.records()).path == tmp_path / "link" / "a.png"


def test_reading_changes_nothing_in_the_folder(root: Path) -> None:
    write_image(root / "a.png", caption=b"\xff")
    write_image(root / "in" / "b.png", mode="RGBA", caption="\ufeffa\ncat")
    before = listing(root)
    with examined(root):
        pass
    assert listing(root) == before


@pytest.mark.parametrize("mask", ["a_mask.png", "a-mask.png", "a.MASK.webp"])
def test_a_mask_is_left_out_beside_the_image_that_it_is_of(tmp_path: Path, mask: str) -> None:
    write_image(tmp_path / "a.jpg")
    write_image(tmp_path / mask)
    write_image(tmp_path / "sleeping_mask.png")

    with read(tmp_path) as snapshot:
        names = [record.name for record in snapshot.inventory.records()]
        reasons = {item.name: item.reason for item in snapshot.inventory.skipped()}

    assert names == ["a.jpg", "sleeping_mask.png"]
    assert reasons == {mask: SkipReason.MASK}
