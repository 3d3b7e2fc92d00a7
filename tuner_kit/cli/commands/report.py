"""tuner-kit report."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", nargs="?", help="name or folder; default: the newest finished")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="default: runs")


def execute(options: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    from datetime import UTC, datetime

    from tuner_kit.cli.console import print_paths
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.errors import ExitCode
    from tuner_kit.runs.find import find_run
    from tuner_kit.stages.report import write_report

    run = find_run(options.runs_dir, options.run)
    with ProgressLine() as line:
        path = write_report(run, on_event=line.on_event, now=datetime.now(UTC))
    print_paths({"page": str(path)})
    return ExitCode.OK
