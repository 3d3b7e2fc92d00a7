"""tuner-kit doctor."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def execute(options: argparse.Namespace) -> int:
    """Print what this machine has; fail when a package is missing or another version."""
    import os
    from dataclasses import asdict

    from tuner_kit.cli.console import print_json, print_paths, print_problems
    from tuner_kit.errors import ERROR_OF_KIND, ExitCode
    from tuner_kit.stages.doctor import examine

    findings = examine(Path.cwd(), os.environ)
    if options.json:
        print_json(
            {"facts": dict(findings.facts), "problems": [asdict(p) for p in findings.problems]}
        )
    else:
        print_paths(findings.facts)
        print_problems(findings.problems)
    if findings.problems:
        return ERROR_OF_KIND[findings.problems[0].id[0]].exit_code
    return ExitCode.OK
