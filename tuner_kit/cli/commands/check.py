"""tuner-kit check."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuner_kit.errors import Problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        default=Path("tuner.yaml"),
        help="a tuner.yaml, or a config.json of SimpleTuner; default: tuner.yaml",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def execute(options: argparse.Namespace) -> int:
    """Print every finding; fail with the kind of the first error."""
    from dataclasses import asdict

    from tuner_kit.cli.console import print_json, print_note, print_problems
    from tuner_kit.errors import ERROR_OF_KIND, ExitCode, Severity

    is_the_trainers = options.config.suffix.lower() == ".json"
    examine = _check_trainer_files if is_the_trainers else _check_run
    problems, verdict = examine(options.config)
    if options.json:
        print_json({"problems": [asdict(found) for found in problems]})
    else:
        print_problems(problems)
    errors = [found for found in problems if found.severity is Severity.ERROR]
    num_others = len(problems) - len(errors)
    if errors:
        print_note(f"{len(errors)} to repair, {num_others} to know")
        return ERROR_OF_KIND[errors[0].id[0]].exit_code
    print_note(f"{verdict}; {num_others} to know")
    return ExitCode.OK


def _check_run(config_path: Path) -> "tuple[Sequence[Problem], str]":
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.stages.check import check

    with ProgressLine() as line:
        report = check(config_path, on_progress=line.on_images)
    steps = f", {report.total_steps} steps" if report.total_steps else ""
    return report.problems, f"ready to train: {report.num_images} images{steps}"


def _check_trainer_files(config_path: Path) -> "tuple[Sequence[Problem], str]":
    from tuner_kit.preflight.hand_written import check_trainer_config

    problems = check_trainer_config(config_path, working_dir=Path.cwd())
    return problems, "SimpleTuner will read these files as they are meant"
