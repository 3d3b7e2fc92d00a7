"""Builds the sections that are looked at: style, comparison and validation."""

from itertools import groupby
from pathlib import Path
from typing import Protocol

from tuner_kit.process.messages import GeneratedImage, StyleGroup
from tuner_kit.reporting.collect import RunMaterial, Samples
from tuner_kit.reporting.formats import format_count, plural, spread, with_article
from tuner_kit.reporting.images import Picture
from tuner_kit.reporting.sections import (
    ComparisonSection,
    LabeledPicture,
    PictureRow,
    PromptRows,
    StyleRow,
    StyleSection,
    ValidationSection,
)
from tuner_kit.simpletuner.training_files import validation_prompts


class Embed(Protocol):
    """`embed_picture`, or one that also tells about its progress."""

    def __call__(self, path: Path, alt: str, *, max_edge_px: int) -> Picture | None:
        """Return the picture; None when it is missing or damaged."""


MAX_VALIDATIONS = 8
MAX_ROWS = 24
"""Rows of the comparison: two pictures each."""
_LARGE_PX = 512
_SMALL_PX = 320
"""A picture in a row of five or more is at most 200 px wide on a screen."""
_FEW_COLUMNS = 4
_SHEET_PX = 4096
"""A sheet of few columns is long; its pictures shall stay sharp."""

_VARIANT_TITLES = {"base": "base model", "tuned": "tuned"}


def build_style(material: RunMaterial, embed: Embed) -> StyleSection | None:
    """Show what was found about a style; nothing where it wasn't measured."""
    evaluation = material.style
    if evaluation is None:
        return None
    result = evaluation.result
    path = evaluation.dir / "sheet.png"
    alt = f"comparison sheet: four pictures of each of {result.num_scenes} scenes"
    caption = (
        "Each scene by the base model, by the tuned one with the trigger word and without, "
        f"and as {result.style} is drawn."
    )
    return StyleSection(
        style=result.style,
        trigger_word=result.trigger_word,
        num_scenes=result.num_scenes,
        rows=tuple(_style_row(group, result.trigger_word) for group in result.groups),
        sheet=LabeledPicture(caption, embed(path, alt, max_edge_px=_SHEET_PX)),
        folder=evaluation.dir.relative_to(material.run.dir).as_posix(),
    )


def _style_row(group: StyleGroup, trigger_word: str) -> StyleRow:
    def of_all(count: int) -> str:
        return f"{count} of {group.num_pictures}"

    model = _VARIANT_TITLES[group.variant]
    return StyleRow(
        label=f"{model}, {'with' if group.is_triggered else 'without'} {trigger_word}",
        in_style=of_all(group.num_in_style),
        shape=of_all(group.num_shape_right),
        color=of_all(group.num_color_right),
    )


def build_comparison(material: RunMaterial, embed: Embed) -> ComparisonSection | None:
    """Lay out the newest generated pictures, by prompt and seed."""
    samples = material.samples
    if samples is None or not samples.result.images:
        return None
    images = samples.result.images
    keys = list(dict.fromkeys((image.prompt, image.seed) for image in images))
    rows = [
        (prompt, _comparison_row(samples, prompt, seed, embed)) for prompt, seed in keys[:MAX_ROWS]
    ]
    return ComparisonSection(
        prompts=tuple(
            PromptRows(prompt, tuple(row for _, row in group))
            for prompt, group in groupby(rows, key=lambda entry: entry[0])
        ),
        is_comparison={image.variant for image in images} == {"base", "tuned"},
        folder=samples.dir.relative_to(material.run.dir).as_posix(),
        num_left_out=len(keys) - len(rows),
        details=f"{plural(len(images), 'picture')} in {samples.result.seconds:.0f} s "
        f"on {with_article(samples.result.device)}",
    )


def _comparison_row(samples: Samples, prompt: str, seed: int, embed: Embed) -> PictureRow:
    images = [i for i in samples.result.images if (i.prompt, i.seed) == (prompt, seed)]
    return PictureRow(f"seed {seed}", tuple(_sample(samples, image, embed) for image in images))


def _sample(samples: Samples, image: GeneratedImage, embed: Embed) -> LabeledPicture:
    title = _VARIANT_TITLES[image.variant]
    alt = f"{title}, seed {image.seed}: {image.prompt}"
    # result.json names the pictures relative to its folder; a full path is cut to its name.
    path = samples.dir / image.path.name
    return LabeledPicture(title, embed(path, alt, max_edge_px=_LARGE_PX))


def build_validation(material: RunMaterial, embed: Embed) -> ValidationSection | None:
    """Lay out the validation pictures: a row for each prompt, a column for each step."""
    all_steps = sorted({picture.step for picture in material.validation})
    steps = spread(all_steps, MAX_VALIDATIONS)
    paths = {(p.prompt_name, p.step): p.path for p in material.validation}
    edge_px = _LARGE_PX if len(steps) <= _FEW_COLUMNS else _SMALL_PX

    def picture_of(name: str, prompt: str, step: int) -> LabeledPicture:
        path = paths.get((name, step))
        alt = f"{_step_title(step)}: {prompt}"
        picture = None if path is None else embed(path, alt, max_edge_px=edge_px)
        return LabeledPicture(_step_title(step), picture)

    rows = [
        PictureRow(prompt, tuple(picture_of(name, prompt, step) for step in steps))
        for name, prompt in validation_prompts(material.config).items()
        if any((name, step) in paths for step in steps)
    ]
    if not rows:
        return None
    return ValidationSection(tuple(rows), len(steps), len(all_steps) - len(steps))


def _step_title(step: int) -> str:
    return "base model" if step == 0 else f"step {format_count(step)}"
