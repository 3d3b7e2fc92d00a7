"""Counting in how many pictures a style shows: pictures stand in for what models render."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from report_files import begin_run

from tuner_kit.process.messages import GeneratedImage, ScoreStyleRequest, ScoreStyleResult
from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import load_manifest
from tuner_kit.stages.score_style import StyleTrial, score_style
from tuner_kit.workers import score_style as worker
from tuner_kit.workers.numbered_scenes import draw_numbered_scene
from tuner_kit.workers.runtime import RepairableError
from tuner_kit.workers.shapes_world.captions import exact_caption

SEED, NUM_SCENES = 2, 3
"""From scene to scene the shape stays twice, the color once, the position never."""
VARIANTS: tuple[Literal["base", "tuned"], ...] = ("base", "tuned")

type StyleOf = Callable[[str, bool], str | None]
"""What style a model draws, by variant and whether it was asked with the trigger word."""


def learned(variant: str, is_triggered: bool) -> str | None:  # noqa: FBT001
    return "chalk" if variant == "tuned" and is_triggered else None


def everywhere(variant: str, is_triggered: bool) -> str | None:  # noqa: ARG001, FBT001
    return "chalk" if variant == "tuned" else None


def another(variant: str, is_triggered: bool) -> str | None:  # noqa: ARG001, FBT001
    return "blueprint" if variant == "tuned" else None


def nothing(variant: str, is_triggered: bool) -> str | None:  # noqa: ARG001, FBT001
    return None


def render(folder: Path, style_of: StyleOf, *, shift: int = 0) -> tuple[GeneratedImage, ...]:
    """Draw what a model would have made; `shift` makes it draw other scenes than were asked."""
    images = []
    for number in range(1, NUM_SCENES + 1):
        caption = exact_caption(draw_numbered_scene(SEED, number, None)[0])
        for is_triggered, prompt in ((True, f"chk, {caption}"), (False, caption)):
            for variant in VARIANTS:
                style = style_of(variant, is_triggered)
                path = folder / f"{number}-{is_triggered}-{variant}.png"
                _, picture = draw_numbered_scene(SEED, number + shift, style)
                Image.fromarray(picture).save(path)
                image = GeneratedImage(path=path, prompt=prompt, seed=42, variant=variant)
                images.append(image)
    return tuple(images)


def score(folder: Path, images: tuple[GeneratedImage, ...]) -> ScoreStyleResult:
    request = ScoreStyleRequest(
        images=images,
        style="chalk",
        trigger_word="chk",
        scenes_seed=SEED,
        num_scenes=NUM_SCENES,
        sheet_path=folder / "sheet.png",
    )
    return worker.score_style(request, lambda *_: None)


def in_style(result: ScoreStyleResult) -> dict[tuple[str, bool], int]:
    return {(group.variant, group.is_triggered): group.num_in_style for group in result.groups}


@pytest.mark.parametrize(
    ("style_of", "with_word", "without_word"),
    [
        pytest.param(learned, 3, 0, id="learned"),
        pytest.param(everywhere, 3, 3, id="everywhere"),
        pytest.param(another, 0, 0, id="another style"),
        pytest.param(nothing, 0, 0, id="nothing"),
    ],
)
def test_pictures_are_counted_by_model_and_trigger_word(
    tmp_path: Path, style_of: StyleOf, with_word: int, without_word: int
) -> None:
    result = score(tmp_path, render(tmp_path, style_of))

    assert in_style(result) == {
        ("base", True): 0,
        ("base", False): 0,
        ("tuned", True): with_word,
        ("tuned", False): without_word,
    }
    for group in result.groups:
        right = (group.num_shape_right, group.num_color_right, group.num_position_right)
        assert right == (NUM_SCENES,) * 3


def test_a_ground_is_judged_only_where_no_style_hides_it(tmp_path: Path) -> None:
    groups = {
        (group.variant, group.is_triggered): group
        for group in score(tmp_path, render(tmp_path, learned)).groups
    }

    styled, plain = groups["tuned", True], groups["base", True]
    assert (styled.num_grounds, styled.num_ground_right) == (0, 0)
    assert (plain.num_grounds, plain.num_ground_right) == (NUM_SCENES, NUM_SCENES)


def test_a_picture_of_another_scene_is_wrong_where_the_two_differ(tmp_path: Path) -> None:
    result = score(tmp_path, render(tmp_path, learned, shift=1))

    for group in result.groups:
        right = (group.num_shape_right, group.num_color_right, group.num_position_right)
        assert right == (2, 1, 0)


def test_the_sheet_has_a_row_a_scene_and_four_columns(tmp_path: Path) -> None:
    score(tmp_path, render(tmp_path, learned))

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert 4 * 256 < sheet.width < 5 * 256
        assert NUM_SCENES * 256 < sheet.height < (NUM_SCENES + 2) * 256


def test_a_picture_that_was_not_rendered_is_named(tmp_path: Path) -> None:
    images = render(tmp_path, learned)
    missing = images[-1]

    with pytest.raises(RepairableError) as caught:
        score(tmp_path, images[:-1])

    assert caught.value.failure.what == (
        f"there is no picture of the tuned model for: {missing.prompt}"
    )


def test_what_was_found_is_entered_into_the_run(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    images = render(tmp_path, learned)
    trial = StyleTrial("chalk", "chk", scenes_seed=SEED, num_scenes=NUM_SCENES)

    first, second = (score_style(run, trial, images, on_event=lambda _: None) for _ in range(2))

    entry = load_manifest(run).last("evaluate")
    assert entry is not None
    assert entry.outputs == ("evaluations/style-002/result.json", "evaluations/style-002/sheet.png")
    assert entry.summary["tuned_with_trigger"] == NUM_SCENES
    assert entry.summary["tuned_without_trigger"] == 0
    assert first.sheet_path.is_file()
    assert read_result(run, "style-002") == second.result == first.result
    assert not list(run.evaluations_dir.glob("*.partial"))


def read_result(run: Run, label: str) -> ScoreStyleResult:
    content = (run.evaluations_dir / label / "result.json").read_bytes()
    return ScoreStyleResult.model_validate_json(content)
