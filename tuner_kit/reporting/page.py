"""A run as one page: which sections there are, in which order, and the words above them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from tuner_kit import __version__
from tuner_kit.catalog.base_models import title_of
from tuner_kit.catalog.templates import templates_dir
from tuner_kit.process.messages import PlotLossResult
from tuner_kit.rendering.templates import render_template
from tuner_kit.reporting.collect import RunMaterial
from tuner_kit.reporting.facts import build_outcome, build_request, training_seconds
from tuner_kit.reporting.formats import (
    format_duration,
    format_loss,
    format_number,
    plural,
    with_article,
)
from tuner_kit.reporting.loss_curve import MAX_POINTS
from tuner_kit.reporting.pictures import (
    Embed,
    build_comparison,
    build_style,
    build_validation,
)
from tuner_kit.reporting.sections import LossSection, Section
from tuner_kit.reporting.usage import build_details, build_usage
from tuner_kit.runs.status import RunStatus


@dataclass(frozen=True, slots=True)
class LossPlot:
    """What the plot worker gave."""

    svg: str
    result: PlotLossResult


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that sections are built from."""

    material: RunMaterial
    plot: LossPlot | None
    """Null where no loss was recorded."""
    embed: Embed


@dataclass(frozen=True, slots=True)
class SectionKind:
    """A section that a report can have."""

    id: str
    """Anchor in the page, and name of the template `report/<id>.html.j2`."""
    title: str
    build: Callable[[Ingredients], Section | None]
    """Null leaves the section out."""


@dataclass(frozen=True, slots=True)
class FilledSection:
    """A section that this report has."""

    id: str
    title: str
    template: str
    values: Section


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Everything on the page."""

    name: str
    model: str
    summary: str
    sections: tuple[FilledSection, ...]
    written_at: str
    version: str


def build_page(ingredients: Ingredients, *, now: datetime) -> ReportPage:
    """Build every section that has something to show."""
    material = ingredients.material
    built = ((kind, kind.build(ingredients)) for kind in SECTIONS)
    return ReportPage(
        name=material.run.name,
        model=title_of(material.config.model.base),
        summary=summarize(material, ingredients.plot),
        sections=tuple(
            FilledSection(kind.id, kind.title, f"report/{kind.id}.html.j2", values)
            for kind, values in built
            if values is not None
        ),
        written_at=f"{now:%Y-%m-%d %H:%M %Z}".strip(),
        version=__version__,
    )


def render_page(page: ReportPage) -> str:
    """Render the page with its style sheet inside."""
    css = (templates_dir() / "report" / "report.css").read_text(encoding="utf-8")
    return render_template("report/index.html.j2", {"page": page, "css": Markup(css)})  # noqa: S704 - our own file


def summarize(material: RunMaterial, plot: LossPlot | None) -> str:
    """Say in one sentence what happened."""
    sentence = _what_happened(material)
    result = plot.result if plot else None
    if result is None or result.first_mean is None or result.last_mean is None:
        return f"{sentence}."
    first, last = format_loss(result.first_mean), format_loss(result.last_mean)
    return f"{sentence}; the loss went from {first} to {last}."


def _what_happened(material: RunMaterial) -> str:
    steps = plural(material.steps[-1].step if material.steps else 0, "step")
    if material.status is not RunStatus.FINISHED:
        return _UNFINISHED[material.status].format(steps=steps)
    seconds = training_seconds(material)
    device = material.train.summary.get("device") if material.train else None
    sentence = f"Trained {steps}"
    if material.training_images:
        sentence += f" on {plural(len(material.training_images), 'image')}"
    if seconds is not None:
        sentence += f" in {format_duration(seconds)}"
    if isinstance(device, str):
        sentence += f" on {with_article(device)}"
    return sentence


_UNFINISHED = {
    RunStatus.NEW: "Nothing has been trained yet",
    RunStatus.RUNNING: "Training; {steps} are done so far",
    RunStatus.INTERRUPTED: "Interrupted after {steps}; `tuner-kit train` continues",
    RunStatus.FAILED: "The training failed after {steps}",
    RunStatus.CRASHED: "The training ended without a word after {steps}",
}


def _build_loss(ingredients: Ingredients) -> LossSection | None:
    plot, material = ingredients.plot, ingredients.material
    if plot is None:
        return None
    first, last = plot.result.first_mean, plot.result.last_mean
    description = "The training loss by step"
    if first is not None and last is not None:
        description += (
            f": {format_loss(first)} on average in the first tenth of the steps, "
            f"{format_loss(last)} in the last"
        )
    num_losses = sum(entry.loss is not None for entry in material.steps)
    notes = []
    if num_losses > MAX_POINTS:
        per_point = format_number(num_losses / MAX_POINTS)
        notes.append(f"Each value drawn is the mean of about {per_point} steps.")
    if len(material.steps) > num_losses:
        missing = plural(len(material.steps) - num_losses, "step")
        notes.append(f"Not drawn: {missing} without a finite loss.")
    return LossSection(prepare_svg(plot.svg, description), f"{description}.", tuple(notes))


def prepare_svg(svg: str, description: str) -> Markup:
    """Make a drawing part of the page: no prologue, no metadata, a text instead of it."""
    drawing = svg[svg.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    label = Markup('<svg role="img" aria-label="{}"').format(description)
    return label + Markup(drawing.removeprefix("<svg"))  # noqa: S704 - drawn by our own worker


SECTIONS: tuple[SectionKind, ...] = (
    SectionKind("style", "Was the style learned?", lambda i: build_style(i.material, i.embed)),
    SectionKind("comparison", "Before and after", lambda i: build_comparison(i.material, i.embed)),
    SectionKind("validation", "While training", lambda i: build_validation(i.material, i.embed)),
    SectionKind("loss", "Loss", _build_loss),
    SectionKind("outcome", "How it went", lambda i: build_outcome(i.material)),
    SectionKind("request", "What was asked", lambda i: build_request(i.material, i.embed)),
    SectionKind("usage", "Use the adapter", lambda i: build_usage(i.material)),
    SectionKind("details", "Configuration", lambda i: build_details(i.material)),
)
"""Every section, in the order of the page. A new one is a row here, a dataclass and a template."""
