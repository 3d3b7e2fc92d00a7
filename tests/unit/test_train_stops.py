"""Ctrl-C and other ends from outside, on the command as a real process."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from project_files import Outcome, Project, Tuner, write_wrapper

from tuner_kit.errors import ExitCode
from tuner_kit.runs.records import load_outcome
from tuner_kit.runs.status import RunStatus, derive_status
from tuner_kit.simpletuner.checkpoints import newest_whole_step

_TIMEOUT_S = 20.0


def test_ctrl_c_saves_a_checkpoint_first(tuner: Tuner, project: Project) -> None:
    _make_long(project)

    with _pressing(signal.SIGINT, when=lambda: _has_trained(project)):
        outcome = tuner(["train"])

    _assert_saved(project, outcome)
    project.trainer.dies("quiet")
    assert "stopped at step 0" in tuner(["train"]).stderr


def test_a_terminated_command_saves_a_checkpoint_first(project: Project) -> None:
    _make_long(project)

    with _training(project) as child:
        _wait_until(lambda: _has_trained(project))
        child.send_signal(signal.SIGTERM)
        stdout, stderr = child.communicate(timeout=_TIMEOUT_S)

    _assert_saved(project, Outcome(child.returncode, stdout, stderr))


def test_a_second_ctrl_c_stops_at_once(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("hangs", after_step=1)  # a trainer that hangs never saves

    def is_asked_to_save() -> bool:
        paths = project.run.training_dir.glob("attempt-01/signal.json")
        return any("manual_checkpoint" in path.read_text() for path in paths)

    with (
        _pressing(signal.SIGINT, when=lambda: _has_trained(project)),
        _pressing(signal.SIGINT, when=is_asked_to_save),
    ):
        outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert "saving a checkpoint" in outcome.stderr
    assert "stopping at once" in outcome.stderr
    assert "starts over" in outcome.stderr
    assert not _is_alive(project)


def test_ctrl_c_before_the_first_step_has_nothing_to_save(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("hangs", after_step=0)

    with _pressing(signal.SIGINT, when=project.run.checkpoints_dir.is_dir):
        outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert "stopped at step 0 of 6" in outcome.stderr
    assert derive_status(project.run) is RunStatus.INTERRUPTED
    assert not _is_alive(project)


def test_ctrl_c_while_the_adapter_is_verified_costs_no_training(
    tuner: Tuner, project: Project
) -> None:
    request_path = project.run.logs_dir / "finish_adapter" / "request.json"

    with _pressing(signal.SIGINT, when=request_path.is_file):
        stopped = tuner(["train"])
    status = derive_status(project.run)
    project.trainer.dies("quiet")
    outcome = tuner(["train"])

    assert stopped.exit_code == ExitCode.INTERRUPTED
    assert status is RunStatus.INTERRUPTED
    assert outcome.exit_code == ExitCode.OK, outcome.stderr


def test_a_trainer_that_outlives_us_keeps_the_run(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("hangs", after_step=1)

    with _training(project) as child:
        _wait_until(lambda: _has_trained(project))
        child.kill()
        child.communicate(timeout=_TIMEOUT_S)
        status = derive_status(project.run)
        outcome = tuner(["train"])
        listed = tuner(["runs"])

    assert status is RunStatus.RUNNING
    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "error R03" in outcome.stderr
    assert "running" in listed.stdout


def test_a_reader_of_the_progress_that_goes_away_does_not_end_the_training(
    project: Project,
) -> None:
    """Ctrl-C on `tuner-kit train 2>&1 | tee log` ends tee as well."""
    project.trainer.takes(0.05)
    reading, writing = os.pipe()
    os.close(reading)

    with _training(project, stderr=writing) as child:
        os.close(writing)
        stdout, _ = child.communicate(timeout=_TIMEOUT_S)

    assert child.returncode == ExitCode.OK
    assert stdout.split() == ["adapter", str(project.run.adapter_path)]


def _make_long(project: Project) -> None:
    project.edit("max_train_steps: 6", "max_train_steps: 1000")
    project.edit("checkpointing_steps: 2", "checkpointing_steps: 500")
    project.trainer.takes(0.02)


def _assert_saved(project: Project, outcome: Outcome) -> None:
    saved = newest_whole_step(project.run.checkpoints_dir)
    record = load_outcome(project.run.attempts()[0])
    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert "saving a checkpoint" in outcome.stderr
    assert f"continues from step {saved}" in outcome.stderr
    assert saved > 0
    assert record is not None
    assert record.status == "interrupted"
    assert derive_status(project.run) is RunStatus.INTERRUPTED
    assert not _is_alive(project)


@contextmanager
def _pressing(number: signal.Signals, *, when: Callable[[], bool]) -> Iterator[None]:
    """Send this process a signal as soon as something is so."""
    is_over = threading.Event()
    deadline = time.monotonic() + _TIMEOUT_S

    def press() -> None:
        while not is_over.wait(0.02):
            if when() or time.monotonic() > deadline:  # a test must end, whatever happens
                os.kill(os.getpid(), number)
                return

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _training(
    project: Project, *, stderr: int = subprocess.PIPE
) -> Iterator["subprocess.Popen[str]"]:
    """Run `tuner-kit train` in a process, and leave nothing behind."""
    command = write_wrapper(project.dir, project.trainer)
    child = subprocess.Popen(
        [*command, "train"], stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=project.dir
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
        if _is_alive(project):
            os.kill(project.trainer.seen()["pid"], signal.SIGKILL)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _has_trained(project: Project) -> bool:
    path: Path = project.run.metrics_path
    return path.is_file() and path.stat().st_size > 0


def _is_alive(project: Project) -> bool:
    try:
        process = psutil.Process(project.trainer.seen()["pid"])
        return process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, psutil.NoSuchProcess):
        return False
