"""Starts child processes in a session of their own, and ends them."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_GRACE_S = 5.0
"""How long a child may take to end after SIGTERM before it is killed."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to start: an argument list, an environment, and the folder it works in."""

    argv: Sequence[str]
    env: Mapping[str, str]
    workdir: Path


def start_child(
    spec: ChildSpec, *, stdout: IO[bytes] | int, stderr: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a child that neither reads the terminal nor gets its Ctrl-C."""
    spec.workdir.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        list(spec.argv),
        cwd=spec.workdir,
        env=dict(spec.env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def end_child(child: subprocess.Popen[bytes]) -> int:
    """End a child and everything it started; return its exit code."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
    # What it started may outlive it, or not listen; a group that is empty is not there any more.
    _signal_group(child, signal.SIGKILL)
    return child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS answers so where only zombies are left
        return


def peak_memory_mib() -> int:
    """Return the most main memory that any child that ended has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak // 2**20 if sys.platform == "darwin" else peak // 2**10


def describe_exit(exit_code: int) -> str:
    """Say in words how a child ended."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number == signal.SIGKILL:
        return "killed by the kernel, most likely because memory ran out"
    if exit_code < 0:
        names = {member.value: member.name for member in signal.Signals}
        return f"killed by signal {names.get(number, number)}"  # real-time ones have no name
    return f"exit code {exit_code}"
