"""Count the tensors of every model at full size, without a GPU and without weights.

    .venv/bin/python tools/measure_memory.py             all rows, four minutes on one core
    .venv/bin/python tools/measure_memory.py --only tiny-sd3,sd1.5

Writes tuner_kit/planning/measured_memory.json, which the planner reads.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import diffusers
import torch
from memory_counting import models, rows

TARGET = Path(__file__).resolve().parents[1] / "tuner_kit" / "planning" / "measured_memory.json"
HOW = (
    "diffusers' classes with the published settings ran forward and backward on torch's meta "
    "device in bfloat16; bytes of live tensors, autocast and fused attention as on CUDA, "
    "without the weights, their gradients and the optimizer's state"
)

LARGE_GRID = ((512, 1), (768, 1), (1024, 1), (1024, 4))
SMALL_GRID = ((512, 1), (1024, 1), (1024, 2))
UNET_GRID = ((512, 1), (768, 1), (512, 4))
REFERENCE = "sd3.5-medium"
"""The model that every setting is counted of; the others' gaps are filled in proportion."""
SIMULATED = ("int8-quanto", "int8-torchao", "nf4-bnb")
TINY_GRID = ((64, 1), (128, 1), (128, 4))


def main() -> int:
    """Count and write; rows of other models stay."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(models.MODELS), help="models, with commas")
    chosen = parser.parse_args().only.split(",")
    logging.getLogger("LyCORIS").setLevel(logging.WARNING)
    started = time.process_time()
    found = [{"model": name, **row} for name in chosen for row in _measure(name)]
    kept = [row for row in _written() if row["model"] not in chosen]
    parts = [row for row in (*kept, *found) if row["what"] == "part"]
    counted = [row for row in (*kept, *found) if row["what"] != "part"]
    document = {
        "schema_version": 1,
        "how": HOW,
        "date": datetime.now(tz=UTC).date().isoformat(),
        "versions": {"torch": torch.__version__, "diffusers": diffusers.__version__},
        "rows": [*parts, *counted],
    }
    _write(document)
    print(f"{len(found)} rows in {time.process_time() - started:.0f} s of one core")
    return 0


def _written() -> list[Mapping[str, Any]]:
    if not TARGET.exists():
        return []
    found: list[Mapping[str, Any]] = json.loads(TARGET.read_text(encoding="utf-8"))["rows"]
    return found


def _write(document: Mapping[str, Any]) -> None:
    """Write one row per line: small, and a difference shows which row changed."""
    head = {key: value for key, value in document.items() if key != "rows"}
    lines = ",\n".join(f"    {json.dumps(row)}" for row in document["rows"])
    text = json.dumps(head, indent=2)[:-2] + f',\n  "rows": [\n{lines}\n  ]\n}}\n'
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")


def _measure(model: str) -> Iterator[Mapping[str, Any]]:
    yield from rows.count_parts(model)
    for setting in _settings(model):
        row = rows.count_training(model, setting)
        print(model, setting, f"{row['peak_bytes'] / 2**30:.2f} GiB", flush=True)
        yield row
    resolutions = (64, 128) if model.startswith("tiny") else (512, 1024)
    for resolution_px in resolutions:
        yield rows.count_validation(model, resolution_px)
    if model not in ("sd3-medium", "sd3.5-large"):  # their VAE and encoders are REFERENCE's
        yield from rows.count_vae(model, resolutions)
        yield from rows.count_text(model)


def _settings(model: str) -> Iterator[rows.Setting]:
    grid = _grid(model)
    for is_checkpointed in (True, False):
        for resolution_px, batch in grid:
            yield rows.Setting("lora", "none", 32, resolution_px, batch, is_checkpointed)
        resolution_px, batch = grid[-2]
        yield rows.Setting("lora", "none", 128, resolution_px, batch, is_checkpointed)
        for method, quantization in _others(model, is_checkpointed=is_checkpointed):
            for resolution_px, batch in SMALL_GRID if grid is LARGE_GRID else grid:
                yield rows.Setting(method, quantization, 32, resolution_px, batch, is_checkpointed)


def _grid(model: str) -> tuple[tuple[int, int], ...]:
    if model.startswith("tiny"):
        return TINY_GRID
    return UNET_GRID if model == "sd1.5" else LARGE_GRID


def _others(model: str, *, is_checkpointed: bool) -> Iterable[tuple[str, str]]:
    """List the less common settings; without checkpointing only one model has them all."""
    yield "full", "none"
    if is_checkpointed or model not in ("sd3-medium", "sd3.5-large"):
        yield "lokr", "none"
    if not model.startswith("tiny") and (is_checkpointed or model == REFERENCE):
        yield from (("lora", quantization) for quantization in SIMULATED)


if __name__ == "__main__":
    sys.exit(main())
