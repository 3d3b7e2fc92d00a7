"""Reads a trainer's log for why it stopped: the lines that matter, and what to do."""

import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

NO_REASON = "it gave no reason"

_TAIL_LINES = 400
_SHOWN_LINES = 6
_MAX_LINE = 300
_RANK = re.compile(r"^\[rank\d+\]: ")
"""In front of a process's traceback when several train together."""
_LAUNCHER = re.compile(r"\bChildFailedError\b")
"""torch's launcher says last that one of its processes has failed, and never why."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)|AssertionError)\b.*")
_USAGE_ERROR = re.compile(r"^\S+\.py: error: (?P<reason>.*)")
_TELLING = re.compile(r"\[(?:ERROR|CRITICAL)\]|(?:Error|Exception)\b|: error: ", re.ASCII)


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A failure that is recognized by its words."""

    pattern: re.Pattern[str]
    what: str
    fix: str
    problem_id: str = "T01"


KNOWN_FAILURES: tuple[KnownFailure, ...] = (
    KnownFailure(
        re.compile(r"out of memory", re.IGNORECASE),
        "the GPU ran out of memory",
        "set training.gradient_checkpointing: true and training.train_batch_size: 1, lower "
        "datasets[0].resolution_px, or set model.quantization: int8-quanto",
    ),
    KnownFailure(
        re.compile(r"No space left on device"),
        "the disk is full",
        "free space, then run the same command again: training continues from its checkpoint",
    ),
    KnownFailure(
        re.compile(r"Non-finite training loss|loss=nan", re.IGNORECASE),
        "the loss became NaN or infinite",
        "lower training.learning_rate or training.max_grad_norm",
    ),
    KnownFailure(
        re.compile(r"GatedRepoError|gated repo|401 Client Error|403 Client Error", re.IGNORECASE),
        "the base model is gated and this account has no access",
        "accept the license on the model's page, then log in with `hf auth login`",
        problem_id="A01",
    ),
    KnownFailure(
        re.compile(r"^ +exitcode +: -9 \(pid"),
        "one of its processes was killed by the kernel, most likely because memory ran out",
        "use less memory (smaller batch or resolution, fewer GPUs), then run the same command "
        "again",
        problem_id="T02",
    ),
    KnownFailure(
        re.compile(r"size mismatch for"),
        "the checkpoint has another shape than the adapter",
        "a changed lora.rank can't continue a run: give the run another name",
    ),
)
"""First match wins; each was seen with SimpleTuner 4.10.1."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why the trainer stopped."""

    what: str
    fix: str
    lines: tuple[str, ...]
    """The telling lines of the log, last one last."""
    problem_id: str = "T01"


def diagnose(log_path: Path) -> Diagnosis:
    """Find in a log why the trainer stopped; only its end is read."""
    lines = _read_tail(log_path)
    telling = tuple(line[:_MAX_LINE] for line in lines if _TELLING.search(line))[-_SHOWN_LINES:]
    for known in KNOWN_FAILURES:
        if any(known.pattern.search(line) for line in lines):
            return Diagnosis(known.what, known.fix, telling, known.problem_id)
    refused = [match["reason"] for line in lines if (match := _USAGE_ERROR.match(line))]
    if refused:
        fix = "correct the section simpletuner: of tuner.yaml; `tuner-kit check` looks at it"
        return Diagnosis(f"it refused its options: {refused[-1][:_MAX_LINE]}", fix, telling)
    exceptions = [line for line in lines if _EXCEPTION.match(line)]
    last = exceptions[-1][:_MAX_LINE] if exceptions else NO_REASON
    return Diagnosis(last, "read the log; the last lines name the cause", telling)


def _read_tail(log_path: Path) -> list[str]:
    try:
        with log_path.open(encoding="utf-8", errors="replace") as file:
            tail = deque(file, maxlen=_TAIL_LINES)
    except FileNotFoundError:
        return []
    # A progress bar ends its lines with a carriage return: only its last state counts.
    lines = (_ANSI.sub("", line).rstrip().rpartition("\r")[2] for line in tail)
    return [_RANK.sub("", line) for line in lines if not _LAUNCHER.search(line)]
