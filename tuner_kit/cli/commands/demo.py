"""tuner-kit demo."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner_kit.process.messages import GenerateResult
    from tuner_kit.runs.layout import Run
    from tuner_kit.stages.demo import DemoPictures
    from tuner_kit.stages.score_style import StyleScore
    from tuner_kit.stages.train import TrainOutcome

RUN_NAME = "demo"
DEFAULT_RUNS_DIR = Path("runs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--demo-dir", type=Path, default=Path("demo"), help="default: demo")
    parser.add_argument("--runs-dir", type=Path, default=DEFAULT_RUNS_DIR, help="default: runs")


def execute(options: argparse.Namespace) -> int:
    """Draw, configure, check, train, generate, measure and write the page."""
    from tuner_kit.cli.console import print_paths
    from tuner_kit.errors import ExitCode

    pictures = _draw(options.demo_dir)
    config_path = options.demo_dir / "tuner.yaml"
    _configure(config_path, pictures, options.runs_dir)
    exit_code = _check(config_path)
    if exit_code != ExitCode.OK:
        return exit_code
    outcome = _train(config_path, options.runs_dir)
    if outcome.adapter is None:
        return ExitCode.INTERRUPTED
    rendered = _generate(outcome.run, pictures, options.runs_dir)
    score = _score(outcome.run, rendered)
    page = _report(outcome.run, options.runs_dir)
    _say_what_to_look_at(score)
    print_paths(
        {
            "adapter": str(outcome.run.adapter_path),
            "contact sheet": str(score.sheet_path),
            "page": str(page),
        }
    )
    return ExitCode.OK


def _draw(demo_dir: Path) -> "DemoPictures":
    from tuner_kit.cli.console import print_note
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.stages.demo import DEMO_STYLE, draw_pictures

    print_note(f"1/7  pictures in {demo_dir}: shapes drawn as a {DEMO_STYLE}, and plain ones")
    print_note("     no command: with images of your own you begin at 2")
    with ProgressLine() as line:
        return draw_pictures(demo_dir, on_event=line.on_event)


def _configure(config_path: Path, pictures: "DemoPictures", runs_dir: Path) -> None:
    from tuner_kit.catalog.base_models import TINY_SD3
    from tuner_kit.catalog.presets import TINY_PRESET
    from tuner_kit.cli.console import print_command, print_note
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.config.answers import Answers
    from tuner_kit.preflight.plan_run import plan_answers
    from tuner_kit.stages.create import create
    from tuner_kit.stages.demo import TRIGGER_WORD

    answers = Answers(
        data=str(pictures.styled_dir),
        base=TINY_SD3,
        name=RUN_NAME,
        trigger_word=TRIGGER_WORD,
        plain_images=str(pictures.plain_dir),
        prompts=pictures.prompts[:2],
        runs_dir=str(runs_dir),
    )
    print_note("2/7  a tuner.yaml: the styled pictures with a trigger word, the plain ones without")
    words = ["init", "--data", str(pictures.styled_dir), "--trigger", TRIGGER_WORD]
    words += ["--plain", str(pictures.plain_dir), "--preset", TINY_PRESET, "--name", RUN_NAME]
    words += [word for prompt in answers.prompts for word in ("--prompt", prompt)]
    words += ["--runs-dir", str(runs_dir), "--output", str(config_path), "--yes"]
    print_command([*words, "--force"] if config_path.exists() else words)
    with ProgressLine() as line:
        planned = plan_answers(answers, None, line.on_event)
    create(planned, config_path, force=True)


def _check(config_path: Path) -> int:
    from tuner_kit.cli.commands import check
    from tuner_kit.cli.console import print_command, print_note

    print_note("3/7  everything that would go wrong later, found now")
    print_command(["check", str(config_path)])
    return check.execute_as_step(config_path)


def _train(config_path: Path, runs_dir: Path) -> "TrainOutcome":
    from tuner_kit.cli.console import print_command, print_note
    from tuner_kit.cli.training import train_with_progress

    print_note("4/7  training a LoRA with SimpleTuner")
    has_earlier = (runs_dir / RUN_NAME).exists()
    print_command(["train", str(config_path), *(["--force"] if has_earlier else [])])
    return train_with_progress(config_path, force=True)


def _generate(run: "Run", pictures: "DemoPictures", runs_dir: Path) -> "GenerateResult":
    from tuner_kit.cli.console import print_command, print_note
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.stages.generate import GenerateOptions, generate

    num_scenes = len(pictures.unseen_captions)
    print_note(f"5/7  {num_scenes} scenes that it has not seen, with the trigger word and without,")
    print_note("     by the base model and the tuned one from the same noise; the first of them:")
    prompts = [word for prompt in pictures.prompts[:2] for word in ("--prompt", prompt)]
    print_command(["generate", "--run", run.name, *prompts, "--compare", *_where(runs_dir)])
    wanted = GenerateOptions(prompts=pictures.prompts, compare=True)
    with ProgressLine() as line:
        return generate(run, wanted, on_event=line.on_event).result


def _score(run: "Run", rendered: "GenerateResult") -> "StyleScore":
    from tuner_kit.cli.console import print_note
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.stages.demo import DEMO_STYLE, NUM_UNSEEN, TRIGGER_WORD, UNSEEN_SEED
    from tuner_kit.stages.score_style import StyleTrial, score_style

    print_note("6/7  in how many of them the style shows, read by rules without a model")
    print_note("     no command: only this world of shapes can be read so")
    trial = StyleTrial(DEMO_STYLE, TRIGGER_WORD, UNSEEN_SEED, NUM_UNSEEN)
    with ProgressLine() as line:
        return score_style(run, trial, rendered.images, on_event=line.on_event)


def _report(run: "Run", runs_dir: Path) -> Path:
    from datetime import UTC, datetime

    from tuner_kit.cli.console import print_command, print_note
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.stages.report import write_report

    print_note("7/7  the page about the run")
    print_command(["report", run.name, *_where(runs_dir)])
    with ProgressLine() as line:
        return write_report(run, on_event=line.on_event, now=datetime.now(UTC))


def _where(runs_dir: Path) -> list[str]:
    """Name the folder of runs where it isn't the usual one."""
    return [] if runs_dir == DEFAULT_RUNS_DIR else ["--runs-dir", str(runs_dir)]


def _say_what_to_look_at(score: "StyleScore") -> None:
    from tuner_kit.cli.console import print_note

    counts = {
        (group.variant, group.is_triggered): f"{group.num_in_style} of {group.num_pictures}"
        for group in score.result.groups
    }
    style, word = score.result.style, score.result.trigger_word
    print_note("")
    print_note("what to look at")
    print_note("  contact sheet  the second column should look like the last, the others plain.")
    print_note(
        f'                 Recognized as {style}: {counts["tuned", True]} tuned with "{word}" in '
        f"the prompt, {counts['tuned', False]} without, {counts['base', True]} of the base model."
    )
    print_note("  page           the same with its numbers, and how the training went")
    print_note("")
