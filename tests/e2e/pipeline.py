"""The real command line in a folder of its own, with a cache that the session shares."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tuner_kit.process.messages import DrawShapesRequest, DrawShapesResult
from tuner_kit.process.worker import run_worker

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
    """Sixteen small captioned pictures, which nothing may change."""
    folder = tmp_path_factory.mktemp("data")
    request = DrawShapesRequest(dataset_dir=folder / "photos", num_pictures=16, seed=1)
    run_worker("draw_shapes", request, DrawShapesResult, folder / "work", lambda _: None)
    return folder / "photos"


@pytest.fixture(scope="session")
def offline_program() -> tuple[str, ...]:
    """The command line where it reaches nobody, and whatever it starts neither.

    In a network of its own, where the kernel grants one, there is nothing to connect to. Elsewhere
    every proxy leads to a closed port, which stops whatever speaks HTTP; children inherit it.
    """
    alone = ("unshare", "--map-root-user", "--net")
    if shutil.which(alone[0]):
        tried = subprocess.run([*alone, "true"], check=False, capture_output=True)
        if tried.returncode == 0:
            return (*alone, *PROGRAM)
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    settings = [f"{name}=http://127.0.0.1:9" for name in names]
    return ("env", *settings, "NO_PROXY=", "no_proxy=", *PROGRAM)
