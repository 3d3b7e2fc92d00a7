"""The frame that every worker runs in: events, result, failure, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tuner_kit.errors import ExitCode
from tuner_kit.process.messages import Event, WorkerFailure

PROGRAM = """
import os, sys
from tuner_kit.process.messages import PlotLossRequest, PlotLossResult
from tuner_kit.workers.runtime import RepairableError, run

def work(request, emit):
    emit("counting", 1, 2)
    {body}
    return PlotLossResult(svg_path=request.svg_path, first_mean=7, last_mean=None)

sys.exit(run(PlotLossRequest, work))
"""


def run_worker(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    program = folder / "worker.py"
    program.write_text(PROGRAM.format(body=body), encoding="utf-8")
    request = folder / "request.json"
    request.write_text(json.dumps({"points": [], "svg_path": "loss.svg"}), encoding="utf-8")
    return subprocess.run(
        [sys.executable, program, request, folder / "result.json"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_worker_writes_its_result_and_one_event_per_line(tmp_path: Path) -> None:
    done = run_worker(tmp_path, "pass")

    assert done.returncode == ExitCode.OK
    assert json.loads((tmp_path / "result.json").read_text())["first_mean"] == 7
    assert Event.model_validate_json(done.stdout) == Event(phase="counting", current=1, total=2)


@pytest.mark.parametrize(
    "chatter",
    [
        pytest.param("print('chatter')", id="print"),
        pytest.param("os.write(1, b'chatter')", id="from C"),
        pytest.param("os.system('echo chatter')", id="from a child"),
    ],
)
def test_what_libraries_print_stays_out_of_the_events(tmp_path: Path, chatter: str) -> None:
    done = run_worker(tmp_path, chatter)

    assert [json.loads(line)["phase"] for line in done.stdout.splitlines()] == ["counting"]
    assert "chatter" in done.stderr


def test_a_repairable_failure_is_the_result_and_exits_with_8(tmp_path: Path) -> None:
    done = run_worker(tmp_path, "raise RepairableError(what='cut', where='a.bin', fix='again')")

    assert done.returncode == ExitCode.WORKER
    failure = WorkerFailure.model_validate_json((tmp_path / "result.json").read_bytes())
    assert failure == WorkerFailure(what="cut", where="a.bin", fix="again")
    assert "Traceback" not in done.stderr


def test_a_bug_leaves_a_traceback_and_no_result(tmp_path: Path) -> None:
    done = run_worker(tmp_path, "raise ZeroDivisionError('oops')")

    assert done.returncode == ExitCode.BUG
    assert "ZeroDivisionError: oops" in done.stderr
    assert not (tmp_path / "result.json").exists()


def test_an_interrupt_ends_the_worker_quietly(tmp_path: Path) -> None:
    done = run_worker(tmp_path, "raise KeyboardInterrupt")

    assert done.returncode == ExitCode.INTERRUPTED
    assert done.stderr == ""
    assert not (tmp_path / "result.json").exists()
