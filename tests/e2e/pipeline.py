"""The real command line in a folder of its own, with a cache that the session shares."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "tuner_kit")
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


type RunTuner = Callable[..., Finished]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache_dir = tmp_path_factory.mktemp("cache")
    return {**os.environ, "XDG_CACHE_HOME": str(cache_dir), "WANDB_MODE": "offline"}


@pytest.fixture(scope="session")
def run_tuner(environment: dict[str, str]) -> RunTuner:
    """Run `tuner-kit WORDS...` in a folder."""

    def run(folder: Path, *words: str, program: tuple[str, ...] = PROGRAM) -> Finished:
        done = subprocess.run(
            [*program, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def photos_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen captioned tiles of real photographs, which nothing may change."""
    from tuner_kit.process.messages import SamplePhotosRequest, SamplePhotosResult
    from tuner_kit.process.worker import run_worker

    folder = tmp_path_factory.mktemp("data")
    run_worker(
        "sample_photos",
        SamplePhotosRequest(dataset_dir=folder / "photos"),
        SamplePhotosResult,
        folder / "work",
        lambda _: None,
    )
    return folder / "photos"
