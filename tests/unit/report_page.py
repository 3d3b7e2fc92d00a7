"""Renders reports for the tests, and reads them as a browser does."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from report_files import (
    add_samples,
    add_style,
    add_training_images,
    add_validation,
    build_run,
)

from tuner_kit.process.messages import PlotLossResult
from tuner_kit.reporting.collect import collect_material
from tuner_kit.reporting.images import embed_picture
from tuner_kit.reporting.page import Ingredients, LossPlot, build_page, render_page
from tuner_kit.runs.layout import Run

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PLOT = LossPlot(
    '<?xml version="1.0"?><!DOCTYPE svg><svg viewBox="0 0 9 9"><metadata>x</metadata><path/></svg>',
    PlotLossResult(svg_path=Path("loss.svg"), first_mean=1.02, last_mean=0.87),
)
VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})


class Page(HTMLParser):
    """What a browser finds: elements with their attributes, text, and broken nesting."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.code: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.code.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)
        if "pre" in self.open:
            self.code[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def section_ids(self) -> list[str | None]:
        return [attrs["id"] for attrs in self.all("section")]


def render(run: Run, *, plot: LossPlot | None = PLOT) -> str:
    ingredients = Ingredients(collect_material(run), plot, embed_picture)
    return render_page(build_page(ingredients, now=NOW))


def full_run(tmp_path: Path) -> Run:
    run = build_run(tmp_path)
    add_training_images(run, ("sks, a roof", "sks, a flower"))
    add_validation(run, (0, 20, 40, 60))
    add_samples(run, "sample-001")
    add_style(run)
    return run
