"""tuner-kit runs."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.add_argument(
        "--prune", action="store_true", help="show what no run uses any more, ask, and remove it"
    )
    parser.add_argument("--yes", action="store_true", help="with --prune: don't ask")


def execute(options: argparse.Namespace) -> int:
    """Print every run with its state, newest first."""
    return _prune(options) if options.prune else _list(options)


def _list(options: argparse.Namespace) -> int:
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


def _prune(options: argparse.Namespace) -> int:
    """Show what can go, and remove it when that is confirmed."""
    import sys

    from tuner_kit.cli.console import print_note, print_table
    from tuner_kit.errors import ExitCode
    from tuner_kit.stages.prune import find_prunable, prune

    items = find_prunable(options.runs_dir)
    if not items:
        print_note(f"nothing to remove: every cache in {options.runs_dir} is in use")
        return ExitCode.OK
    rows = [
        (
            item.run.name if item.run else "-",
            item.cache.folder.name,
            item.cache.reason,
            _in_mib(item.size_bytes),
        )
        for item in items
    ]
    print_table(("run", "folder", "why", "size"), rows)
    total = _in_mib(sum(item.size_bytes for item in items))
    if not options.yes:
        if sys.stdin is None or not sys.stdin.isatty():
            print_note(f"{total} can go; add --yes to remove it")
            return ExitCode.OK
        from tuner_kit.wizard.confirm import confirm

        if not confirm(f"Remove {total}? Whatever is needed again is made again."):
            return ExitCode.OK
    print_note(f"removed {_in_mib(prune(items))}")
    return ExitCode.OK


def _in_mib(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:.1f} MiB"
