"""One process at a time works on a run."""

import subprocess
import sys
from pathlib import Path

import pytest
from run_files import make_run

from tuner_kit.errors import ExitCode, MachineError, RunStateError
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock

HOLDER = """
import sys
from pathlib import Path
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
with hold_lock(Run(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunStateError) as raised, hold_lock(run):
            pass
        holder.kill()  # the kernel lets go
    assert [problem.id for problem in raised.value.problems] == ["R03"]
    assert raised.value.exit_code is ExitCode.RUN_STATE
    with hold_lock(run):
        pass


def test_the_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(ValueError, match="of the work"), hold_lock(run):
        raise ValueError("of the work")
    with hold_lock(run):
        pass


def test_a_new_run_gets_its_folder(tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "cats")
    with hold_lock(run):
        assert run.dir.is_dir()


def test_an_error_of_the_work_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), hold_lock(make_run(tmp_path)):
        raise PermissionError(13, "of the work")


def test_a_file_where_the_runs_should_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(MachineError) as raised, hold_lock(Run(tmp_path / "runs" / "cats")):
        pass
    assert [problem.id for problem in raised.value.problems] == ["M04"]
