"""Which images are converted for the trainer, and what comes out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_files import write_frames, write_heic, write_image, write_sideways_photo
from PIL import Image, ImageChops, ImageOps, ImageStat

from tuner_kit.data.conversion import (
    Conversion,
    conversion_of,
    converted_suffix,
    write_converted,
)
from tuner_kit.data.decode import read_header
from tuner_kit.data.records import Header

RED, WHITE = (255, 0, 0), (255, 255, 255)


def reason(path: Path) -> Conversion | None:
    header = read_header(path)
    assert header is not None
    return conversion_of(header)


def convert(path: Path) -> Image.Image:
    """Convert an image, and give what is in the file then."""
    target_path = path.with_name("converted")
    write_converted(path, target_path)
    with Image.open(target_path) as image:
        image.load()
    assert (image.format, image.mode) == ("PNG", "RGB")
    return image


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif", ".avif"])
def test_opaque_rgb_stays_as_it_is(tmp_path: Path, suffix: str) -> None:
    assert reason(write_image(tmp_path / f"a{suffix}")) is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
def test_what_the_trainer_reads_rightly_stays_as_it_is(tmp_path: Path, mode: str) -> None:
    assert reason(write_image(tmp_path / "a.png", mode=mode)) is None


def test_a_sideways_photo_is_turned(tmp_path: Path) -> None:
    assert reason(write_sideways_photo(tmp_path / "a.jpg")) is Conversion.ROTATION


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_but_the_first_is_converted_to_what_is_seen(
    tmp_path: Path, orientation: int
) -> None:
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    assert (reason(tmp_path / "a.png") is Conversion.ROTATION) == (orientation != 1)

    write_converted(tmp_path / "a.png", tmp_path / "b.png")

    with Image.open(tmp_path / "a.png") as seen, Image.open(tmp_path / "b.png") as converted:
        assert ImageOps.exif_transpose(seen).tobytes() == converted.tobytes()
        assert len(converted.getexif()) == 0


def write_palette(path: Path) -> None:
    Image.new("P", (8, 8)).save(path, transparency=0)


def write_grey_with_alpha(path: Path) -> None:
    Image.new("LA", (8, 8), (0, 0)).save(path)


def write_rgb_with_alpha(path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 255, 0, 0)).save(path)


def write_rgb_with_hole(path: Path) -> None:
    Image.new("RGB", (8, 8), (0, 255, 0)).save(path, transparency=(0, 255, 0))


def write_grey_with_hole(path: Path) -> None:
    Image.new("L", (8, 8), 7).save(path, transparency=7)


@pytest.mark.parametrize(
    "write",
    [
        write_palette,
        write_grey_with_alpha,
        write_rgb_with_alpha,
        write_rgb_with_hole,
        write_grey_with_hole,
    ],
)
def test_what_is_transparent_becomes_white(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "a.png")
    assert reason(tmp_path / "a.png") is Conversion.TRANSPARENCY
    assert convert(tmp_path / "a.png").getpixel((4, 4)) == WHITE


def test_half_transparent_colors_are_mixed_with_white(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", mode="RGBA", color=(255, 0, 0, 128))
    assert convert(path).getpixel((0, 0)) == (255, 127, 127)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_of_several_frames_the_first_is_used(tmp_path: Path, suffix: str) -> None:
    path = write_frames(tmp_path / f"a{suffix}")
    pixel = convert(path).getpixel((16, 16))
    assert reason(path) is Conversion.ANIMATION
    assert pixel == pytest.approx(RED, abs=6)


@pytest.mark.parametrize(
    ("mode", "color", "suffix"),
    [
        ("CMYK", (0, 255, 255, 0), ".jpg"),
        ("CMYK", (0, 255, 255, 0), ".tif"),
        ("LAB", (136, 208, 195), ".tif"),
        ("YCbCr", (76, 85, 255), ".tif"),
    ],
)
def test_other_colors_become_rgb(
    tmp_path: Path, mode: str, color: tuple[int, ...], suffix: str
) -> None:
    path = write_image(tmp_path / f"a{suffix}", mode=mode, color=color)
    assert reason(path) is Conversion.COLORS
    assert convert(path).getpixel((32, 32)) == pytest.approx(RED, abs=12)


def test_heic_is_converted_upright(tmp_path: Path) -> None:
    path = write_heic(tmp_path / "a.heic")
    image = convert(path)
    assert reason(path) is Conversion.FORMAT
    assert image.size == (32, 64)
    assert image.getpixel((16, 56)) == pytest.approx(WHITE, abs=6)
    assert image.getpixel((16, 8)) == pytest.approx((220, 30, 30), abs=6)


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (3, (47, 31)), (6, (31, 0)), (8, (0, 47))],
    ids=["upright", "upside down", "turned right", "turned left"],
)
def test_a_rotated_image_is_written_upright(
    tmp_path: Path, orientation: int, corner: tuple[int, int]
) -> None:
    image = Image.new("RGBA", (48, 32), "white")
    image.putpixel((0, 0), (0, 0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)

    upright = convert(tmp_path / "a.png")

    assert upright.getpixel(corner) == (0, 0, 0)
    assert upright.getexif() == {}


@pytest.mark.parametrize(("level", "expected"), [(0, 0), (40_000, 156), (65_535, 255)])
def test_sixteen_bits_are_scaled_as_the_trainer_does(
    tmp_path: Path, level: int, expected: int
) -> None:
    path = write_image(tmp_path / "a.png", mode="I;16", color=level)
    assert convert(path).getpixel((0, 0)) == (expected,) * 3


def test_the_profile_of_other_colors_is_left_behind(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "a.jpg", icc_profile=b"a profile of inks")
    assert "icc_profile" not in convert(tmp_path / "a.jpg").info


@pytest.mark.parametrize(
    ("header", "suffix"),
    [
        pytest.param(Header(8, 8, "RGB", "JPEG", is_turned=True), ".jpg", id="turned photo"),
        pytest.param(Header(8, 8, "RGB", "HEIF"), ".jpg", id="HEIC"),
        pytest.param(Header(8, 8, "RGBA", "HEIF", has_transparency=True), ".png", id="HEIC, alpha"),
        pytest.param(Header(8, 8, "RGB", "PNG", is_turned=True), ".png", id="turned drawing"),
        pytest.param(Header(8, 8, "RGBA", "WEBP", has_transparency=True), ".png", id="alpha"),
    ],
)
def test_photographs_are_converted_to_jpeg_and_the_rest_without_loss(
    header: Header, suffix: str
) -> None:
    assert converted_suffix(header) == suffix


def test_a_converted_photograph_looks_as_before(tmp_path: Path) -> None:
    photo = Image.effect_noise((256, 128), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "a.jpg", quality=90, exif=exif)

    write_converted(tmp_path / "a.jpg", tmp_path / "b.jpg")

    with Image.open(tmp_path / "a.jpg") as seen, Image.open(tmp_path / "b.jpg") as converted:
        difference = ImageChops.difference(ImageOps.exif_transpose(seen), converted)
        assert converted.format == "JPEG"
        assert len(converted.getexif()) == 0
    assert ImageStat.Stat(difference).mean[0] < 2  # of 255
