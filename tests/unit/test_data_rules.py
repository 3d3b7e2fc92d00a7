from pathlib import Path

import pytest
from dataset_files import cut, write_animation, write_image, write_noise_jpeg

from tuner_kit.data.read_folder import read_folder
from tuner_kit.data.rules import TrainingGeometry, check_dataset
from tuner_kit.errors import Problem, Severity

SMALL_GEOMETRY = TrainingGeometry(
    resolution_px=64, train_batch_size=1, gradient_accumulation_steps=1, repeats=0
)


def check(
    root: Path,
    geometry: TrainingGeometry = SMALL_GEOMETRY,
    *,
    has_fallback_caption: bool = False,
) -> dict[str, Problem]:
    problems = check_dataset(read_folder(root), geometry, has_fallback_caption=has_fallback_caption)
    by_id = {problem.id: problem for problem in problems}
    assert len(by_id) == len(problems), "one problem per rule"
    return by_id


def test_a_sound_dataset_has_no_problems(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="a cat")
    write_image(tmp_path / "b" / "a.jpg", caption="a dog")
    assert check(tmp_path) == {}


def test_images_without_caption_are_counted_and_three_are_named(tmp_path: Path) -> None:
    for number in range(5):
        write_image(tmp_path / "in" / f"{number}.png")
    write_image(tmp_path / "in" / "9.png", caption="a cat")

    problem = check(tmp_path)["D03"]

    assert problem.severity is Severity.ERROR
    assert problem.what == (
        "5 of 6 images have no caption: in/0.png, in/1.png, in/2.png and 2 more"
    )
    assert problem.where == f"{tmp_path} (first: in/0.png)"
    assert "in/0.txt" in problem.fix


def test_the_fallback_caption_makes_missing_captions_a_notice(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    assert check(tmp_path, has_fallback_caption=True)["D03"].severity is Severity.NOTICE


@pytest.mark.parametrize("content", ["", " \n\t"], ids=["empty", "blank"])
def test_an_empty_caption_is_an_error(tmp_path: Path, content: str) -> None:
    write_image(tmp_path / "a.png", caption=content)
    problems = check(tmp_path)
    assert list(problems) == ["D04"]
    assert problems["D04"].what == "1 caption file is empty or only blank: a.txt"


def test_the_fallback_caption_makes_empty_captions_a_warning(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="")
    assert check(tmp_path, has_fallback_caption=True)["D04"].severity is Severity.WARNING


def test_captions_in_another_encoding_are_an_error(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="K\xe4tzchen".encode("latin-1"))
    write_image(tmp_path / "b.png", caption="K\xe4tzchen".encode("utf-16"))
    problems = check(tmp_path)
    assert list(problems) == ["D05"]
    assert problems["D05"].what == ("2 caption files are not readable as UTF-8 text: a.txt, b.txt")


def test_unreadable_images_are_one_error_with_a_reason_each(tmp_path: Path) -> None:
    cut(write_noise_jpeg(tmp_path / "a.jpg"), num_bytes=500)
    (tmp_path / "a.txt").write_text("a cat")
    (tmp_path / "b.png").write_text("404 not found")
    (tmp_path / "b.txt").write_text("a cat")
    (tmp_path / "c.png").symlink_to("nowhere.png")

    problems = check(tmp_path)

    assert problems["D06"].severity is Severity.ERROR
    assert problems["D06"].what.startswith("3 images are unreadable: a.jpg (image file is trunc")
    assert "b.png (its content is not an image), c.png (a link to nothing)" in problems["D06"].what


@pytest.mark.parametrize(
    ("num_images", "repeats", "min_repeats"),
    [(1, 0, 7), (3, 1, 2), (4, 0, 1), (7, 0, 1)],
)
def test_a_dataset_smaller_than_a_step_names_the_repeats_it_needs(
    tmp_path: Path, num_images: int, repeats: int, min_repeats: int
) -> None:
    for number in range(num_images):
        write_image(tmp_path / f"{number}.png", caption="a cat")

    def geometry(repeats: int) -> TrainingGeometry:
        return TrainingGeometry(
            64, train_batch_size=4, gradient_accumulation_steps=2, repeats=repeats
        )

    problem = check(tmp_path, geometry(repeats))["D07"]

    assert problem.severity is Severity.ERROR
    assert problem.what.endswith("but one step needs 8 (4 per batch x 2 accumulated)")
    assert f"at least {min_repeats}," in problem.fix
    assert "D07" not in check(tmp_path, geometry(min_repeats))
    assert "D07" in check(tmp_path, geometry(min_repeats - 1))


def test_images_smaller_than_the_resolution_name_the_smallest(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", size=(300, 200), caption="a cat")
    write_image(tmp_path / "b.png", size=(150, 400), caption="a cat")
    write_image(tmp_path / "c.png", size=(256, 256), caption="a cat")
    geometry = TrainingGeometry(256, 1, 1, 0)

    problem = check(tmp_path, geometry)["D08"]

    assert problem.severity is Severity.WARNING
    assert problem.what == (
        "2 of 3 images are smaller than 256 px and would be enlarged, up to 1.71 times"
    )
    assert problem.where == f"{tmp_path} (smallest: b.png, 150 x 400)"
    assert "resolution_px of the dataset to 128" in problem.fix


def test_without_cropping_the_area_decides_what_is_small(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", size=(128, 512), caption="a cat")
    assert "D08" in check(tmp_path, TrainingGeometry(256, 1, 1, 0, is_cropped=True))
    assert "D08" not in check(tmp_path, TrainingGeometry(256, 1, 1, 0, is_cropped=False))


def test_images_below_every_resolution_can_only_be_removed(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", size=(40, 40), caption="a cat")
    assert check(tmp_path)["D08"].fix == "remove the small images"


def test_images_that_share_a_caption_file_are_named(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "b.png", "in/b.png"):
        write_image(tmp_path / name, caption="a cat")
    problem = check(tmp_path)["D09"]
    assert problem.severity is Severity.WARNING
    assert problem.what.startswith("2 images differ")
    assert problem.what.endswith("a.jpg, a.png")


def test_captions_of_several_lines_are_a_warning(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="a cat\non a mat")
    write_image(tmp_path / "b.png", caption="a cat\n\n")
    problems = check(tmp_path)
    assert list(problems) == ["D10"]
    assert problems["D10"].what == "1 caption is written on several lines, which are joined: a.txt"


@pytest.mark.parametrize(
    ("name", "severity"), [("meta.json", Severity.NOTICE), ("clip.MP4", Severity.WARNING)]
)
def test_files_that_are_left_out_are_told(tmp_path: Path, name: str, severity: Severity) -> None:
    write_image(tmp_path / "a.png", caption="a cat")
    (tmp_path / name).write_text("x")
    (tmp_path / ".DS_Store").write_text("x")
    problems = check(tmp_path)
    assert list(problems) == ["D11"]
    assert problems["D11"].severity is severity
    assert problems["D11"].what == f"1 file is left out of the training: {name}"


def test_conversions_are_told_by_kind(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", mode="RGBA", caption="a cat")
    write_image(tmp_path / "b.png", mode="LA", caption="a cat")
    write_image(tmp_path / "c.jpg", mode="CMYK", caption="a cat")
    write_animation(tmp_path / "d.webp").with_suffix(".txt").write_text("a cat")

    problem = check(tmp_path)["D12"]

    assert problem.severity is Severity.NOTICE
    assert problem.what == (
        "4 images are converted to RGB in a private copy: 1 with other colors than RGB, "
        "1 with several frames, the first is used, 2 with transparency, put on white"
    )


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB"])
def test_pixels_that_the_trainer_reads_correctly_are_not_converted(
    tmp_path: Path, mode: str
) -> None:
    write_image(tmp_path / "a.png", mode=mode, caption="a cat")
    assert check(tmp_path) == {}


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", size=(32, 32), mode="RGBA")
    write_image(tmp_path / "b.png", caption="")
    write_image(tmp_path / "c.png", caption=b"\xff")
    write_image(tmp_path / "d.png", caption="a cat\non a mat")
    write_image(tmp_path / "d.jpg")
    (tmp_path / "e.png").touch()
    (tmp_path / "f.mp4").touch()
    problems = check(tmp_path, TrainingGeometry(64, 8, 1, 0))
    assert list(problems) == [f"D{number:02d}" for number in range(3, 13)]


def test_progress_of_decoding_is_passed_on(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="a cat")
    seen: list[tuple[int, int]] = []
    check_dataset(
        read_folder(tmp_path),
        SMALL_GEOMETRY,
        has_fallback_caption=False,
        on_progress=lambda *step: seen.append(step),
    )
    assert seen == [(1, 1)]
