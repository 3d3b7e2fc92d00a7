"""Small pictures for a contact sheet: upright, small, and never of a decompression bomb."""

from pathlib import Path

import pytest
from data_pages import picture_in, write_photos
from dataset_files import cut, write_huge_png, write_image, write_noise_jpeg, write_sideways_photo
from PIL import Image

from tuner_kit.data.decode import pillow_warnings_ignored
from tuner_kit.data.read_dataset import DatasetSource, read_dataset
from tuner_kit.reporting.thumbnails import (
    EDGE_PX,
    NoThumbnail,
    Thumbnail,
    make_thumbnail,
    make_thumbnails,
)


def test_a_small_picture_is_upright_and_small(tmp_path: Path) -> None:
    photo = write_sideways_photo(tmp_path / "phone.jpg")
    write_image(tmp_path / "large.jpg", size=(3_000, 1_500))

    upright, large = make_thumbnail(photo), make_thumbnail(tmp_path / "large.jpg")

    assert isinstance(upright, Thumbnail)
    assert (upright.width_px, upright.height_px) == (64, 128)
    assert isinstance(large, Thumbnail)
    assert (large.width_px, large.height_px) == (EDGE_PX, EDGE_PX // 2)


def test_transparency_is_shown_on_white_as_it_is_trained(tmp_path: Path) -> None:
    write_image(tmp_path / "glass.png", mode="RGBA", color=(255, 0, 0, 0))

    shown = make_thumbnail(tmp_path / "glass.png")

    assert isinstance(shown, Thumbnail)
    assert picture_in({"src": shown.data_uri}).getpixel((9, 9)) == (255, 255, 255)


def test_a_picture_full_of_detail_is_stored_more_coarsely(tmp_path: Path) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((160, 160), 90) for _ in range(3)])
    noise.save(tmp_path / "noise.png")

    shown = make_thumbnail(tmp_path / "noise.png")

    assert isinstance(shown, Thumbnail)
    assert len(shown.data_uri) < 12_000  # at the usual quality it would be 19,000


@pytest.mark.parametrize("edge_px", [12_000, 60_000])
def test_a_picture_that_is_too_large_is_never_decoded(tmp_path: Path, edge_px: int) -> None:
    bomb = write_huge_png(tmp_path / "bomb.png", edge_px=edge_px)

    with pillow_warnings_ignored():
        shown = make_thumbnail(bomb)

    assert shown == NoThumbnail("too large to be shown here")


def test_damaged_and_vanished_images_are_told(tmp_path: Path) -> None:
    damaged = cut(write_noise_jpeg(tmp_path / "a.jpg"), num_bytes=5_000)

    assert make_thumbnail(damaged) == NoThumbnail("damaged, or cut off")
    assert make_thumbnail(tmp_path / "gone.jpg") == NoThumbnail("the file is gone")


def test_every_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photos = write_photos(tmp_path / "photos")
    with read_dataset(DatasetSource(photos, str(photos))) as snapshot:
        records = list(snapshot.inventory.records())
    counts: list[tuple[int, int]] = []

    pictures = make_thumbnails([*records, *records], lambda *count: counts.append(count))

    assert len(pictures) == 4
    assert counts == [(1, 4), (2, 4), (3, 4), (4, 4)]
