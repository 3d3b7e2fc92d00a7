"""A tiny training to measure on: pictures, a tuner.yaml, and the trainer without us."""

import os
import re
import sys
from pathlib import Path

from tuner_kit.cli.main import main as tuner_kit
from tuner_kit.process.environment import scrub

PYTHON = sys.executable
BARE_TRAINER = """
import importlib.util, pathlib, runpy, sys, torch
# Without a GPU SimpleTuner can't start unless its tensors stay unpinned.
if not torch.accelerator.is_available():
    torch.Tensor.pin_memory = lambda self, *a, **k: self
path = pathlib.Path(importlib.util.find_spec("simpletuner").origin).parent / "train.py"
sys.argv = [str(path)]
runpy.run_path(str(path), run_name="__main__")
"""
"""SimpleTuner started with the one change that it needs on a CPU."""


def prepare(folder: Path, *, steps: int) -> Path:
    """Train once, which makes the pictures and the files; return tuner.yaml."""
    os.chdir(folder)
    if tuner_kit(["demo"]):
        sys.exit("the demo failed")
    config_path = folder / "demo" / "tuner.yaml"
    text = re.sub(
        r"max_train_steps: \d+",
        f"max_train_steps: {steps}",
        config_path.read_text(encoding="utf-8"),
    )
    config_path.write_text(text.replace("name: demo", "name: measured"), encoding="utf-8")
    return config_path


def bare_environment(config_path: Path) -> dict[str, str]:
    """Give SimpleTuner the files as its documentation says."""
    return scrub(os.environ) | {
        "CONFIG_BACKEND": "json",
        "CONFIG_PATH": str(config_path.with_suffix("")),
        "HF_HUB_OFFLINE": "1",
    }
