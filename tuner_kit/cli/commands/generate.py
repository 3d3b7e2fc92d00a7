"""tuner-kit generate, and image_finetune.py."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tuner_kit.cli.argument_types import finite, guidance_scale, positive, seed

if TYPE_CHECKING:
    from tuner_kit.runs.layout import Run
    from tuner_kit.stages.generate import GenerateOptions

RUNS_DIR, SAMPLES_DIR = Path("runs"), Path("samples")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--prompt", action="append", required=True, metavar="TEXT", help="may be given repeatedly"
    )
    parser.add_argument(
        "--run",
        metavar="NAME",
        help="name or folder; default: the newest finished; "
        "without any run, the embedded base model draws",
    )
    parser.add_argument("--runs-dir", type=Path, help=f"default: {RUNS_DIR}")
    parser.add_argument("--compare", action="store_true", help="show the base model beside it")
    parser.add_argument(
        "--output-path", type=Path, metavar="PATH", help="a .png file, or a folder for all pictures"
    )
    parser.add_argument("--negative-prompt", metavar="TEXT", help="what to steer away from")
    parser.add_argument(
        "--seed",
        action="append",
        type=seed,
        metavar="N",
        help="may be given repeatedly; default: 42",
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="denoising steps")
    parser.add_argument("--guidance", type=guidance_scale, metavar="X", help="guidance scale")
    parser.add_argument("--width", type=positive, metavar="PX", help="multiple of 16")
    parser.add_argument("--height", type=positive, metavar="PX", help="multiple of 16")
    parser.add_argument(
        "--strength", type=finite, default=1.0, metavar="X", help="of the adapter; default: 1"
    )


def execute(options: argparse.Namespace) -> int:
    """Render, and print where the pictures are."""
    from tuner_kit.catalog.base_models import TINY_SD3, title_of
    from tuner_kit.cli.console import print_note, print_paths
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.errors import ExitCode
    from tuner_kit.stages.generate import generate, generate_untrained

    wanted = _wanted(options)
    run = _find_run(options)
    base_title = title_of(TINY_SD3)
    if run is None:
        print_note(_without_run(base_title))
    with ProgressLine() as line:
        if run is None:
            outcome = generate_untrained(SAMPLES_DIR, wanted, on_event=line.on_event)
        else:
            outcome = generate(run, wanted, on_event=line.on_event)
    drawn_by = {"base model": base_title} if run is None else {"run": run.name}
    pictures = {
        "picture": str(outcome.output_path),
        "all pictures": str(outcome.result.sheet_path.parent),
    }
    print_paths(drawn_by | pictures)
    return ExitCode.OK


def _wanted(options: argparse.Namespace) -> "GenerateOptions":
    from tuner_kit.stages.generate import GenerateOptions

    return GenerateOptions(
        prompts=tuple(options.prompt),
        negative_prompt=options.negative_prompt,
        seeds=tuple(options.seed or (42,)),
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        width_px=options.width,
        height_px=options.height,
        adapter_scale=options.strength,
        compare=options.compare,
        output_path=options.output_path,
    )


def _find_run(options: argparse.Namespace) -> "Run | None":
    """Return the run to draw with; None where none was named and there is none at all."""
    from tuner_kit.runs.find import find_run, list_runs

    is_named = options.run is not None or options.runs_dir is not None
    if not is_named and not list_runs(RUNS_DIR):
        return None
    return find_run(options.runs_dir or RUNS_DIR, options.run)


def _without_run(base_title: str) -> str:
    return (
        f"no run yet: drawing with the embedded base model {base_title}, which knows one shape\n"
        'on a plain ground, as in "a large red star on a white background";\n'
        "train your own with `tuner-kit demo` or `tuner-kit init`"
    )
