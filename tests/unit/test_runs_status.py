"""Where a run stands, with real processes."""

import os
import time
from pathlib import Path

import psutil
import pytest
from run_files import add_attempt, finish, make_run, record_process, sleeping_child

from tuner_kit.runs.records import OutcomeStatus
from tuner_kit.runs.status import RunStatus, derive_status, is_alive, is_training


def test_a_run_that_was_never_trained_is_new(tmp_path: Path) -> None:
    assert derive_status(make_run(tmp_path)) is RunStatus.NEW


def test_a_run_whose_trainer_lives_is_running(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with sleeping_child() as child:
        record_process(add_attempt(run), child.pid)
        assert derive_status(run) is RunStatus.RUNNING


def test_a_run_whose_trainer_vanished_without_a_word_is_crashed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with sleeping_child() as child:
        record_process(add_attempt(run), child.pid)
    assert derive_status(run) is RunStatus.CRASHED


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ("interrupted", RunStatus.INTERRUPTED),
        ("failed", RunStatus.FAILED),
        ("finished", RunStatus.FAILED),  # the adapter was not verified: no entry in the manifest
    ],
)
def test_a_run_without_adapter_stands_where_its_attempt_ended(
    ended: OutcomeStatus, expected: RunStatus, tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    add_attempt(run, ended=ended)
    assert derive_status(run) is expected


def test_the_last_attempt_counts(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    add_attempt(run, ended="interrupted")
    add_attempt(run, ended="failed")
    assert derive_status(run) is RunStatus.FAILED


def test_a_run_with_a_completed_training_is_finished(tmp_path: Path) -> None:
    run = finish(make_run(tmp_path))
    add_attempt(run, ended="finished")
    assert derive_status(run) is RunStatus.FINISHED


def test_a_finished_run_that_trains_again_is_running(tmp_path: Path) -> None:
    run = finish(make_run(tmp_path))
    with sleeping_child() as child:
        record_process(add_attempt(run), child.pid)
        assert derive_status(run) is RunStatus.RUNNING


def test_another_process_with_the_same_number_is_not_the_trainer(tmp_path: Path) -> None:
    attempt = add_attempt(make_run(tmp_path))
    with sleeping_child() as child:
        record = record_process(attempt, child.pid, later_s=-3600)
        assert psutil.pid_exists(child.pid)
        assert not is_alive(record)


def test_a_dead_process_that_nobody_waited_for_is_not_alive(tmp_path: Path) -> None:
    attempt = add_attempt(make_run(tmp_path))
    with sleeping_child() as child:
        record = record_process(attempt, child.pid)
        assert is_alive(record)
        child.kill()
        wait_until_zombie(child.pid)
        assert not is_alive(record)


def test_a_damaged_record_of_a_process_is_no_process(tmp_path: Path) -> None:
    attempt = add_attempt(make_run(tmp_path))
    attempt.process_path.write_text(f'{{"pid": {os.getpid()}}}', encoding="utf-8")
    assert not is_training(attempt)


def wait_until_zombie(pid: int) -> None:
    """Wait until a killed child is dead; it stays in the table because nobody waited for it."""
    deadline = time.monotonic() + 10
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
