"""tuner-kit init."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tuner_kit.catalog.layouts import LAYOUT_NAMES
from tuner_kit.catalog.presets import PRESETS

if TYPE_CHECKING:
    from pydantic import JsonValue

    from tuner_kit.config.answers import Answers
    from tuner_kit.config.load import ConfigFile
    from tuner_kit.preflight.folder_facts import FolderFacts
    from tuner_kit.preflight.planned_run import PlannedRun
    from tuner_kit.preflight.target_gpu import LocalGpus
    from tuner_kit.wizard.dialogue import Existing, Outcome
    from tuner_kit.wizard.interview import Surroundings
    from tuner_kit.wizard.terminal import Terminal

DEFAULT_CONFIG_PATH = Path("tuner.yaml")
PURPOSES = ("style", "subject", "concept")
METHODS = ("lora", "lokr", "full", "dreambooth", "dreambooth-class")

_ANSWERS = {
    "data": "data",
    "layout": "layout",
    "purpose": "purpose",
    "trigger": "trigger_word",
    "caption": "fallback_caption",
    "instance_prompt": "instance_prompt",
    "base": "base",
    "method": "method",
    "gpu": "gpu",
    "plain": "plain_images",
    "prompt": "prompts",
    "name": "name",
    "runs_dir": "runs_dir",
}
"""Which answer each option is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    presets = "\n".join(f"  {preset.name:<20}{preset.summary}" for preset in PRESETS)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"presets:\n{presets}\n\nWithout --yes, whatever is not given is asked."
    _add_answers(parser.add_argument_group("answers; what is given is not asked"))
    parser.add_argument("--answers", type=Path, metavar="FILE", help="answers, as YAML or JSON")
    parser.add_argument("--yes", action="store_true", help="ask nothing, take what is suggested")
    parser.add_argument(
        "--output",
        type=Path,
        default=DEFAULT_CONFIG_PATH,
        metavar="FILE",
        help="default: tuner.yaml",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _add_answers(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--data", metavar="DIR", help="a folder, or hf://datasets/user/name")
    group.add_argument(
        "--layout", choices=LAYOUT_NAMES, metavar="NAME", help="where the captions are"
    )
    group.add_argument("--purpose", choices=PURPOSES, metavar="NAME", help=", ".join(PURPOSES))
    group.add_argument("--trigger", metavar="WORD", help="put in front of captions without it")
    group.add_argument("--caption", metavar="TEXT", help="caption of images that have none")
    group.add_argument("--instance-prompt", metavar="TEXT", help="one caption for every image")
    group.add_argument(
        "--plain", metavar="DIR", help="other images, trained without the trigger word"
    )
    base = group.add_mutually_exclusive_group()
    base.add_argument("--base", metavar="MODEL", help="a hub id, or a folder")
    base.add_argument("--preset", metavar="NAME", help="the base model of a preset")
    group.add_argument("--method", choices=METHODS, metavar="NAME", help=", ".join(METHODS))
    group.add_argument("--gpu", metavar="GPU", help="such as RTX 4090, or 24 GB")
    group.add_argument("--prompt", action="append", metavar="TEXT", help="drawn while training")
    group.add_argument("--name", help="name of the run; default: the folder's")
    group.add_argument("--runs-dir", metavar="DIR", help="default: runs beside FILE")


def execute(options: argparse.Namespace) -> int:
    """Write a tuner.yaml from flags and answers, or change one."""
    given = _given_answers(options)
    return _take_suggestions(options, given) if options.yes else _hold_dialogue(options, given)


# ------------------------------------------------------------------------------- answers


def _given_answers(options: argparse.Namespace) -> "Answers":
    """Read what is answered by options and by `--answers`; options win."""
    from tuner_kit.config.load_answers import check_answers, load_answers
    from tuner_kit.config.yaml_source import YamlSource

    written: dict[str, JsonValue] = {}
    if options.answers is not None:
        written |= load_answers(options.answers).model_dump(mode="json", exclude_unset=True)
    chosen = {answer: getattr(options, option) for option, answer in _ANSWERS.items()}
    written |= {answer: value for answer, value in chosen.items() if value is not None}
    if options.preset is not None:
        written["base"] = _base_of_preset(options.preset)
    return check_answers(written, YamlSource("command line", written, {}, ()))


def _base_of_preset(name: str) -> str:
    from tuner_kit.config.presets import PRESET_NAMES, load_preset
    from tuner_kit.config.suggest import did_you_mean
    from tuner_kit.errors import ConfigError, Problem

    if name in PRESET_NAMES:
        model = load_preset(name)["model"]
        assert isinstance(model, dict)  # noqa: S101 - shipped by us, checked by the golden tests
        return str(model["base"])
    problem = Problem(
        id="C09",
        what=f"there is no preset {name}",
        where="--preset",
        fix=did_you_mean(name, PRESET_NAMES, otherwise=f"presets: {', '.join(PRESET_NAMES)}"),
    )
    raise ConfigError(problem)


def _surroundings() -> "Surroundings":
    from tuner_kit.cli.console import notes
    from tuner_kit.wizard.interview import Surroundings

    console = notes()
    return Surroundings(
        show=console.print,
        columns=console.width,
        machine=_machine(),
        look_at_folder=_look_at_folder,
    )


def _machine() -> "LocalGpus":
    from tuner_kit.preflight.accelerators import find_accelerators
    from tuner_kit.preflight.target_gpu import describe_gpus

    return describe_gpus(find_accelerators())


def _look_at_folder(data: str, layout: str) -> "FolderFacts":
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.preflight.folder_facts import look_at_folder

    with ProgressLine() as line:
        return look_at_folder(data, layout, line.on_event)


# ---------------------------------------------------------------------------- no questions


def _take_suggestions(options: argparse.Namespace, given: "Answers") -> int:
    from tuner_kit.errors import ConfigError, Problem
    from tuner_kit.stages.create import create
    from tuner_kit.wizard.suggestions import take_suggestions

    if given.data is None:
        problem = Problem(
            id="C07",
            what="no folder of images was given",
            where="--data",
            fix="add --data DIR, or run `tuner-kit init` in a terminal to be asked",
        )
        raise ConfigError(problem)
    planned = take_suggestions(given, _surroundings())
    return _say_what_is_next(create(planned, options.output, force=options.force), options.output)


# ------------------------------------------------------------------------------- questions


def _hold_dialogue(options: argparse.Namespace, given: "Answers") -> int:
    from tuner_kit.wizard.dialogue import Dialogue, Start

    start = Start(
        given=given,
        config_path=options.output,
        replaces=options.force,
        read_existing=_read_existing,
    )
    surroundings = _surroundings()
    outcome = Dialogue(_terminal(surroundings), surroundings, start).hold()
    if outcome.planned is None:
        return _say_how_to_go_on(outcome)
    file = _write(outcome, outcome.planned, force=options.force)
    outcome.draft_path.unlink(missing_ok=True)
    return _say_what_is_next(file, outcome.config_path)


def _terminal(surroundings: "Surroundings") -> "Terminal":
    """Take what this terminal can: lists to move in, or lines to type."""
    import io
    import sys

    from tuner_kit.wizard.terminal import FullTerminal, PlainTerminal

    show, columns = surroundings.show, surroundings.columns
    if _can_move_cursor():
        return FullTerminal(show, columns)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")  # what is no UTF-8 is no folder's name
    return PlainTerminal(show, columns, _read_line)


def _can_move_cursor() -> bool:
    import os
    import sys

    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return is_terminal and os.environ.get("TERM", "dumb").lower() not in ("", "dumb", "unknown")


def _read_line() -> str:
    """Read a line as it was typed.

    Raises:
        EOFError: there is none.
    """
    import sys

    line = "" if sys.stdin is None else sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _read_existing(config_path: Path) -> "Existing":
    """Read a tuner.yaml that shall be changed; one with mistakes is to be repaired first."""
    from tuner_kit.config.load import load_config
    from tuner_kit.errors import raise_for_errors
    from tuner_kit.preflight.read_answers import answers_from
    from tuner_kit.wizard.dialogue import Existing

    file = load_config(config_path)
    raise_for_errors(file.problems)
    return Existing(answers_from(file), file.config)


def _write(outcome: "Outcome", planned: "PlannedRun", *, force: bool) -> "ConfigFile":
    from tuner_kit.stages.create import create, edit

    if outcome.before is not None:
        return edit(outcome.config_path, outcome.before, planned)
    return create(planned, outcome.config_path, force=force)


def _say_how_to_go_on(outcome: "Outcome") -> int:
    from shlex import quote

    from tuner_kit.cli.console import print_note
    from tuner_kit.errors import ExitCode

    path = outcome.config_path
    words = "" if path == DEFAULT_CONFIG_PATH else f" --output {quote(str(path))}"
    if outcome.draft_path.exists():
        print_note(f"kept; `tuner-kit init{words}` goes on from here")
    else:
        print_note("nothing is written; with --yes nothing is asked")
    return ExitCode.INTERRUPTED


def _say_what_is_next(file: "ConfigFile", config_path: Path) -> int:
    from tuner_kit.cli.console import print_note, print_paths
    from tuner_kit.errors import ExitCode

    print_paths({"configuration": str(file.path)})
    print_note(f"next: tuner-kit check {config_path}, then tuner-kit train {config_path}")
    return ExitCode.OK
