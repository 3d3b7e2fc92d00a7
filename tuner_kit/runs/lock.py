"""One process at a time works on a run; the kernel lets go when that process ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from tuner_kit.errors import Problem, RunStateError
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.layout import Run


@contextmanager
def hold_lock(run: Run) -> Iterator[None]:
    """Hold the run's lock.

    Raises:
        RunStateError: another process holds it (R03).
        MachineError: the run's folder can't be written.
    """
    lock = FileLock(run.lock_path, timeout=0)
    try:
        with explain_disk_errors(run.dir):
            run.dir.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout as error:
        problem = Problem(
            id="R03",
            what=f"run {run.name} is being worked on by another process",
            where=str(run.dir),
            fix="wait until it ends, or give this run another name",
        )
        raise RunStateError(problem) from error
    try:
        yield
    finally:
        lock.release()
