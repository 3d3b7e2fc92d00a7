"""What the embedded model learns of each style: the demo's training, measured on more pictures.

For each style a LoRA is trained as the demo does it, then 40 scenes that it has not seen are
rendered by the base and the tuned model, with the trigger word and without, and read by rules.
It takes about five minutes a style on two cores.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from measure import RESULTS_DIR, describe_machine

from tuner_kit.catalog.base_models import TINY_SD3
from tuner_kit.cli.main import main as tuner_kit
from tuner_kit.config.answers import Answers
from tuner_kit.data.captions import add_trigger_word
from tuner_kit.preflight.plan_run import plan_answers
from tuner_kit.process.messages import DrawShapesRequest, DrawShapesResult, StyleGroup
from tuner_kit.process.worker import run_worker
from tuner_kit.runs.find import find_run
from tuner_kit.stages.create import create
from tuner_kit.stages.demo import NUM_PLAIN, NUM_STYLED, PLAIN_SEED, STYLED_SEED
from tuner_kit.stages.generate import GenerateOptions, generate
from tuner_kit.stages.score_style import StyleTrial, score_style

STYLES = ("blueprint", "chalk", "halftone")
NUM_SCENES, SCENES_SEED = 40, 9001


@dataclass(frozen=True, slots=True)
class Trial:
    """One style, in a folder of its own."""

    style: str
    folder: Path

    def draw(self, name: str, number: int, seed: int, style: str | None) -> tuple[str, ...]:
        """Draw pictures into a folder and give their captions."""
        request = DrawShapesRequest(
            dataset_dir=self.folder / name, num_pictures=number, style=style, seed=seed
        )
        return run_worker(
            "draw_shapes", request, DrawShapesResult, self.folder / "work", _ignore
        ).captions

    def measure(self) -> Mapping[str, object]:
        """Train, render, and count."""
        self.draw("styled", NUM_STYLED, STYLED_SEED, self.style)
        self.draw("plain", NUM_PLAIN, PLAIN_SEED, None)
        captions = self.draw("unseen", NUM_SCENES, SCENES_SEED, None)
        prompts = [
            p for caption in captions for p in (add_trigger_word(caption, self.style), caption)
        ]
        answers = Answers(
            data=str(self.folder / "styled"),
            plain_images=str(self.folder / "plain"),
            base=TINY_SD3,
            name=self.style,
            trigger_word=self.style,
            prompts=tuple(prompts[:2]),
            runs_dir=str(self.folder / "runs"),
        )
        file = create(plan_answers(answers, None, _ignore), self.folder / "tuner.yaml")
        began = time.monotonic()
        tuner_kit(["train", str(file.path)])
        train_s = time.monotonic() - began
        run = find_run(self.folder / "runs", self.style)
        wanted = GenerateOptions(prompts=prompts, compare=True)
        images = generate(run, wanted, on_event=_ignore).result.images
        trial = StyleTrial(self.style, self.style, SCENES_SEED, NUM_SCENES)
        groups = score_style(run, trial, images, on_event=_ignore).result.groups
        return {"train_s": round(train_s, 1), **{_name(group): _rates(group) for group in groups}}


def main() -> None:
    """Measure the styles that were named and keep the result."""
    parser = argparse.ArgumentParser(description="measure how well styles are learned")
    parser.add_argument("styles", nargs="+", choices=STYLES)
    found: dict[str, Mapping[str, object]] = {}
    for style in parser.parse_args().styles:
        with tempfile.TemporaryDirectory() as name:
            found[style] = Trial(style, Path(name)).measure()
        print(style, json.dumps(found[style]), flush=True)
    result = {
        "title": "style_learning",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python benchmarks/style_learning.py {' '.join(found)}",
        "machine": describe_machine(),
        "scenes": NUM_SCENES,
        "styles": found,
    }
    path = RESULTS_DIR / "style_learning.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _name(group: StyleGroup) -> str:
    return f"{group.variant}, {'with' if group.is_triggered else 'without'} trigger"


def _rates(group: StyleGroup) -> Mapping[str, float]:
    counts = {
        "style": group.num_in_style,
        "shape": group.num_shape_right,
        "color": group.num_color_right,
        "position": group.num_position_right,
    }
    return {name: round(count / group.num_pictures, 3) for name, count in counts.items()}


def _ignore(event: object) -> None:
    """Say nothing about progress."""


if __name__ == "__main__":
    main()
