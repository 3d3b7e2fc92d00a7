"""demo: the photographs for the whole flow on one's own CPU."""

import shutil
from pathlib import Path

from tuner_kit.process.messages import SamplePhotosRequest, SamplePhotosResult
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.disk_errors import explain_disk_errors

DEMO_PRESET = "tiny-lora"
DEMO_PROMPTS = ("a red tiled roof", "a flower with orange petals")


def prepare_photos(demo_dir: Path, *, on_event: OnEvent) -> Path:
    """Cut captioned tiles from two photographs and return their folder.

    The folder is the demo's own: photographs that are there already are used again.
    """
    photos_dir = demo_dir / "photos"
    if photos_dir.is_dir():
        return photos_dir
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
    return photos_dir
