"""tuner-kit check."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "config", nargs="?", type=Path, default=Path("tuner.yaml"), help="default: tuner.yaml"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def execute(options: argparse.Namespace) -> int:
    """Print every finding; fail with the kind of the first error."""
    from dataclasses import asdict

    from tuner_kit.cli.console import print_json, print_note, print_problems
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.errors import ERROR_OF_KIND, ExitCode, Severity
    from tuner_kit.stages.check import check

    with ProgressLine() as line:
        report = check(options.config, on_progress=line.on_images)
    errors = [found for found in report.problems if found.severity is Severity.ERROR]
    if options.json:
        print_json({"problems": [asdict(found) for found in report.problems]})
    else:
        print_problems(report.problems)
    num_others = len(report.problems) - len(errors)
    if errors:
        print_note(f"{len(errors)} to repair, {num_others} to know")
        return ERROR_OF_KIND[errors[0].id[0]].exit_code
    steps = f", {report.total_steps} steps" if report.total_steps else ""
    print_note(f"ready to train: {report.num_images} images{steps}; {num_others} to know")
    return ExitCode.OK
