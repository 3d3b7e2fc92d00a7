"""How soon every rule has judged a run with 1,000 images.

    python benchmarks/rules_speed.py

A tuner.yaml and a hand-written config.json with the same pictures, each checked by a process of
its own: the first time with nothing remembered about the images, then again with nothing changed.
"""

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from measure import RESULTS_DIR, describe_machine, run_command
from PIL import Image

NUM_IMAGES = 1_000
REPEATS = 3
SIZES = ((1024, 1024), (1024, 1280), (1280, 1024), (896, 1152))
TUNER_KIT = str(Path(sys.executable).parent / "tuner-kit")
_ANY_EXIT = tuple(range(11))

TUNER_YAML = """\
name: measured
preset: tiny-lora
datasets: [{path: images, resolution_px: 1024, crop: none}]
training: {max_train_steps: 2000}
"""
CONFIG: Mapping[str, object] = {
    "model_family": "sd3",
    "model_flavour": "medium",
    "model_type": "lora",
    "optimizer": "adamw_bf16",
    "output_dir": "output",
    "data_backend_config": "multidatabackend.json",
    "learning_rate": 1e-4,
    "max_train_steps": 2000,
    "num_train_epochs": 0,
    "seed": 42,
}
DATASETS = (
    {
        "id": "images",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": "images",
        "caption_strategy": "textfile",
        "metadata_backend": "discovery",
        "resolution": 1024,
        "resolution_type": "pixel_area",
        "crop": False,
        "cache_dir_vae": "cache/vae",
    },
    {
        "id": "text",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": "cache/text",
    },
)


def main() -> None:
    """Measure both, and keep the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "images")
        (folder / "tuner.yaml").write_text(TUNER_YAML, encoding="utf-8")
        (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
        (folder / "multidatabackend.json").write_text(json.dumps(DATASETS), encoding="utf-8")
        seconds = {
            f"{file}, {state}": measure(folder, file, forget)
            for file in ("tuner.yaml", "config.json")
            for state, forget in (("first", True), ("again", False))
        }
    result = {
        "title": "rules_speed",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": "python benchmarks/rules_speed.py",
        "machine": describe_machine(),
        "images": NUM_IMAGES,
        "seconds": seconds,
    }
    path = RESULTS_DIR / "rules_speed.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def draw(folder: Path) -> None:
    """Draw pictures of colored noise, as hard to decode as photographs, with captions."""
    folder.mkdir()
    draw_with = random.Random(1)
    noise = [Image.effect_noise((160, 160), 80) for _ in range(8)]
    for index in range(NUM_IMAGES):
        size = SIZES[index % len(SIZES)]
        bands = [draw_with.choice(noise).rotate(index) for _ in range(3)]
        picture = Image.merge("RGB", bands).resize(size, Image.Resampling.BICUBIC)
        picture.save(folder / f"{index:04}.jpg", quality=90)
        (folder / f"{index:04}.txt").write_text(f"picture {index} of noise", encoding="utf-8")


def measure(folder: Path, file: str, forgets: bool) -> float:  # noqa: FBT001 - a row of the table
    """Give the median wall time of a check."""
    environ = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache-home"), "HF_HUB_OFFLINE": "1"}
    command, times = [TUNER_KIT, "check", file], []
    for _ in range(REPEATS):
        if forgets:
            shutil.rmtree(folder / "cache-home", ignore_errors=True)
        cost = run_command(command, env=environ, workdir=folder, expected=_ANY_EXIT)
        times.append(cost.wall_s)
    return round(statistics.median(times), 2)


if __name__ == "__main__":
    main()
