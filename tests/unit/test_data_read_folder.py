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
from PIL import Image

from tuner_kit.data.captions import CaptionPolicy
from tuner_kit.data.read_folder import IMAGE_SUFFIXES, read_folder
from tuner_kit.data.snapshot import SkipReason
from tuner_kit.data.view import fingerprint_view
from tuner_kit.errors import DatasetError


def skip_reasons(root: Path) -> dict[str, SkipReason]:
    snapshot = read_folder(root)
    return {snapshot.name_of(item.path): item.reason for item in snapshot.skipped}


def test_images_and_captions_are_paired_in_nested_folders(tmp_path: Path) -> None:
    write_image(tmp_path / "b.png", caption="a dog")
    write_image(tmp_path / "cats" / "b.png", size=(96, 64), caption="a cat")
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "mice" / "b.png", caption="a mouse")

    snapshot = read_folder(tmp_path)

    found = [(snapshot.name_of(r.path), r.width_px, r.height_px) for r in snapshot.records]
    assert found == [
        ("a.png", 64, 64),
        ("b.png", 64, 64),
        ("cats/b.png", 96, 64),
        ("mice/b.png", 64, 64),
    ]
    captions = [r.caption_path.read_text() if r.caption_path else None for r in snapshot.records]
    assert captions == [None, "a dog", "a cat", "a mouse"]


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_image_format_is_read(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", size=(48, 32))
    record = read_folder(tmp_path).records[0]
    assert (record.width_px, record.height_px, record.pixel_mode) == (48, 32, "RGB")
    assert not record.is_animated
    assert not record.has_transparency


def test_the_table_of_formats_in_the_tests_is_complete() -> None:
    assert set(FORMAT_OF_SUFFIX) == IMAGE_SUFFIXES


def test_upper_case_suffixes_of_images_and_captions_count(tmp_path: Path) -> None:
    write_image(tmp_path / "IMG_1.JPG")
    (tmp_path / "IMG_1.TXT").write_text("a cat")
    record = read_folder(tmp_path).records[0]
    assert record.caption_path == tmp_path / "IMG_1.TXT"


def test_a_dot_in_the_stem_is_part_of_the_name(tmp_path: Path) -> None:
    write_image(tmp_path / "cat.v2.png", caption="a cat")
    record = read_folder(tmp_path).records[0]
    assert record.caption_path == tmp_path / "cat.v2.txt"


def test_hidden_and_system_files_are_left_out_and_recorded(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    write_image(tmp_path / ".hidden.png")
    write_image(tmp_path / ".ipynb_checkpoints" / "a-checkpoint.png")
    write_image(tmp_path / "__MACOSX" / "a.png")

    assert len(read_folder(tmp_path).records) == 1
    assert skip_reasons(tmp_path) == dict.fromkeys(
        (".hidden.png", ".ipynb_checkpoints", "__MACOSX"), SkipReason.HIDDEN
    )


def test_what_is_not_an_image_is_recorded_with_the_reason(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="a cat")
    for name in ("clip.mp4", "meta.json", "README.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "pipe.png")

    assert len(read_folder(tmp_path).records) == 1
    assert skip_reasons(tmp_path) == {
        "README.txt": SkipReason.LONE_CAPTION,
        "clip.mp4": SkipReason.NOT_AN_IMAGE,
        "gone.png": SkipReason.BROKEN_LINK,
        "loop": SkipReason.VISITED,
        "meta.json": SkipReason.NOT_AN_IMAGE,
        "pipe.png": SkipReason.SPECIAL,
    }


def test_links_to_images_and_to_folders_are_followed(tmp_path: Path) -> None:
    write_image(tmp_path / "elsewhere" / "a.png", caption="a cat")
    dataset_dir = tmp_path / "dataset"
    dataset_dir.mkdir()
    (dataset_dir / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (dataset_dir / "b.png").symlink_to(tmp_path / "elsewhere" / "a.png")

    snapshot = read_folder(dataset_dir)

    assert [snapshot.name_of(record.path) for record in snapshot.records] == ["b.png", "more/a.png"]


def test_a_sideways_photo_has_the_size_that_is_shown(tmp_path: Path) -> None:
    write_sideways_photo(tmp_path / "a.jpg")
    record = read_folder(tmp_path).records[0]
    assert (record.width_px, record.height_px) == (64, 128)


def test_an_animation_is_recognized(tmp_path: Path) -> None:
    write_animation(tmp_path / "a.webp")
    assert read_folder(tmp_path).records[0].is_animated


def test_the_preview_inside_a_camera_jpeg_is_no_animation(tmp_path: Path) -> None:
    photo, preview = Image.new("RGB", (64, 64)), Image.new("RGB", (16, 16))
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    assert not read_folder(tmp_path).records[0].is_animated


@pytest.mark.parametrize("edge_px", [10_000, 30_000], ids=["a warning", "an error"])
def test_a_huge_image_does_not_disturb_reading(tmp_path: Path, edge_px: int) -> None:
    write_huge_png(tmp_path / "a.png", edge_px=edge_px)
    record = read_folder(tmp_path).records[0]
    assert record.width_px == (edge_px if edge_px == 10_000 else 0)


def test_text_named_png_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not found")
    record = read_folder(tmp_path).records[0]
    assert (record.width_px, record.height_px, record.pixel_mode) == (0, 0, "")


def test_a_file_name_that_is_not_unicode_can_be_shown(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    snapshot = read_folder(tmp_path)
    assert snapshot.name_of(snapshot.records[0].path) == "caf\\udce9.png"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read_folder(tmp_path / "cats")
    assert caught.value.problems[0].id == "D01"
    assert caught.value.problems[0].what.endswith("cats does not exist")


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a file, not a folder") as caught:
        read_folder(write_image(tmp_path / "a.png"))
    assert caught.value.problems[0].id == "D01"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found instead: nothing") as caught:
        read_folder(tmp_path)
    assert caught.value.problems[0].id == "D02"


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    for name in ("1.heic", "2.HEIC", "1.txt"):
        (tmp_path / name).write_text("x")
    with pytest.raises(DatasetError, match=r"found instead: 2 \.heic, 1 \.txt"):
        read_folder(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    locked_dir = tmp_path / "locked"
    locked_dir.mkdir(mode=0o000)
    with pytest.raises(DatasetError, match="can't be read"):
        read_folder(locked_dir)


def fingerprint_of(root: Path) -> str:
    policy = CaptionPolicy(fallback_caption="a photo")
    return fingerprint_view(read_folder(root), caption_for=policy.caption_for)


def fingerprint_after(change: str, root: Path) -> str:
    match change:
        case "caption":
            (root / "a.txt").write_text("a dog")
        case "caption removed":
            (root / "a.txt").unlink()
        case "image replaced":
            os.utime(write_image(root / "a.bmp", color=(9, 9, 9)), ns=(5, 5))
        case "image renamed":
            (root / "a.bmp").rename(root / "b.bmp")
            (root / "a.txt").rename(root / "b.txt")
        case "image added":
            write_image(root / "z.png")
    return fingerprint_of(root)


@pytest.mark.parametrize(
    "change", ["caption", "caption removed", "image replaced", "image renamed", "image added"]
)
def test_the_fingerprint_changes_with_the_dataset(tmp_path: Path, change: str) -> None:
    write_image(tmp_path / "a.bmp", caption="a cat")
    before = fingerprint_of(tmp_path)
    assert fingerprint_after(change, tmp_path) != before


def test_the_fingerprint_stays_when_the_folder_moves(tmp_path: Path) -> None:
    write_image(tmp_path / "old" / "a.png", caption="a cat")
    before = fingerprint_of(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    after = fingerprint_of(tmp_path / "new")
    assert after == before
    assert len(after) == 16
