"""Workers as real child processes."""

import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tuner_kit.errors import Problem, WorkerError
from tuner_kit.process.messages import DrawShapesResult, Event
from tuner_kit.process.worker import OnEvent, run_worker

FAKE_WORKER = Path(__file__).parents[1] / "fakes" / "fake_worker.py"


def run_fake(folder: Path, wish: str, on_event: OnEvent) -> DrawShapesResult:
    """Run the fake worker; it is found in the folder that it works in."""
    (folder / "fakes").mkdir()
    shutil.copy(FAKE_WORKER, folder / "fakes" / "worker.py")
    return run_worker("fakes.worker", Event(phase=wish), DrawShapesResult, folder, on_event)


def failure_of(folder: Path, wish: str) -> Problem:
    """Run the fake worker and return why it failed."""
    with pytest.raises(WorkerError) as raised:
        run_fake(folder, wish, lambda _: None)
    assert len(raised.value.problems) == 1
    return raised.value.problems[0]


def test_a_worker_gives_its_result_and_its_events_on_the_way(tmp_path: Path) -> None:
    events: list[Event] = []
    assert run_fake(tmp_path, "succeed", events.append) == DrawShapesResult(captions=("a star",))
    assert events == [Event(phase="started"), Event(phase="working", current=1, total=2)]


def test_a_worker_gets_the_scrubbed_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("CONFIG_PATH", "/elsewhere")
    events: list[Event] = []
    run_fake(tmp_path, "show_the_environment", events.append)
    names = {event.phase for event in events}
    assert {"HF_TOKEN", "PATH", "PYTHONUNBUFFERED"} <= names
    assert "CONFIG_PATH" not in names


def test_what_a_worker_says_can_be_repaired_is_passed_on(tmp_path: Path) -> None:
    assert failure_of(tmp_path, "say_it_is_repairable") == Problem(
        id="W02", what="the model is gone", where="hub", fix="name another"
    )


def test_a_crash_is_told_with_the_last_line_of_the_log_and_the_command(tmp_path: Path) -> None:
    problem = failure_of(tmp_path, "crash")
    assert problem.id == "W01"
    assert "fakes.worker stopped (exit code 1)" in problem.what
    assert "the last line of the log" in problem.what
    assert problem.where == str(tmp_path.resolve() / "worker.log")
    command = problem.fix.removeprefix("repeat it alone: ")
    again = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert b"the last line of the log" in again.stderr


def test_a_crash_without_words_is_told_as_such(tmp_path: Path) -> None:
    problem = failure_of(tmp_path, "stop_silently")
    assert problem.what.endswith("(exit code 3): it printed nothing")


def test_a_worker_that_was_killed_is_explained(tmp_path: Path) -> None:
    assert "memory ran out" in failure_of(tmp_path, "be_killed").what


@pytest.mark.parametrize("wish", ["forget_the_result", "write_another_result"])
def test_a_worker_that_ends_well_without_its_result_has_failed(wish: str, tmp_path: Path) -> None:
    assert failure_of(tmp_path, wish).id == "W01"


def test_the_result_of_an_earlier_call_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"num_images": 9}', encoding="utf-8")
    assert failure_of(tmp_path, "forget_the_result").id == "W01"


def test_an_interrupt_ends_the_worker_and_what_it_started(tmp_path: Path) -> None:
    pids: list[int] = []

    def interrupt(event: Event) -> None:
        if event.phase == "child":
            pids.append(event.current)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_fake(tmp_path, "have_a_child_and_wait", interrupt)
    wait_until_gone(pids[0])


def wait_until_gone(pid: int) -> None:
    """Wait until a process is dead; a container's init may be slow to bury it."""
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
