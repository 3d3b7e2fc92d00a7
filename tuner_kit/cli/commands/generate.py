"""tuner-kit generate, and image_finetune.py."""

import argparse
import math
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--prompt", action="append", required=True, metavar="TEXT", help="may be given repeatedly"
    )
    parser.add_argument(
        "--run", metavar="NAME", help="name or folder; default: the newest finished"
    )
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--compare", action="store_true", help="show the base model beside it")
    parser.add_argument(
        "--output-path", type=Path, metavar="PATH", help="a .png file, or a folder for all pictures"
    )
    parser.add_argument("--negative-prompt", metavar="TEXT", help="what to steer away from")
    parser.add_argument(
        "--seed",
        action="append",
        type=_seed,
        metavar="N",
        help="may be given repeatedly; default: 42",
    )
    parser.add_argument("--steps", type=_positive, metavar="N", help="denoising steps")
    parser.add_argument("--guidance", type=_guidance, metavar="X", help="guidance scale")
    parser.add_argument("--width", type=_positive, metavar="PX", help="multiple of 16")
    parser.add_argument("--height", type=_positive, metavar="PX", help="multiple of 16")
    parser.add_argument(
        "--strength", type=_finite, default=1.0, metavar="X", help="of the adapter; default: 1"
    )


def execute(options: argparse.Namespace) -> int:
    """Render, and print where the pictures are."""
    from tuner_kit.cli.console import print_paths
    from tuner_kit.cli.progress import ProgressLine
    from tuner_kit.errors import ExitCode
    from tuner_kit.runs.find import find_run
    from tuner_kit.stages.generate import GenerateOptions, generate

    wanted = GenerateOptions(
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
    run = find_run(options.runs_dir, options.run)
    with ProgressLine() as line:
        outcome = generate(run, wanted, on_event=line.on_event)
    print_paths(
        {
            "run": run.name,
            "picture": str(outcome.output_path),
            "all pictures": str(outcome.result.sheet_path.parent),
        }
    )
    return ExitCode.OK


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number") from error


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from error
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def _positive(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def _seed(text: str) -> int:
    value = _whole(text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 2^63")
    return value


def _guidance(text: str) -> float:
    value = _finite(text)
    if not 0 <= value <= 30:  # noqa: PLR2004 - as in tuner.yaml
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 30")
    return value
