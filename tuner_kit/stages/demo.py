"""demo: the data and the configuration for the whole flow on one's own CPU."""

import os
import shutil
from pathlib import Path

from tuner_kit.process.messages import SamplePhotosRequest, SamplePhotosResult
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.stages.create import Answers

DEMO_PRESET = "tiny-lora"
DEMO_PROMPTS = ("a red tiled roof", "a flower with orange petals")


def prepare_demo(demo_dir: Path, runs_dir: Path, *, on_event: OnEvent) -> Answers:
    """Cut captioned tiles from two photographs and say how to train on them.

    The folder is the demo's own: photographs that are there already are used again.
    """
    photos_dir = demo_dir / "photos"
    if not photos_dir.is_dir():
        work_dir = demo_dir / "work"
        with explain_disk_errors(demo_dir):
            work_dir.mkdir(parents=True, exist_ok=True)
        run_worker(
            "sample_photos",
            SamplePhotosRequest(dataset_dir=photos_dir.resolve()),
            SamplePhotosResult,
            work_dir,
            on_event,
        )
        shutil.rmtree(work_dir, ignore_errors=True)
    return Answers(
        data_dir=photos_dir,
        preset=DEMO_PRESET,
        config_path=demo_dir / "tuner.yaml",
        name="demo",
        prompts=DEMO_PROMPTS,
        runs_dir=Path(os.path.relpath(runs_dir, demo_dir)),
    )
