"""The one main of all workers: request in, events out, result or failure written."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from tuner_kit.errors import ExitCode
from tuner_kit.process.messages import Event, Message, WorkerFailure

QUIET_LIBRARIES = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Read by the Hugging Face libraries when they are imported, so set before any of them is."""


class Emit(Protocol):
    """Report progress: what is being done, and how far it is."""

    def __call__(self, phase: str, current: int = 0, total: int | None = None) -> None:
        """Write one `Event`."""


class RepairableError(Exception):
    """Something that a person can repair; ends the worker with its failure as the result."""

    def __init__(self, *, what: str, where: str, fix: str) -> None:
        self.failure = WorkerFailure(what=what, where=where, fix=fix)
        super().__init__(what)


def run[Request: Message](
    request_type: type[Request], work: Callable[[Request, Emit], Message]
) -> int:
    """Do a worker's job from the command line and give its exit code.

    Args:
        request_type: the message that `request.json` holds.
        work: imports whatever is heavy itself, so that it finds the quiet environment and
            an interrupt during a long import ends as quietly as any other.

    Returns:
        0 with the result in `result.json`; 8 with a `WorkerFailure` there; 130 after
        Ctrl-C and 1 after anything unforeseen, both without a result file.
    """
    if len(sys.argv) != 3:  # noqa: PLR2004  # the program's own name, the request, the result
        sys.stderr.write("usage: python -m tuner_kit.workers.<name> request.json result.json\n")
        return ExitCode.USAGE
    request_path, result_path = Path(sys.argv[1]), Path(sys.argv[2])
    _quieten_libraries()
    try:
        with _take_over_stdout() as events:
            request = request_type.model_validate_json(request_path.read_bytes())
            _write_message(result_path, work(request, _emitter(events)))
    except RepairableError as error:
        _write_message(result_path, error.failure)
        return ExitCode.WORKER
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception:  # the last net: whatever it is, the parent finds it in the worker's log
        traceback.print_exc()
        return ExitCode.BUG
    return ExitCode.OK


def _quieten_libraries() -> None:
    for name, value in QUIET_LIBRARIES.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def _take_over_stdout() -> TextIO:
    """Keep stdout for events; whatever a library prints, even from C, goes to stderr."""
    sys.stdout.flush()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _emitter(events: TextIO) -> Emit:
    def emit(phase: str, current: int = 0, total: int | None = None) -> None:
        event = Event(phase=phase, current=current, total=total)
        events.write(event.model_dump_json() + "\n")
        events.flush()

    return emit


def _write_message(path: Path, message: Message) -> None:
    partial_path = path.with_name(path.name + ".partial")
    partial_path.write_text(message.model_dump_json(indent=2) + "\n", encoding="utf-8")
    partial_path.replace(path)
