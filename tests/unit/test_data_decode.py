"""Reading headers of sound, odd and damaged images."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from dataset_files import (
    FORMAT_OF_SUFFIX,
    cut,
    damage,
    write_frames,
    write_heic,
    write_heic_with_damaged_metadata,
    write_huge_png,
    write_image,
    write_noise,
)
from PIL import Image

from tuner_kit.data.decode import open_image, pillow_warnings_ignored, read_header, read_headers
from tuner_kit.data.records import Header
from tuner_kit.data.walk import IMAGE_SUFFIXES

SIDEWAYS = 6


def read(path: Path) -> Header:
    """Read a header that must be readable."""
    header = read_header(path)
    assert header is not None
    return header


def size_of(path: Path) -> tuple[int, int]:
    return read(path).width_px, read(path).height_px


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_format_is_described(tmp_path: Path, suffix: str) -> None:
    path = write_image(tmp_path / f"a{suffix}", size=(48, 32))
    assert read(path) == Header(48, 32, "RGB", FORMAT_OF_SUFFIX[suffix])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tif"])
def test_the_size_is_that_of_the_upright_picture(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    Image.new("RGB", (48, 32)).save(tmp_path / f"a{suffix}", exif=exif)
    assert size_of(tmp_path / f"a{suffix}") == (32, 48)


def test_a_rotation_that_only_xmp_tells_of_counts_too(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    Image.new("RGB", (48, 32)).save(tmp_path / "a.jpg", xmp=xmp)
    assert size_of(tmp_path / "a.jpg") == (32, 48)


def test_heic_is_read_upright(tmp_path: Path) -> None:
    assert read(write_heic(tmp_path / "a.heic")) == Header(32, 64, "RGB", "HEIF")


def test_the_content_decides_whatever_the_name_says(tmp_path: Path) -> None:
    assert read(write_heic(tmp_path / "a.jpg")).image_format == "HEIF"


def test_damaged_heic_metadata_does_not_end_the_program(tmp_path: Path) -> None:
    path = write_heic_with_damaged_metadata(tmp_path / "a.heic")
    program = (
        "import sys; from pathlib import Path; from tuner_kit.data.decode import read_header;"
        "print(read_header(Path(sys.argv[1])).height_px)"
    )

    child = subprocess.run(
        [sys.executable, "-c", program, path], check=False, capture_output=True, text=True
    )

    assert (child.returncode, child.stdout) == (0, "64\n")


@pytest.mark.skipif(find_spec("pillow_jxl") is not None, reason="JPEG XL is readable here")
def test_jpeg_xl_without_a_decoder_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    assert read_header(tmp_path / "a.jxl") is None


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_several_frames_are_noticed(tmp_path: Path, suffix: str) -> None:
    assert read(write_frames(tmp_path / f"a{suffix}")).is_animated


def test_the_preview_in_a_camera_jpeg_is_no_second_frame(tmp_path: Path) -> None:
    photo = Image.new("RGB", (64, 64))
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[photo.resize((8, 8))])
    assert not read(tmp_path / "a.jpg").is_animated


def palette_with_hole(path: Path) -> None:
    Image.new("P", (8, 8)).save(path, transparency=0)


def rgb_with_hole(path: Path) -> None:
    Image.new("RGB", (8, 8)).save(path, transparency=(0, 0, 0))


def grey_with_alpha(path: Path) -> None:
    Image.new("LA", (8, 8)).save(path)


def rgb_with_alpha(path: Path) -> None:
    Image.new("RGBA", (8, 8)).save(path)


@pytest.mark.parametrize(
    "write", [palette_with_hole, rgb_with_hole, grey_with_alpha, rgb_with_alpha]
)
def test_transparency_is_noticed(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "a.png")
    assert read(tmp_path / "a.png").has_transparency


def write_text(path: Path) -> None:
    path.write_text("404 not found")


def write_bomb(path: Path) -> None:
    write_huge_png(path, edge_px=30_000)


def write_drawing_program(path: Path) -> None:
    """Write what Ghostscript would run if it were decoded."""
    Image.new("L", (8, 8)).save(path, "EPS")


@pytest.mark.parametrize(
    "write", [Path.touch, Path.mkdir, write_text, write_bomb, write_drawing_program]
)
def test_what_is_no_image_has_no_header(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png") is None


def test_a_missing_file_has_no_header(tmp_path: Path) -> None:
    assert read_header(tmp_path / "a.png") is None


DAMAGEABLE = [
    *((write_noise, suffix) for suffix in (".bmp", ".gif", ".jpg", ".png", ".tif", ".webp")),
    *((write_frames, suffix) for suffix in (".gif", ".png", ".tif", ".webp")),
    (write_noise, ".avif"),
    (write_heic, ".heic"),
]


@pytest.mark.parametrize(("write", "suffix"), DAMAGEABLE)
def test_a_damaged_header_is_no_failure(
    tmp_path: Path, write: Callable[[Path], Path], suffix: str
) -> None:
    path = write(tmp_path / f"a{suffix}")
    with pillow_warnings_ignored():
        for content in damage(path.read_bytes(), num_bytes=300):
            path.write_bytes(content)
            header = read_header(path)
            assert header is None or header.width_px > 0


@pytest.mark.parametrize("suffix", [".gif", ".tif"])
def test_of_a_film_that_is_cut_off_the_first_frame_counts(tmp_path: Path, suffix: str) -> None:
    path = write_frames(tmp_path / f"a{suffix}")
    cut(path, num_bytes=path.stat().st_size // 2)
    with pillow_warnings_ignored():
        header = read(path)
    assert (header.width_px, header.is_animated) == (32, True)


def test_many_headers_come_with_their_names_and_without_warnings(tmp_path: Path) -> None:
    # Pillow warns about more than 89 megapixels, and pytest makes an error of a warning.
    write_huge_png(tmp_path / "large.png", edge_px=10_000)
    write_image(tmp_path / "folder" / "small.jpg", size=(48, 32))
    write_text(tmp_path / "text.png")
    names = ["large.png", "folder/small.jpg", "text.png"]

    found = list(read_headers(tmp_path, names))

    widths = [header.width_px if header else None for _, header in found]
    assert [name for name, _ in found] == names
    assert widths == [10_000, 48, None]


def test_an_image_with_a_large_text_inside_is_opened(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("workflow", "x" * 2_000_000, zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=texts)

    with open_image(tmp_path / "a.png") as image:
        image.load()

    assert read_header(tmp_path / "a.png") is not None
