"""Decoding one image: what is wrong with it, and how it looks."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from dataset_files import (
    cut,
    damage,
    draw_photo_like,
    write_frames,
    write_heic,
    write_heic_with_damaged_metadata,
    write_huge_png,
    write_image,
    write_noise,
    write_noise_jpeg,
)
from PIL import Image, ImageDraw, ImageFilter

from tuner_kit.data.decode import pillow_warnings_ignored
from tuner_kit.data.records import PixelFacts
from tuner_kit.data.walk import IMAGE_SUFFIXES
from tuner_kit.workers import pixel_facts
from tuner_kit.workers.numbered_scenes import draw_numbered_scene
from tuner_kit.workers.pixel_facts import PixelBudget, look_at


def look(path: Path) -> PixelFacts:
    return look_at(path, PixelBudget())


# ---------------------------------------------------------------------- faults


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_a_sound_image_has_no_fault(tmp_path: Path, suffix: str) -> None:
    assert look(write_image(tmp_path / f"a{suffix}")).fault is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "LA", "RGBA"])
def test_every_kind_of_pixels_is_looked_at(tmp_path: Path, mode: str) -> None:
    assert look(write_image(tmp_path / "a.png", mode=mode)).fault is None


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr"])
def test_other_colors_are_looked_at(tmp_path: Path, mode: str) -> None:
    assert look(write_image(tmp_path / "a.tif", mode=mode)).fault is None


@pytest.mark.parametrize("write", [write_heic, write_heic_with_damaged_metadata])
def test_heic_is_looked_at(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    assert look(write(tmp_path / "a.heic")).fault is None


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_several_frames_are_no_fault(tmp_path: Path, suffix: str) -> None:
    assert look(write_frames(tmp_path / f"a{suffix}")).fault is None


@pytest.mark.parametrize("is_progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize("num_bytes", [1, 2, 100, 5000])
def test_a_truncated_jpeg_is_cut_off(
    tmp_path: Path, num_bytes: int, *, is_progressive: bool
) -> None:
    path = write_noise_jpeg(tmp_path / "a.jpg", is_progressive=is_progressive)
    assert (look(cut(path, num_bytes=num_bytes)).fault or "").startswith("cut off: ")


@pytest.mark.parametrize("is_progressive", [False, True], ids=["baseline", "progressive"])
def test_a_large_jpeg_is_read_to_its_end(tmp_path: Path, *, is_progressive: bool) -> None:
    noise = Image.effect_noise((2100, 2100), 60)
    noise.save(tmp_path / "a.jpg", progressive=is_progressive)
    assert look(tmp_path / "a.jpg").fault is None
    assert look(cut(tmp_path / "a.jpg", num_bytes=10)).fault is not None


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".avif"])
def test_half_an_image_has_a_fault(tmp_path: Path, suffix: str) -> None:
    path = write_image(tmp_path / f"a{suffix}", size=(256, 256))
    assert look(cut(path, num_bytes=path.stat().st_size // 2)).fault is not None


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jpg", ".png", ".tif", ".webp", ".avif"])
def test_half_a_tiny_image_always_has_a_fault(tmp_path: Path, suffix: str) -> None:
    path = write_noise(tmp_path / f"a{suffix}")
    content = path.read_bytes()
    with pillow_warnings_ignored():
        for num_bytes in range(0, len(content) // 2, 7):
            path.write_bytes(content[:num_bytes])
            assert look(path).fault


@pytest.mark.parametrize(
    ("write", "suffix"),
    [
        (write_noise, ".avif"),
        (write_noise, ".png"),
        (write_noise, ".tif"),
        (write_frames, ".gif"),
        (write_heic, ".heic"),
    ],
)
def test_a_damaged_image_is_no_failure(
    tmp_path: Path, write: Callable[[Path], Path], suffix: str
) -> None:
    path = write(tmp_path / f"a{suffix}")
    sha256s = set()
    with pillow_warnings_ignored():
        for content in damage(path.read_bytes(), num_bytes=120):
            path.write_bytes(content)
            facts = look(path)
            sha256s.add(facts.sha256)
            assert (facts.fault is None) == (facts.sha256 != "")
    assert "" in sha256s


def write_text(path: Path) -> None:
    path.write_text("404 not found")


def write_bomb(path: Path) -> None:
    write_huge_png(path, edge_px=30_000)


def write_the_beginning(path: Path) -> None:
    path.write_bytes(write_image(path).read_bytes()[:10])


def write_nothing(path: Path) -> None:
    """Leave it missing."""


def write_drawing_program(path: Path) -> None:
    Image.new("L", (8, 8)).save(path, "EPS")


@pytest.mark.parametrize(
    ("write", "fault"),
    [
        (Path.touch, "empty file"),
        (write_text, "its content is not an image"),
        (write_drawing_program, "its content is not an image"),
        (write_bomb, "more than 178 megapixels"),
        (write_the_beginning, "cut off or damaged near its beginning"),
        (Path.mkdir, "is a directory"),
        (write_nothing, "vanished while it was read"),
    ],
    ids=["empty", "text", "program", "bomb", "beginning", "folder", "missing"],
)
def test_the_fault_is_named(tmp_path: Path, write: Callable[[Path], None], fault: str) -> None:
    write(tmp_path / "a.png")
    assert look(tmp_path / "a.png") == PixelFacts(fault=fault)


@pytest.mark.parametrize(("mode", "kind"), [("F", "float"), ("I", "integer")])
def test_pixels_that_the_trainer_reads_as_black_are_a_fault(
    tmp_path: Path, mode: str, kind: str
) -> None:
    assert look(write_image(tmp_path / "a.tif", mode=mode)).fault == f"32-bit {kind} pixels"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to this user")
def test_a_file_that_is_closed_to_us_has_a_fault(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png").chmod(0)
    assert look(tmp_path / "a.png").fault == "permission denied"


def test_a_file_that_is_written_to_meanwhile_has_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((1500, 1500), 80).save(path)
    budget = PixelBudget(max_pixels=1)
    facts: list[PixelFacts] = []

    # Another image is being decoded, so this one waits after it was opened.
    with budget.hold(1):
        thread = Thread(target=lambda: facts.append(look_at(path, budget)))
        thread.start()
        sleep(0.3)
        with path.open("ab") as file:
            file.write(b"more")
    thread.join()

    assert facts == [PixelFacts(fault="changed while it was read")]


def test_a_file_too_large_to_be_held_gets_the_same_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_noise_jpeg(tmp_path / "a.jpg")
    held = look(path)
    monkeypatch.setattr(pixel_facts, "_MAX_BYTES_HELD", 1000)
    assert look(path) == held


def test_a_large_image_waits_until_it_is_alone() -> None:
    budget = PixelBudget(max_pixels=10)
    events: list[str] = []

    def decode(name: str, num_pixels: int) -> None:
        with budget.hold(num_pixels):
            events.append(name)

    with budget.hold(6):
        threads = [Thread(target=decode, args=item) for item in {"large": 99, "small": 4}.items()]
        for thread in threads:
            thread.start()
        threads[1].join(10)
        events.append("done")
    for thread in threads:
        thread.join(10)

    assert events == ["small", "done", "large"]


# ---------------------------------------------------------------------- measures


def facts_of(image: Image.Image, folder: Path, *, name: str = "a.png") -> PixelFacts:
    image.save(folder / name)
    return look(folder / name)


@pytest.mark.parametrize(
    ("radius_px", "least", "most"),
    [(0, 1.0, 1.4), (2, 0.5, 0.8), (4, 0.2, 0.35), (6, 0.1, 0.2), (8, 0.05, 0.12)],
)
def test_sharpness_falls_with_the_radius_of_a_blur(
    tmp_path: Path, radius_px: int, least: float, most: float
) -> None:
    image = draw_photo_like().filter(ImageFilter.GaussianBlur(radius_px))
    assert least < facts_of(image, tmp_path).sharpness < most


def test_a_jpeg_is_as_blurred_as_a_png(tmp_path: Path) -> None:
    # It is decoded at a part of its size, which must not make it sharper.
    blurred = draw_photo_like(1000).filter(ImageFilter.GaussianBlur(4))
    jpeg, png = facts_of(blurred, tmp_path, name="a.jpg"), facts_of(blurred, tmp_path)
    assert jpeg.sharpness == pytest.approx(png.sharpness, rel=0.2)


@pytest.mark.parametrize("style", [None, "blueprint", "chalk", "halftone"])
def test_flat_graphics_are_sharp(tmp_path: Path, style: str | None) -> None:
    _, picture = draw_numbered_scene(7, 3, style)
    assert facts_of(Image.fromarray(picture), tmp_path).sharpness > 0.6


def test_one_large_shape_of_little_contrast_is_sharp(tmp_path: Path) -> None:
    image = Image.new("RGB", (1024, 1024), (200, 200, 200))
    ImageDraw.Draw(image).rectangle((300, 300, 700, 700), fill=(180, 180, 180))
    assert facts_of(image, tmp_path).sharpness > 0.6


def test_thin_lines_are_sharp(tmp_path: Path) -> None:
    image = Image.new("RGB", (1024, 1024), "white")
    ImageDraw.Draw(image).line((100, 50, 900, 800), fill="black", width=3)
    assert facts_of(image, tmp_path).sharpness > 0.6


def test_measures_hardly_depend_on_size_and_format(tmp_path: Path) -> None:
    large = draw_photo_like().resize((2100, 2100), Image.Resampling.BICUBIC)
    small = large.resize((700, 700), Image.Resampling.BOX)
    one, other = facts_of(large, tmp_path, name="a.jpg"), facts_of(small, tmp_path, name="b.png")
    assert one.brightness == pytest.approx(other.brightness, abs=1)
    assert one.contrast == pytest.approx(other.contrast, rel=0.05)
    assert one.sharpness == pytest.approx(other.sharpness, rel=0.25)
    assert (one.perceptual_hash ^ other.perceptual_hash).bit_count() <= 2


@pytest.mark.parametrize(
    ("color", "brightness"), [("black", 0), ("white", 255), ((100, 100, 100), 100)]
)
def test_one_color_has_its_brightness_and_no_contrast(
    tmp_path: Path, color: str | tuple[int, ...], brightness: float
) -> None:
    facts = facts_of(Image.new("RGB", (64, 64), color), tmp_path)
    assert (facts.brightness, facts.contrast, facts.sharpness) == (brightness, 0, 0)


def test_half_black_and_half_white_is_the_largest_contrast(tmp_path: Path) -> None:
    image = Image.new("L", (64, 64))
    image.paste(255, (0, 0, 32, 64))
    facts = facts_of(image, tmp_path)
    assert (facts.brightness, facts.contrast) == (127.5, 127.5)
    assert facts.color_layout == (b"\xff" * 6 + b"\0" * 6) * 4


def test_transparent_pictures_are_judged_on_white(tmp_path: Path) -> None:
    facts = facts_of(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), tmp_path)
    assert facts.brightness == 255


def test_a_single_pixel_is_measured(tmp_path: Path) -> None:
    assert facts_of(Image.new("L", (1, 1), 9), tmp_path).brightness == 9


def test_a_sideways_photo_is_judged_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = draw_photo_like(300).crop((0, 0, 300, 200))
    image.save(tmp_path / "sideways.png", exif=exif)
    upright = facts_of(image.transpose(Image.Transpose.ROTATE_270), tmp_path)
    assert look(tmp_path / "sideways.png").perceptual_hash == upright.perceptual_hash
