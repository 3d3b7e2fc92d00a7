"""The command line: finds the command, and turns every error into three lines.

Only the standard library is imported until a command runs, so that `--help`, `--version`
and a usage error answer at once.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from tuner_kit import __version__
from tuner_kit.errors import ExitCode, TunerError

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "answer a few questions, get a tuner.yaml that is right",
        "check": "find everything that would go wrong later, with the fix",
        "train": "train with SimpleTuner, watched, and verify what it leaves",
        "generate": "turn prompts into pictures with a trained adapter",
        "report": "write one self-contained HTML page about a run",
        "runs": "list the runs and their state",
        "doctor": "say what this machine can do",
        "demo": "the whole flow on a tiny model, on the CPU, in minutes",
    }
)
"""Name and summary of each command; its module is imported when it is chosen."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code (see `errors.ExitCode`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    _replace_closed_streams()
    try:
        return _run(words)
    except TunerError as error:
        from tuner_kit.cli.console import print_problems

        print_problems(error.problems)
        return error.exit_code
    except KeyboardInterrupt:
        from tuner_kit.cli.console import print_note

        print_note("stopped")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:  # the last line of defense: a bug is one line and a crash file
        from tuner_kit.cli.crash import report_crash

        report_crash(error, words)
        return ExitCode.BUG


def _run(words: Sequence[str]) -> int:
    options = _build_parser(words).parse_args(words)
    module = import_module(f"tuner_kit.cli.commands.{options.command}")
    exit_code = int(module.execute(options))
    sys.stdout.flush()  # a reader that has gone is noticed here, not while Python ends
    return exit_code


def _replace_closed_streams() -> None:
    """Python has no stream where a shell closed one, as `2>&-` and some schedulers do."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tuner-kit",
        description="From a folder of images to a Stable Diffusion 3 LoRA.",
        epilog="tuner-kit COMMAND --help says more about a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tuner-kit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in words if word in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        if name == chosen:
            import_module(f"tuner_kit.cli.commands.{name}").add_arguments(command)
    return parser
