"""Child processes in a session of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tuner_kit.process.child import ChildSpec, describe_exit, end_child, start_child

WITH_GRANDCHILD = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {grandchild!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
{then}
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(60)"
)
MEEK = "import time; print('ready', flush=True); time.sleep(60)"


def start(code: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start Python code as a child."""
    spec = ChildSpec([sys.executable, "-c", code], {"PATH": os.environ["PATH"], "A": "1"}, folder)
    return start_child(spec, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def first_line(child: subprocess.Popen[bytes]) -> str:
    """Read the first line that a child prints."""
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def test_a_child_has_its_own_session_folder_and_environment(tmp_path: Path) -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), os.getcwd(), sorted(os.environ))"
    with start(code, tmp_path / "new") as child:
        own_session, folder, names = first_line(child).split(" ", 2)
    assert (own_session, folder) == ("True", str(tmp_path / "new"))
    assert "'A', 'PATH'" in names or "'A', 'LC_CTYPE', 'PATH'" in names
    assert "HOME" not in names


def test_a_child_cannot_wait_for_somebody_to_type(tmp_path: Path) -> None:
    with start("import sys; print(repr(sys.stdin.read()))", tmp_path) as child:
        assert first_line(child) == "''"


@pytest.mark.parametrize(
    ("grandchild", "then"),
    [
        pytest.param(MEEK, "time.sleep(60)", id="both-listen"),
        pytest.param(STUBBORN, "time.sleep(60)", id="grandchild-does-not-listen"),
        pytest.param(MEEK, "", id="child-has-ended-already"),
    ],
)
def test_with_a_child_everything_that_it_started_ends(
    grandchild: str, then: str, tmp_path: Path
) -> None:
    with start(WITH_GRANDCHILD.format(grandchild=grandchild, then=then), tmp_path) as child:
        pid = int(first_line(child))
        if not then:
            child.wait()
        began = time.monotonic()
        end_child(child)
        assert time.monotonic() - began < 4
    wait_until_gone(pid)


def test_a_child_that_ends_by_itself_keeps_its_exit_code(tmp_path: Path) -> None:
    with start("raise SystemExit(3)", tmp_path) as child:
        child.wait()
        assert end_child(child) == 3


def test_a_child_that_is_asked_to_end_says_by_which_signal(tmp_path: Path) -> None:
    with start(MEEK, tmp_path) as child:
        first_line(child)
        assert end_child(child) == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner_kit.process.child._GRACE_S", 0.1)
    with start(STUBBORN, tmp_path) as child:
        first_line(child)
        assert end_child(child) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (1, "exit code 1"),
        (9, "exit code 9"),
        (137, "killed by the kernel, most likely because memory ran out"),
        (-9, "killed by the kernel, most likely because memory ran out"),
        (-11, "killed by signal SIGSEGV"),
        (-15, "killed by signal SIGTERM"),
        (-40, "killed by signal 40"),
    ],
)
def test_an_exit_code_is_described_in_words(exit_code: int, words: str) -> None:
    assert describe_exit(exit_code) == words


def wait_until_gone(pid: int) -> None:
    """Wait until a process is dead; a container's init may be slow to bury it."""
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
