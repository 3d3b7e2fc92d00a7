from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_files import cut, write_huge_png, write_image, write_noise_jpeg, write_sideways_photo

from tuner_kit.data.decode import find_unreadable
from tuner_kit.data.read_folder import IMAGE_SUFFIXES, read_folder


def reasons(root: Path) -> list[str]:
    return [image.reason for image in find_unreadable(read_folder(root).records)]


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_a_sound_image_is_accepted(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}")
    assert reasons(tmp_path) == []


def test_a_sideways_photo_is_accepted(tmp_path: Path) -> None:
    write_sideways_photo(tmp_path / "a.jpg")
    assert reasons(tmp_path) == []


@pytest.mark.parametrize("is_progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize("num_bytes", [1, 2, 100, 5000])
def test_a_truncated_jpeg_is_found(tmp_path: Path, num_bytes: int, *, is_progressive: bool) -> None:
    cut(write_noise_jpeg(tmp_path / "a.jpg", is_progressive=is_progressive), num_bytes=num_bytes)
    assert len(reasons(tmp_path)) == 1
    assert "truncated" in reasons(tmp_path)[0]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".avif"])
def test_half_an_image_is_found(tmp_path: Path, suffix: str) -> None:
    path = write_image(tmp_path / f"a{suffix}", size=(256, 256))
    cut(path, num_bytes=path.stat().st_size // 2)
    assert len(reasons(tmp_path)) == 1


def write_text(path: Path) -> None:
    path.write_text("404 not found")


def write_nothing(path: Path) -> None:
    path.touch()


def write_bomb(path: Path) -> None:
    write_huge_png(path, edge_px=30_000)


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_text, "its content is not an image"),
        (write_nothing, "empty file"),
        (write_bomb, "more than 178 megapixels"),
    ],
)
def test_what_only_looks_like_an_image_is_found(
    tmp_path: Path, write: Callable[[Path], None], reason: str
) -> None:
    write(tmp_path / "a.png")
    assert reasons(tmp_path) == [reason]


@pytest.mark.parametrize(("mode", "kind"), [("F", "float"), ("I", "integer")])
def test_pixels_that_the_trainer_reads_as_black_are_found(
    tmp_path: Path, mode: str, kind: str
) -> None:
    write_image(tmp_path / "a.tif", mode=mode)
    assert reasons(tmp_path) == [f"32-bit {kind} pixels"]


def test_a_reason_never_contains_the_path(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    records = read_folder(tmp_path).records
    (tmp_path / "a.png").unlink()
    assert find_unreadable(records)[0].reason == "no such file or directory"


def test_progress_reaches_the_number_of_images(tmp_path: Path) -> None:
    for number in range(5):
        write_image(tmp_path / f"{number}.jpg")
    seen: list[tuple[int, int]] = []
    find_unreadable(read_folder(tmp_path).records, on_progress=lambda *step: seen.append(step))
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
