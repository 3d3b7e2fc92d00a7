"""Write docs/plan.md: what the planner chooses for each model and size of GPU.

.venv/bin/python tools/make_plan_table.py            rewrite the page
.venv/bin/python tools/make_plan_table.py --check    compare; exit 1 where it differs
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tuner_kit.catalog.gpus import GpuProfile, find_gpu
from tuner_kit.planning.choose import Choice, choose_settings
from tuner_kit.planning.duration import seconds_per_step
from tuner_kit.planning.estimate import Estimate
from tuner_kit.planning.measured import MEASURED_PATH, load_rows
from tuner_kit.planning.memory import Phase, PhaseMemory, estimate_memory
from tuner_kit.planning.shape import TrainingShape

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE_PATH = REPOSITORY / "docs" / "plan.md"
REPORTED_PATH = REPOSITORY / "benchmarks" / "results" / "reported_memory.json"

MODELS = {
    "sd3-medium": "SD3 Medium",
    "sd3.5-medium": "SD3.5 Medium",
    "sd3.5-large": "SD3.5 Large",
}
GPUS = {
    "12 GB": "RTX 3060",
    "16 GB": "RTX 4080",
    "24 GB": "RTX 4090",
    "48 GB": "L40S",
    "80 GB": "H100",
}
"""The sizes, and the GPU that a step's time is given for."""
EFFECTIVE_BATCH_SIZE = 4

HEAD = """\
# What fits where

What the planner chooses for a LoRA of rank 32, four images per step, two validation pictures of
1024 px, on any GPU of a size. Memory in GiB as nvidia-smi shows it: likely (least to most). A
phase fits when its upper end does; less than the card's size is usable. Seconds are those of a
step on the GPU that is named below the table's size.

**Which cells were measured: none, yet.** No cell of this table was run on a GPU. What is in it:
weights, activations and operations of the real classes at full size, counted tensor by tensor
({num_rows} rows, torch {torch}, diffusers {diffusers}, {date}; `tools/measure_memory.py`), and bars for what is no
tensor. The model was compared with {num_reported} published runs of the trainer that this table's cells are
not among (SD3.5 Medium and SD 1.5 on H100 and L40S; `benchmarks/results/reported_memory.json`),
some of which set its bars; the tests hold that four of five lie within them.
"""
COLUMNS = (
    "| GPU | batch | base | T5 | recomputes | training | largest other phase | s per step |\n"
    "|---|---|---|---|---|---|---|---|"
)
FOOT = """\
batch: images at once x batches summed. base, T5: precision of the frozen base model and of the
large text encoder. recomputes: gradient checkpointing. In the phase `captions` all text encoders
and the autoencoder are on the GPU, before the base model is loaded; where images would not fit
beside them, the encoders wait in RAM (`offload_during_startup`).

This page is written by `tools/make_plan_table.py`.
"""


def render_plan() -> str:
    """Write the page."""
    parts = [_head()]
    for model, title in MODELS.items():
        for resolution_px in (512, 1024):
            parts.append(f"## {title}, {resolution_px} px\n")
            parts.append(COLUMNS)
            parts.append("\n".join(_rows(model, resolution_px)) + "\n")
    return "\n".join([*parts, FOOT])


def _head() -> str:
    document = json.loads(MEASURED_PATH.read_text(encoding="utf-8"))
    reported = json.loads(REPORTED_PATH.read_text(encoding="utf-8"))
    return HEAD.format(
        num_rows=len(load_rows()),
        date=document["date"],
        num_reported=len(reported["measured"]),
        **document["versions"],
    )


def _rows(model: str, resolution_px: int) -> Iterator[str]:
    wish = TrainingShape(
        model=model,
        resolution_px=resolution_px,
        train_batch_size=EFFECTIVE_BATCH_SIZE,
        gradient_checkpointing=False,
        vae_batch_size=4,
    )
    for size, name in GPUS.items():
        memory_gib = _gpu(size).memory_gib
        choice = choose_settings(
            wish,
            memory_gib=memory_gib,
            compute_capability=None,
            effective_batch_size=EFFECTIVE_BATCH_SIZE,
        )
        seconds = seconds_per_step(choice.shape, _gpu(name))
        yield _row(f"{size} ({name})", choice, seconds)


def _gpu(name: str) -> GpuProfile:
    found = find_gpu(name)
    if found is None:
        raise LookupError(name)
    return found


def _row(size: str, choice: Choice, seconds: Estimate) -> str:
    shape, phases = choice.shape, estimate_memory(choice.shape)
    training = next(found for found in phases if found.phase == Phase.TRAINING)
    others = (found for found in phases if found.phase != Phase.TRAINING)
    other = max(others, key=lambda found: found.gpu.high)
    cells = (
        size,
        f"{shape.train_batch_size} x {shape.gradient_accumulation_steps}",
        _precision(shape.quantization),
        _precision(shape.text_encoder_3_quantization),
        "yes" if shape.gradient_checkpointing else "no",
        _memory(training),
        f"{other.phase} {_memory(other)}",
        f"{seconds.likely:.1f} ({seconds.low:.1f} to {seconds.high:.1f})",
    )
    return f"| {' | '.join(cells)} |"


def _precision(quantization: str) -> str:
    return "bf16" if quantization == "none" else quantization


def _memory(found: PhaseMemory) -> str:
    return f"{found.gpu.likely:.1f} ({found.gpu.low:.1f} to {found.gpu.high:.1f})"


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    text = render_plan()
    if parser.parse_args().check:
        is_same = PAGE_PATH.exists() and PAGE_PATH.read_text(encoding="utf-8") == text
        print("docs/plan.md is up to date" if is_same else "docs/plan.md differs: run this again")
        return 0 if is_same else 1
    PAGE_PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
