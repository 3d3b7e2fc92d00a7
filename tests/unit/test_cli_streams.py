"""Bugs, broken pipes, closed streams and full disks: never a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_files import Project, Tuner

from tuner_kit.cli.commands import runs as runs_command
from tuner_kit.errors import ExitCode

COMMAND = f"{sys.executable} -m tuner_kit"


def shell(command: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        # Without a buffer a broken pipe would be noticed earlier than it is for most people.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("project")
def test_a_bug_is_one_line_and_a_file(
    tuner: Tuner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(options: object) -> int:
        raise KeyError(f"oops {options is None}")

    monkeypatch.setattr(runs_command, "execute", stumble)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    outcome = tuner(["runs", "--runs-dir", "private"])

    (crash_path,) = tmp_path.glob("tuner-kit-crash-*.txt")
    text = crash_path.read_text()
    assert outcome.exit_code == ExitCode.BUG
    assert "Traceback" not in outcome.stderr
    assert str(crash_path) in outcome.stderr
    assert "KeyError" in text
    assert "private" not in text


@pytest.mark.usefixtures("project")
def test_ctrl_c_is_no_error(tuner: Tuner, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(options: object) -> int:
        raise KeyboardInterrupt(options)

    monkeypatch.setattr(runs_command, "execute", interrupt)

    outcome = tuner(["runs"])

    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert outcome.stderr == "stopped\n"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("runs", id="table"),
        pytest.param("runs --json", id="JSON"),
        pytest.param("doctor", id="facts"),
    ],
)
def test_a_reader_that_goes_away_is_no_error(project: Project, words: str) -> None:
    project.run.dir.mkdir(parents=True)
    project.run.config_path.write_text(project.config_path.read_text())

    done = shell(f"{{ {COMMAND} {words}; echo exit code $? >&2; }} | true", folder=project.dir)

    assert done.stderr == "exit code 0\n"


@pytest.mark.parametrize(
    ("closing", "words", "exit_code"),
    [
        pytest.param("2>&-", "check --json", ExitCode.OK, id="stderr"),
        pytest.param("2>&-", "check missing.yaml", ExitCode.CONFIG, id="stderr with a problem"),
        pytest.param(">&-", "doctor", ExitCode.OK, id="stdout"),
        pytest.param("<&-", "init", ExitCode.INTERRUPTED, id="stdin"),
    ],
)
def test_a_closed_stream_is_no_error(
    project: Project, closing: str, words: str, exit_code: ExitCode
) -> None:
    done = shell(f"{COMMAND} {words} {closing}", folder=project.dir)

    assert done.returncode == exit_code
    assert "Traceback" not in done.stderr
    if closing == "2>&-":  # nothing of what is said besides the results goes there instead
        assert done.stdout == "" or json.loads(done.stdout)["problems"] == []


@pytest.fixture
def tiny_disk(project: Project) -> Iterator[Path]:
    """A disk of 40 KB."""
    folder = project.dir / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs more rights")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - the system's own


def test_a_full_disk_is_explained(tuner: Tuner, project: Project, tiny_disk: Path) -> None:
    (tiny_disk / "ballast").write_bytes(bytes(40_000))

    outcome = tuner(["init", "--yes", "--data", "photos", "--output", f"{tiny_disk}/a/tuner.yaml"])

    assert outcome.exit_code == ExitCode.MACHINE
    assert "error M01  the disk is full" in outcome.stderr
    assert [path.name for path in tiny_disk.rglob("*.yaml")] == []
    assert project.config_path.is_file()


def test_a_disk_that_fills_up_while_training_starts_is_explained(
    tuner: Tuner, project: Project, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner_kit.preflight.whole_run_rules.needed_disk_mib", lambda _: 0)
    (tiny_disk / "ballast").write_bytes(bytes(30_000))
    project.edit("name: cats", "name: cats\npaths: {runs_dir: disk}")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.MACHINE
    assert "error M01  the disk is full" in outcome.stderr


@pytest.mark.skipif(os.name != "posix", reason="/proc is Linux's")
def test_a_folder_that_can_not_be_written_is_explained(tuner: Tuner, project: Project) -> None:
    project.edit("name: cats", "name: cats\npaths: {runs_dir: /proc/runs}")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.MACHINE
    assert "Traceback" not in outcome.stderr
