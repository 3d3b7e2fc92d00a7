"""Say in how many pictures a style shows, and whether they still show what was asked for.

Palette, texture and outlines are measured by fixed rules; no trained weights take part.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tuner_kit.data.captions import add_trigger_word
from tuner_kit.process.messages import (
    GeneratedImage,
    ScoreStyleRequest,
    ScoreStyleResult,
    StyleGroup,
)
from tuner_kit.workers.contact_sheet import Cell, PromptBlock, draw_sheet, load_picture
from tuner_kit.workers.numbered_scenes import draw_numbered_scene, verify_style
from tuner_kit.workers.runtime import Emit, RepairableError, run
from tuner_kit.workers.shapes_world.captions import exact_caption
from tuner_kit.workers.shapes_world.drawing import Picture
from tuner_kit.workers.shapes_world.reading import Agreement, Reading, compare, read_picture
from tuner_kit.workers.shapes_world.recognition import recognize_style
from tuner_kit.workers.shapes_world.scenes import Scene

type Group = tuple[str, bool]
"""Variant, and whether the prompt had the trigger word."""

BASE, BASE_PLAIN, TUNED, TUNED_PLAIN = GROUPS = (
    ("base", True),
    ("base", False),
    ("tuned", True),
    ("tuned", False),
)
SHEET_GROUPS: Mapping[str, Group] = {
    "base model": BASE,
    "tuned": TUNED,
    "tuned, without the trigger word": TUNED_PLAIN,
}
"""Columns of the sheet; the style as it is drawn comes last."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one picture shows."""

    picture: Picture
    style: str | None
    reading: Reading
    agreement: Agreement


def score_style(request: ScoreStyleRequest, emit: Emit) -> ScoreStyleResult:
    """Read every picture, count by group, and draw the comparison sheet."""
    verify_style(request.style)
    drawn = [
        draw_numbered_scene(request.scenes_seed, number, request.style)
        for number in range(1, request.num_scenes + 1)
    ]
    rows: list[Mapping[Group, Finding]] = []
    for number, (scene, _) in enumerate(drawn, start=1):
        emit("reading the pictures", number, request.num_scenes)
        rows.append(read_scene(scene, request))
    emit("drawing the comparison")
    blocks = [
        build_block(scene, findings, request.style, truth)
        for (scene, truth), findings in zip(drawn, rows, strict=True)
    ]
    draw_sheet(blocks, (*SHEET_GROUPS, f"{request.style}, as drawn")).save(request.sheet_path)
    return ScoreStyleResult(
        style=request.style,
        trigger_word=request.trigger_word,
        num_scenes=request.num_scenes,
        groups=tuple(
            count(group, [findings[group] for findings in rows], request.style) for group in GROUPS
        ),
    )


def read_scene(scene: Scene, request: ScoreStyleRequest) -> dict[Group, Finding]:
    """Read the four pictures of a scene.

    Raises:
        RepairableError: one of them was not rendered.
    """
    caption = exact_caption(scene)
    prompts = {True: add_trigger_word(caption, request.trigger_word), False: caption}
    return {
        (variant, is_triggered): examine(
            np.asarray(load_picture(find_image(request.images, variant, prompts[is_triggered]))),
            scene,
        )
        for variant, is_triggered in GROUPS
    }


def find_image(images: Sequence[GeneratedImage], variant: str, prompt: str) -> Path:
    """Give the picture of a prompt; with several seeds the first.

    Raises:
        RepairableError: there is none.
    """
    found = [image.path for image in images if (image.variant, image.prompt) == (variant, prompt)]
    if not found:
        raise RepairableError(
            what=f"there is no picture of the {variant} model for: {prompt}",
            where="images",
            fix="render every scene with the trigger word and without, by both models",
        )
    return found[0]


def examine(picture: Picture, scene: Scene) -> Finding:
    """Recognize the picture's style, and read it as that style is read."""
    style = recognize_style(picture)
    reading = read_picture(picture, style)
    return Finding(picture, style, reading, compare(scene, reading))


def count(group: Group, findings: Sequence[Finding], style: str) -> StyleGroup:
    """Count what was found; with several items, all must be right."""
    variant, is_triggered = group
    agreements = [finding.agreement for finding in findings]
    grounds = [agreement.ground for agreement in agreements if agreement.ground is not None]
    return StyleGroup.model_validate(
        {
            "variant": variant,
            "is_triggered": is_triggered,
            "num_pictures": len(findings),
            "num_in_style": sum(finding.style == style for finding in findings),
            "num_shape_right": sum(agreement.shape_rate == 1 for agreement in agreements),
            "num_color_right": sum(agreement.color_rate == 1 for agreement in agreements),
            "num_position_right": sum(agreement.position_rate == 1 for agreement in agreements),
            "num_grounds": len(grounds),
            "num_ground_right": sum(grounds),
        }
    )


def build_block(
    scene: Scene, findings: Mapping[Group, Finding], style: str, truth: Picture
) -> PromptBlock:
    """Lay out one row of the sheet: what the models made, and how the style really looks."""
    made = [
        Cell(Image.fromarray(findings[group].picture), describe(findings[group]))
        for group in SHEET_GROUPS.values()
    ]
    return PromptBlock(
        exact_caption(scene), ((*made, Cell(Image.fromarray(truth), f"{style}: the aim")),)
    )


def describe(finding: Finding) -> str:
    """Write what was read: `blueprint: red star`, `no style: nothing`."""
    names = [f"{item.color} {item.shape}" for item in finding.reading.items]
    return f"{finding.style or 'no style'}: {' and '.join(names) or 'nothing'}"


if __name__ == "__main__":
    sys.exit(run(ScoreStyleRequest, score_style))
