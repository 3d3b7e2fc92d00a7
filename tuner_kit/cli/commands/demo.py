"""tuner-kit demo."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner_kit.stages.create import Answers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--demo-dir", type=Path, default=Path("demo"), help="default: demo")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="default: runs")


def execute(options: argparse.Namespace) -> int:
    """Configure, check, train, generate, compare and write the page."""
    from datetime import UTC, datetime

    from tuner_kit.cli.console import print_note, print_paths
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.cli.training import train_with_progress
    from tuner_kit.errors import ExitCode
    from tuner_kit.stages.create import create
    from tuner_kit.stages.demo import DEMO_PROMPTS, prepare_photos
    from tuner_kit.stages.generate import GenerateOptions, generate
    from tuner_kit.stages.report import write_report

    print_note("1/4  photographs, captions and a tuner.yaml")
    with ProgressLine() as line:
        photos_dir = prepare_photos(options.demo_dir, on_event=line.on_event)
    file = create(_answers(options, photos_dir), force=True)
    print_note("2/4  training a LoRA with SimpleTuner")
    outcome = train_with_progress(file.path, force=True)
    if outcome.adapter is None:
        return ExitCode.INTERRUPTED
    print_note("3/4  pictures with the adapter, and with the base model beside them")
    wanted = GenerateOptions(prompts=DEMO_PROMPTS, seeds=(1, 2), compare=True)
    with ProgressLine() as line:
        pictures = generate(outcome.run, wanted, on_event=line.on_event)
    print_note("4/4  the page about the run")
    with ProgressLine() as line:
        page = write_report(outcome.run, on_event=line.on_event, now=datetime.now(UTC))
    print_paths(
        {
            "adapter": str(outcome.run.adapter_path),
            "contact sheet": str(pictures.result.sheet_path),
            "page": str(page),
        }
    )
    return ExitCode.OK


def _answers(options: argparse.Namespace, photos_dir: Path) -> "Answers":
    from tuner_kit.stages.create import Answers
    from tuner_kit.stages.demo import DEMO_PRESET, DEMO_PROMPTS

    return Answers(
        data_dir=photos_dir,
        preset=DEMO_PRESET,
        config_path=options.demo_dir / "tuner.yaml",
        name="demo",
        prompts=DEMO_PROMPTS,
        runs_dir=Path(os.path.relpath(options.runs_dir, options.demo_dir)),
    )
