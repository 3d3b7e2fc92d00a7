"""Rules about images: damage, size, conversion, blur, darkness and shape."""

from dataclasses import replace
from pathlib import Path

import pytest
from audit_cases import REPAIRED, ROOT, SHARP, SMALL, audit_folder, found, image, judge
from dataset_files import (
    cut,
    draw_photo,
    write_animation,
    write_caption,
    write_image,
    write_noise_jpeg,
    write_photo,
)
from PIL import Image, ImageFilter

from tuner_kit.data.audit.image_rules import (
    ConvertedImages,
    SmallImages,
    blurred_images,
    dark_images,
    extreme_shapes,
    unreadable_images,
)
from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.records import PixelFacts
from tuner_kit.errors import Severity

BROKEN = PixelFacts("cut off: broken data stream")


def test_a_sound_dataset_has_no_problems(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, caption="a cat")
    write_photo(tmp_path / "b" / "a.jpg", 2, caption="a dog")

    assert audit_folder(tmp_path) == {}


# ---------------------------------------------------------------------- D06


def test_unreadable_images_are_one_error_with_a_reason_each(tmp_path: Path) -> None:
    cut(write_noise_jpeg(tmp_path / "a.jpg"), num_bytes=500)
    (tmp_path / "b.png").write_text("404 not found")
    (tmp_path / "c.png").touch()
    (tmp_path / "d.png").write_text("404 not found")
    write_photo(tmp_path / "e.png")
    for stem in "abcde":
        write_caption(tmp_path / f"{stem}.png", "a cat")

    problem = audit_folder(tmp_path)["D06"]

    assert problem.severity is Severity.ERROR
    assert problem.what.startswith("4 images are unreadable: a.jpg (cut off: ")
    assert "b.png (its content is not an image), c.png (empty file) and 1 more" in problem.what
    assert problem.files == ("a.jpg", "b.png", "c.png", "d.png")
    assert problem.where == f"{tmp_path} (first: a.jpg)"
    assert "--fix" in problem.fix


def test_unreadable_images_are_known_before_decoding_where_the_header_is_wrong() -> None:
    no_image = replace(image(pixels=None), header=None, size_bytes=9)

    assert "its content is not an image" in found(unreadable_images, no_image).what
    assert judge(unreadable_images, image(pixels=None)) is None


def test_a_repaired_dataset_leaves_unreadable_images_out() -> None:
    problem = found(unreadable_images, image(pixels=BROKEN), image(), policy=REPAIRED)

    assert problem.severity is Severity.WARNING
    assert problem.what == "1 image is unreadable: a.png (cut off: broken data stream)"
    assert problem.fix == "nothing; they are left out of the training"


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(SmallImages, id="D08"),
        pytest.param(lambda _: ConvertedImages(), id="D12"),
        pytest.param(blurred_images, id="D20"),
        pytest.param(dark_images, id="D21"),
        pytest.param(extreme_shapes, id="D28"),
    ],
)
def test_what_cannot_be_decoded_is_judged_once(rule: type[SmallImages]) -> None:
    broken = image(size=(10, 40), pixels=BROKEN)
    assert broken.header is not None
    broken = replace(broken, header=replace(broken.header, pixel_mode="CMYK"))

    assert judge(rule, broken) is None


# ---------------------------------------------------------------------- D08


def test_images_smaller_than_the_resolution_name_the_smallest() -> None:
    images = (
        image("a.png", size=(300, 200)),
        image("b.png", size=(150, 400)),
        image("c.png", size=(256, 256)),
    )

    problem = found(SmallImages, *images, policy=AuditPolicy(resolution_px=256))

    assert problem.severity is Severity.WARNING
    assert problem.what == (
        "2 of 3 images are smaller than 256 px and would be enlarged, up to 1.71 times"
    )
    assert problem.where == f"{ROOT} (smallest: b.png, 150 x 400)"
    assert "resolution_px of the dataset to 128" in problem.fix
    assert problem.files == ("a.png", "b.png")


@pytest.mark.parametrize(("is_cropped", "is_small"), [(True, True), (False, False)])
def test_without_cropping_the_area_decides_what_is_small(
    *, is_cropped: bool, is_small: bool
) -> None:
    policy = AuditPolicy(resolution_px=256, is_cropped=is_cropped)
    tall = image(size=(128, 512))
    assert (judge(SmallImages, tall, policy=policy) is not None) is is_small


def test_images_below_every_resolution_can_only_be_removed() -> None:
    assert found(SmallImages, image(size=(40, 40))).fix == "remove the small images"


# ---------------------------------------------------------------------- D12


def test_conversions_are_told_by_kind(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", mode="RGBA", caption="a cat")
    write_image(tmp_path / "b.png", mode="LA", caption="a cat")
    write_image(tmp_path / "c.jpg", mode="CMYK", caption="a cat")
    write_animation(tmp_path / "d.webp")
    write_caption(tmp_path / "d.webp", "a cat")

    problem = audit_folder(tmp_path)["D12"]

    assert problem.severity is Severity.NOTICE
    assert problem.what == (
        "4 images are converted to RGB in a private copy (1 with other colors than RGB, "
        "1 with several frames, the first is used, 2 with transparency, put on white): "
        "a.png, b.png, c.jpg and 1 more"
    )
    assert problem.files == ("a.png", "b.png", "c.jpg", "d.webp")


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB"])
def test_pixels_that_the_trainer_reads_correctly_are_not_converted(
    tmp_path: Path, mode: str
) -> None:
    if mode == "I;16":  # a ramp: Pillow itself can't turn a photo into 16 bits
        Image.linear_gradient("L").convert("I;16").save(tmp_path / "a.png")
    else:
        draw_photo(1).convert(mode).save(tmp_path / "a.png")
    write_caption(tmp_path / "a.png", "a cat")

    assert "D12" not in audit_folder(tmp_path)


# ---------------------------------------------------------------------- D20, D21


@pytest.mark.parametrize(("radius_px", "is_found"), [(0, False), (1, False), (8, True), (16, True)])
def test_a_blurred_picture_is_found(tmp_path: Path, radius_px: int, *, is_found: bool) -> None:
    photo = draw_photo(3, (512, 512)).filter(ImageFilter.GaussianBlur(radius_px))
    photo.save(tmp_path / "a.png")
    write_caption(tmp_path / "a.png", "a cat")

    found_ids = audit_folder(tmp_path).keys()

    assert ("D20" in found_ids) is is_found
    assert "D21" not in found_ids


def test_blur_is_a_warning_that_names_its_files() -> None:
    soft = replace(SHARP, sharpness=0.1)

    problem = found(blurred_images, image("a.png"), image("b.png", pixels=soft))

    assert problem.severity is Severity.WARNING
    assert problem.what == "1 image is blurred: b.png"
    assert problem.files == ("b.png",)
    assert judge(blurred_images, image(pixels=None)) is None


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ((0, 0, 0), "nearly black"),
        ((9, 9, 9), "nearly black"),
        ((255, 255, 255), "nearly white"),
        ((246, 246, 246), "nearly white"),
        ((200, 30, 30), "nearly one color"),
    ],
)
def test_a_picture_of_one_color_is_found(
    tmp_path: Path, color: tuple[int, int, int], name: str
) -> None:
    picture = Image.new("RGB", (512, 512), color)
    picture.paste((color[0], color[1], color[2] ^ 4), (200, 200, 260, 260))
    picture.save(tmp_path / "a.png")
    write_caption(tmp_path / "a.png", "a cat")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D21"]
    assert problems["D21"].severity is Severity.WARNING
    assert problems["D21"].what == f"1 image is nearly of one color: a.png ({name})"


def test_a_photo_as_dark_as_with_the_lid_on_is_found(tmp_path: Path) -> None:
    draw_photo(3, (512, 512)).point(lambda value: value * 0.04).save(tmp_path / "a.png")
    write_caption(tmp_path / "a.png", "a cat")

    assert audit_folder(tmp_path)["D21"].what.endswith("a.png (nearly black)")


def test_shapes_that_differ_in_their_color_alone_are_left_alone(tmp_path: Path) -> None:
    picture = Image.new("RGB", (512, 512), (150, 0, 0))
    picture.paste((0, 76, 0), (100, 100, 400, 400))  # luminance 45 as the rest
    picture.save(tmp_path / "a.png")
    write_caption(tmp_path / "a.png", "a green square on red")

    assert "D21" not in audit_folder(tmp_path)


@pytest.mark.parametrize("factor", [0.12, 0.5])
def test_a_dark_picture_that_shows_something_is_left_alone(tmp_path: Path, factor: float) -> None:
    draw_photo(3, (512, 512)).point(lambda value: value * factor).save(tmp_path / "a.png")
    write_caption(tmp_path / "a.png", "a cat")

    assert audit_folder(tmp_path) == {}


# ---------------------------------------------------------------------- D28


@pytest.mark.parametrize(
    ("size", "is_found"),
    [
        pytest.param((200, 100), False, id="2:1"),
        pytest.param((201, 100), True, id="wider"),
        pytest.param((100, 200), False, id="1:2"),
        pytest.param((100, 201), True, id="higher"),
    ],
)
def test_a_shape_beyond_two_to_one_is_told(size: tuple[int, int], *, is_found: bool) -> None:
    assert (judge(extreme_shapes, image(size=size)) is not None) is is_found


@pytest.mark.parametrize(
    ("is_cropped", "consequence"),
    [
        (True, "so the square crop cuts off more than half"),
        (False, "a shape that the model has hardly seen"),
    ],
)
def test_what_a_long_shape_costs_depends_on_the_crop(consequence: str, *, is_cropped: bool) -> None:
    policy = replace(SMALL, is_cropped=is_cropped)

    problem = found(extreme_shapes, image(size=(3000, 100)), policy=policy)

    assert problem.severity is Severity.WARNING
    assert problem.what == f"1 image is longer than 2:1, {consequence}: a.png (3000 x 100)"
