"""tuner-kit runs."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def execute(options: argparse.Namespace) -> int:
    """Print every run with its state, newest first."""
    from dataclasses import asdict

    from tuner_kit.cli.console import print_json, print_note, print_table
    from tuner_kit.errors import ExitCode
    from tuner_kit.stages.overview import summarize_runs

    summaries = summarize_runs(options.runs_dir)
    if options.json:
        print_json({"runs": [asdict(summary) for summary in summaries]})
    elif not summaries:
        print_note(f"no runs in {options.runs_dir}; `tuner-kit demo` makes one")
    else:
        rows = [
            (s.name, s.status, s.steps, s.loss, s.adapter, s.base, s.changed_at) for s in summaries
        ]
        print_table(("run", "state", "steps", "loss", "adapter", "base", "changed"), rows)
    return ExitCode.OK
