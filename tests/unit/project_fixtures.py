"""The command line in this process, in a folder to train in, with the fake trainer."""

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_files import FakeTrainer, Outcome, Project, Tuner, write_project

from tuner_kit.cli.main import main
from tuner_kit.errors import ExitCode


def run_command(words: list[str]) -> Outcome:
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            exit_code = main(words)
        except SystemExit as leaving:  # argparse
            exit_code = int(leaving.code or 0)
    return Outcome(exit_code, stdout.getvalue(), stderr.getvalue())


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test remembers gets into the person's cache, nor anything from there in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # Nobody listens there: no test may ask the real Hub.
        patch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        yield


@pytest.fixture
def tuner() -> Tuner:
    return run_command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A person's folder is the working directory; SimpleTuner is a fake, the model tiny."""
    return enter_project(tmp_path, monkeypatch)


@pytest.fixture
def finished(project: Project, finished_run_dir: Path) -> Project:
    """A project whose run is finished: a copy, as a run can be moved."""
    shutil.copytree(finished_run_dir, project.run.dir)
    return project


@pytest.fixture(scope="session")
def finished_run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        project = enter_project(tmp_path_factory.mktemp("finished"), patch)
        outcome = run_command(["train"])
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    return project.run.dir


@pytest.fixture
def killed(project: Project, killed_run_dir: Path) -> Project:
    """A run that was killed at step 5 of 6; its checkpoints are of steps 2 and 4."""
    shutil.copytree(killed_run_dir, project.run.dir)
    return project


@pytest.fixture(scope="session")
def killed_run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        project = enter_project(tmp_path_factory.mktemp("killed"), patch)
        project.trainer.dies("killed", after_step=5)
        run_command(["train"])
    assert project.checkpoint_names() == ["checkpoint-2", "checkpoint-4"]
    return project.run.dir


def enter_project(folder: Path, patch: pytest.MonkeyPatch) -> Project:
    """Write a project below `folder`, make it the working directory, prepare the rest."""
    home = folder / "home"
    (home / "project").mkdir(parents=True)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    patch.chdir(home / "project")
    trainer = FakeTrainer(folder / "scenario.json")
    patch.setattr("tuner_kit.simpletuner.job.START_ARGUMENTS", trainer.start_arguments)
    return write_project(home / "project", trainer)
