"""Runs a worker: one request file in, events on the way, one result file out."""

import logging
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from tuner_kit.errors import Problem, WorkerError
from tuner_kit.process.child import ChildSpec, describe_exit, end_child, start_child
from tuner_kit.process.environment import child_environment
from tuner_kit.process.messages import Event, Message, WorkerFailure
from tuner_kit.runs.atomic import write_model_atomically

logger = logging.getLogger(__name__)

type OnEvent = Callable[[Event], None]

WORKER_PACKAGE = "tuner_kit.workers"


def run_worker[Result: Message](
    name: str,
    request: Message,
    result_type: type[Result],
    workdir: Path,
    on_event: OnEvent,
) -> Result:
    """Run `python -m tuner_kit.workers.<name>` and return its validated result.

    `workdir` keeps the request, the result and the log of the last call. A `name` with
    dots is a module of its own instead of one of ours.

    Raises:
        WorkerError: it met something repairable (W02), or stopped (W01: the log, the
            command to repeat).
    """
    workdir = workdir.resolve()
    request_path, result_path = workdir / "request.json", workdir / "result.json"
    log_path = workdir / "worker.log"
    result_path.unlink(missing_ok=True)
    write_model_atomically(request_path, request)
    module = name if "." in name else f"{WORKER_PACKAGE}.{name}"
    argv = [sys.executable, "-m", module, str(request_path), str(result_path)]
    spec = ChildSpec(argv, child_environment() | {"PYTHONUNBUFFERED": "1"}, workdir)
    exit_code = _follow(spec, log_path, on_event)
    if exit_code == 0 and (result := _load(result_path, result_type)) is not None:
        return result
    failure = _load(result_path, WorkerFailure)
    raise WorkerError(_repairable(failure) if failure else _stopped(spec, exit_code, log_path))


def _follow(spec: ChildSpec, log_path: Path, on_event: OnEvent) -> int:
    """Hand each event on as it comes; whatever stops us ends the worker first."""
    with log_path.open("wb") as log:
        child = start_child(spec, stdout=subprocess.PIPE, stderr=log)
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        with child.stdout as lines:
            try:
                for line in lines:
                    _pass_on(line, on_event)
                return child.wait()
            finally:
                end_child(child)


def _pass_on(line: bytes, on_event: OnEvent) -> None:
    try:
        event = Event.model_validate_json(line)
    except ValidationError:
        logger.debug("not an event: %r", line)
    else:
        on_event(event)


def _repairable(failure: WorkerFailure) -> Problem:
    return Problem(id="W02", what=failure.what, where=failure.where, fix=failure.fix)


def _stopped(spec: ChildSpec, exit_code: int, log_path: Path) -> Problem:
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return Problem(
        id="W01",
        what=f"the worker {spec.argv[2]} stopped ({describe_exit(exit_code)}): {last}",
        where=str(log_path),
        fix=f"repeat it alone: cd {shlex.quote(str(spec.workdir))} && {shlex.join(spec.argv)}",
    )


def _load[M: Message](path: Path, kind: type[M]) -> M | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
