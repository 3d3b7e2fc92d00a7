"""tuner-kit check."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from tuner_kit.catalog.layouts import AUTO_LAYOUT, LAYOUT_NAMES
from tuner_kit.cli.argument_types import not_negative, positive, resolution_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tuner_kit.errors import Problem
    from tuner_kit.preflight.hand_written import HandWritten, TrainingSite
    from tuner_kit.preflight.run_costs import RunCosts
    from tuner_kit.simpletuner.dataset_plan import DatasetPlan


_TRAINER_SUFFIXES = (".json", ".toml", ".env")
_NOT_DECODED = "no image was decoded yet: check again when tuner.yaml is right"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        default=Path("tuner.yaml"),
        help="a tuner.yaml, or SimpleTuner's config.json, .toml or .env; default: tuner.yaml",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--fix",
        action="store_true",
        help="tuner.yaml: judge as if damage was mended or left out, as `train --fix` does in a "
        "private copy; files of SimpleTuner: write what surely was meant, and show it",
    )
    parser.add_argument(
        "--probe", action="store_true", help="train two steps here and correct the plan with them"
    )
    _add_data_arguments(parser.add_argument_group("a folder of images, before there is a run"))


def _add_data_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--data", metavar="DIR", help="a folder, or hf://datasets/user/name")
    group.add_argument("--html", type=Path, metavar="FILE", help="write what falls out, with why")
    group.add_argument("--plan-only", action="store_true", help="only sizes: decode no image")
    group.add_argument(
        "--layout",
        choices=(AUTO_LAYOUT, *LAYOUT_NAMES),
        default=AUTO_LAYOUT,
        metavar="NAME",
        help=f"default: recognized; or {', '.join(LAYOUT_NAMES)}",
    )
    group.add_argument("--instance-prompt", metavar="TEXT", help="one caption for every image")
    group.add_argument("--class-prompt", metavar="TEXT", help="caption of the class images")
    group.add_argument("--trigger", metavar="WORD", help="put in front of captions without it")
    group.add_argument("--caption", metavar="TEXT", help="caption of images that have none")
    group.add_argument("--resolution", type=resolution_px, default=1024, metavar="PX")
    group.add_argument("--crop", choices=("center", "none"), default="center")
    group.add_argument("--batch", type=positive, default=1, metavar="N", help="images per batch")
    group.add_argument("--accumulation", type=positive, default=1, metavar="N")
    group.add_argument("--repeats", type=not_negative, default=0, metavar="N")


def execute(options: argparse.Namespace) -> int:
    """Print every finding; fail with the kind of the first error."""
    from tuner_kit.cli.console import print_problems, results

    if options.probe:
        from tuner_kit.cli.probing import execute_probe

        return execute_probe(options)
    examined = _examine(options)
    if options.json:
        _print_as_json(examined)
    else:
        print_problems(examined.problems)
        _print_plans(examined, results())
    return _conclude(examined)


def execute_as_step(config_path: Path) -> int:
    """Check a tuner.yaml as a step of another command, whose results go to stdout."""
    from tuner_kit.cli.console import notes, print_problems

    examined = _check_run(config_path)
    print_problems(examined.problems)
    _print_plans(examined, notes())
    return _conclude(examined)


def _print_plans(examined: "Examined", console: "Console") -> None:
    if not examined.plans:
        return
    from tuner_kit.cli.dataset_summary import print_costs, print_plan

    for plan in examined.plans:
        print_plan(plan, console)
    if examined.costs is not None:
        print_costs(examined.costs, console)


def _print_as_json(examined: "Examined") -> None:
    from dataclasses import asdict

    from tuner_kit.cli.console import print_json

    print_json(
        {
            "problems": [asdict(found) for found in examined.problems],
            "datasets": [asdict(plan) for plan in examined.plans],
            "costs": None if examined.costs is None else examined.costs.as_json(),
        }
    )


def _conclude(examined: "Examined") -> int:
    """Say how it is in one line, and give the exit code."""
    from tuner_kit.cli.console import print_note
    from tuner_kit.errors import ERROR_OF_KIND, ExitCode, Severity

    if examined.page_path is not None:
        print_note(f"page       {examined.page_path}")
    errors = [found for found in examined.problems if found.severity is Severity.ERROR]
    num_others = len(examined.problems) - len(errors)
    if errors:
        print_note(f"{len(errors)} to repair, {num_others} to know")
        if examined.note is not None:
            print_note(examined.note)
        return ERROR_OF_KIND[errors[0].id[0]].exit_code
    print_note(f"{examined.verdict}; {num_others} to know")
    return ExitCode.OK


class Examined(NamedTuple):
    """What was found out."""

    problems: "Sequence[Problem]"
    plans: "Sequence[DatasetPlan]"
    """One of each dataset that could be read."""
    verdict: str
    """What to say when nothing is wrong."""
    page_path: Path | None = None
    """The page that was written, if one was."""
    note: str | None = None
    """What else is to be said."""
    costs: "RunCosts | None" = None
    """What the run takes."""


def _examine(options: argparse.Namespace) -> Examined:
    if options.data is not None:
        return _check_data(options)
    if options.html is not None:
        _refuse_page(options.html)
    if options.config.suffix.lower() in _TRAINER_SUFFIXES:
        return _check_trainer_files(options.config, fixes=options.fix)
    return _check_run(options.config, repairs=options.fix)


def _check_run(config_path: Path, *, repairs: bool = False) -> Examined:
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.reporting.planned_dataset import format_views
    from tuner_kit.stages.check import check

    with ProgressLine() as line:
        report = check(config_path, line.on_event, repairs=repairs)
    steps = f", {report.total_steps} steps" if report.total_steps else ""
    views = f", each seen {format_views(*report.views_per_image)}" if report.views_per_image else ""
    verdict = f"ready to train: {report.num_images} images{steps}{views}"
    note = None if report.looked_at_pixels else _NOT_DECODED
    return Examined(report.problems, report.datasets, verdict, note=note, costs=report.costs)


def _refuse_page(page_path: Path) -> NoReturn:
    from tuner_kit.errors import ConfigError, Problem

    raise ConfigError(
        Problem(
            id="C07",
            what="the page of --html is about a folder of images, and none is named",
            where="--html",
            fix=f"tuner-kit check --data DIR --html {page_path}",
        )
    )


def _check_data(options: argparse.Namespace) -> Examined:
    from datetime import UTC, datetime

    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.stages.check_data import DataQuestion, check_data

    question = DataQuestion(
        data_dir=Path(options.data),
        layout=options.layout,
        instance_prompt=options.instance_prompt,
        class_prompt=options.class_prompt,
        trigger_word=options.trigger,
        fallback_caption=options.caption,
        resolution_px=options.resolution,
        is_cropped=options.crop == "center",
        train_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulation,
        repeats=options.repeats,
        repairs=options.fix,
        plans_only=options.plan_only,
        page_path=options.html,
        now=datetime.now(UTC),
    )
    with ProgressLine() as line:
        report = check_data(question, line.on_event)
    plans = () if report.plan is None else (report.plan,)
    return Examined(report.problems, plans, "this folder can be trained on", report.page_path)


def _check_trainer_files(config_path: Path, *, fixes: bool) -> Examined:
    from tuner_kit.cli.console import print_diff, print_note
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.preflight.hand_written import TrainingSite, check_trainer_config
    from tuner_kit.process.environment import own_environment
    from tuner_kit.stages.fix_trainer_files import fix_trainer_files

    site = TrainingSite(Path.cwd(), own_environment())
    verdict = "SimpleTuner will read these files as they are meant"
    with ProgressLine() as line:
        if not fixes:
            checked = check_trainer_config(config_path, site, line.on_event)
            return Examined(_with_access(checked, site), (), verdict, note=_note_about(checked))
        outcome = fix_trainer_files(config_path, site, line.on_event)
    for file in outcome.files:
        print_diff(file.diff)
        print_note(f"changed    {file.path}; as it was: {file.kept_path.name}")
    return Examined(_with_access(outcome.checked, site), (), verdict)


def _note_about(checked: "HandWritten") -> str | None:
    """Say what --fix would do, and what was not looked at yet."""
    notes = [f"--fix changes {len(checked.edits)} of them"] if checked.edits else []
    if not checked.looked_at_images:
        notes.append("no image was read yet: check again when these files are right")
    return "\n".join(notes) or None


def _with_access(checked: "HandWritten", site: "TrainingSite") -> "Sequence[Problem]":
    """Ask the Hub where nothing else is wrong: it takes longer than telling that may."""
    from tuner_kit.errors import Severity

    if any(problem.severity is Severity.ERROR for problem in checked.problems):
        return checked.problems
    from tuner_kit.preflight.hand_written_access import check_trainer_access

    return (*checked.problems, *check_trainer_access(checked, site))
