"""tuner-kit train."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "config", nargs="?", type=Path, default=Path("tuner.yaml"), help="default: tuner.yaml"
    )
    parser.add_argument(
        "--force", action="store_true", help="remove an earlier run of this name first"
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="leave out or mend what is damaged, in the run's private copy of the dataset",
    )


def execute(options: argparse.Namespace) -> int:
    """Train and print where the adapter is."""
    from tuner_kit.cli.console import print_paths
    from tuner_kit.cli.training import train_with_progress
    from tuner_kit.errors import ExitCode

    outcome = train_with_progress(options.config, force=options.force, repairs=options.fix)
    if outcome.adapter is None:
        return ExitCode.INTERRUPTED
    result = outcome.run.find_result()
    print_paths({"model" if outcome.adapter.method == "full" else "adapter": str(result)})
    return ExitCode.OK
