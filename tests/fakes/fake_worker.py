"""A worker as `run_worker` starts it, that does what its request's phase says.

Tests copy it into the working directory as `fakes/worker.py`, where `python -m` finds it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def emit(event: dict[str, str | int]) -> None:
    """Write an event as a worker does."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def succeed(result_path: Path) -> int:
    """Write words, an event and the result."""
    sys.stdout.write("a library's own words, not an event\n")
    emit({"phase": "working", "current": 1, "total": 2})
    result_path.write_text('{"captions": ["a star"]}', encoding="utf-8")
    return 0


def show_the_environment(result_path: Path) -> int:
    """Name every environment variable."""
    for name in sorted(os.environ):
        emit({"phase": name})
    return succeed(result_path)


def say_it_is_repairable(result_path: Path) -> int:
    """Fail as a worker does that met something repairable."""
    failure = {"what": "the model is gone", "where": "hub", "fix": "name another"}
    result_path.write_text(json.dumps(failure), encoding="utf-8")
    return 8


def crash(result_path: Path) -> int:
    """Fail with a traceback."""
    raise ValueError(f"no {result_path.name}: the last line of the log")


def stop_silently(_: Path) -> int:
    """Fail without a word."""
    return 3


def forget_the_result(_: Path) -> int:
    """End well without a result."""
    return 0


def write_another_result(result_path: Path) -> int:
    """End well with a result of another kind."""
    result_path.write_text('{"num_cats": 3}', encoding="utf-8")
    return 0


def have_a_child_and_wait(_: Path) -> int:
    """Start a process and wait for the end of both."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    emit({"phase": "child", "current": child.pid})
    time.sleep(60)
    return 0


def be_killed(_: Path) -> int:
    """End as under the kernel's out-of-memory killer."""
    os.kill(os.getpid(), 9)
    return 0


WISHES = {
    function.__name__: function
    for function in (
        *(succeed, show_the_environment, say_it_is_repairable, crash, stop_silently),
        *(forget_the_result, write_another_result, have_a_child_and_wait, be_killed),
    )
}

if __name__ == "__main__":
    emit({"phase": "started"})
    wish = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["phase"]
    sys.exit(WISHES[wish](Path(sys.argv[2])))
