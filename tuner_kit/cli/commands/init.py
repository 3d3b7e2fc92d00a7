"""tuner-kit init."""

import argparse
from pathlib import Path

from tuner_kit.catalog.layouts import AUTO_LAYOUT, LAYOUT_NAMES
from tuner_kit.catalog.presets import DEFAULT_PRESET, PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    presets = "\n".join(f"  {preset.name:<20}{preset.summary}" for preset in PRESETS)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"presets:\n{presets}\n\nWithout --yes, whatever is not given is asked."
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of images and captions")
    parser.add_argument("--preset", metavar="NAME", help=f"default: {DEFAULT_PRESET}")
    parser.add_argument("--name", help="name of the run; default: the folder's")
    parser.add_argument("--trigger", metavar="WORD", help="put in front of captions without it")
    parser.add_argument(
        "--plain", type=Path, metavar="DIR", help="other images, trained without that word"
    )
    parser.add_argument("--caption", metavar="TEXT", help="caption of images that have none")
    parser.add_argument(
        "--layout", choices=LAYOUT_NAMES, metavar="NAME", help="where the captions are"
    )
    parser.add_argument("--instance-prompt", metavar="TEXT", help="one caption for every image")
    parser.add_argument("--prompt", action="append", metavar="TEXT", help="rendered while training")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("tuner.yaml"),
        metavar="FILE",
        help="default: tuner.yaml",
    )
    parser.add_argument("--runs-dir", type=Path, metavar="DIR", help="default: runs beside FILE")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def execute(options: argparse.Namespace) -> int:
    """Write a tuner.yaml from flags and answers."""
    import sys

    from tuner_kit.cli.console import print_note, print_paths
    from tuner_kit.errors import ConfigError, ExitCode, Problem
    from tuner_kit.stages.create import Answers, create, suggest_name
    from tuner_kit.wizard.dialogue import Known, ask

    known = Known(options.data, options.preset, options.name, options.trigger, _layout(options))
    if not options.yes and sys.stdin is not None and sys.stdin.isatty():
        known = ask(known, suggest_name=suggest_name)
    if known.data_dir is None:
        problem = Problem(
            id="C07",
            what="no folder of images was given",
            where="--data",
            fix="add --data DIR, or run `tuner-kit init` in a terminal to be asked",
        )
        raise ConfigError(problem)
    answers = Answers(
        data_dir=known.data_dir,
        preset=known.preset or DEFAULT_PRESET,
        config_path=options.output,
        name=known.name,
        trigger_word=known.trigger_word,
        layout=known.layout or AUTO_LAYOUT,
        instance_prompt=options.instance_prompt,
        plain_dir=options.plain,
        fallback_caption=options.caption,
        prompts=tuple(options.prompt or ()),
        runs_dir=options.runs_dir,
    )
    file = create(answers, force=options.force)
    print_paths({"configuration": str(file.path)})
    print_note(f"next: tuner-kit check {options.output}, then tuner-kit train {options.output}")
    return ExitCode.OK


def _layout(options: argparse.Namespace) -> str | None:
    """Give the layout as far as it is decided: one prompt for all images leaves nothing to ask."""
    if options.layout is None and options.instance_prompt is not None:
        return AUTO_LAYOUT
    layout: str | None = options.layout
    return layout
