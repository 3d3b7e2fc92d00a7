"""The one family of errors: what a person can repair, as three lines each.

Everything that a user can repair is a `TunerError` that carries one or more
`Problem`s. Preflight findings are the same `Problem`s, so an error that stops a
command and a finding that warns before it read alike.

    TunerError
      ConfigError     tuner.yaml, a preset, an option of the trainer
      DatasetError    the images and captions
      MachineError    disk, memory, GPU, packages
      AccessError     tokens, gated models, the network
      TrainerError    SimpleTuner stopped, or what it left is not a trained adapter
      WorkerError     one of our own child processes stopped
      GateError       a quality gate is missed
      RunStateError   the run directory is not in the state that a command needs
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar


class Severity(StrEnum):
    """How a finding is meant: an error stops the command, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class ExitCode(IntEnum):
    """What the process returns, by the kind of problem."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    DATASET = 4
    MACHINE = 5
    ACCESS = 6
    TRAINER = 7
    WORKER = 8
    GATE = 9
    RUN_STATE = 10
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, where exactly, and what to do about it."""

    id: str
    """Stable, documented id such as `C01`; its letter names the kind."""
    what: str
    """One sentence with the offending values."""
    where: str
    """File and line, folder, or option."""
    fix: str
    """What to type or change next."""
    severity: Severity = Severity.ERROR
    see: str | None = None
    """Where to read more: a file of the run, a page."""
    files: tuple[str, ...] = ()
    """Every file that the finding is about, relative to the dataset folder."""


class TunerError(Exception):
    """Something that a person can repair; carries every problem found, not only the first."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.what for problem in problems))


class ConfigError(TunerError):
    """The configuration is wrong."""

    exit_code = ExitCode.CONFIG


class DatasetError(TunerError):
    """The images or captions can't be trained on."""

    exit_code = ExitCode.DATASET


class MachineError(TunerError):
    """This machine lacks something: disk, memory, a GPU, a package."""

    exit_code = ExitCode.MACHINE


class AccessError(TunerError):
    """A model or repository can't be reached with the present rights."""

    exit_code = ExitCode.ACCESS


class TrainerError(TunerError):
    """SimpleTuner stopped, or left something that is not a trained adapter."""

    exit_code = ExitCode.TRAINER


class WorkerError(TunerError):
    """One of our own child processes stopped."""

    exit_code = ExitCode.WORKER


class GateError(TunerError):
    """A quality gate is missed."""

    exit_code = ExitCode.GATE


class RunStateError(TunerError):
    """The run directory is not in the state that the command needs."""

    exit_code = ExitCode.RUN_STATE


ERROR_OF_KIND: dict[str, type[TunerError]] = {
    "C": ConfigError,
    "D": DatasetError,
    "M": MachineError,
    "A": AccessError,
    "T": TrainerError,
    "W": WorkerError,
    "G": GateError,
    "R": RunStateError,
    "S": ConfigError,
}
"""The error class for the letter that a problem's id begins with; S is a rule about SimpleTuner's
own files, as in `ST-B08`."""


def raise_for_errors(problems: Iterable[Problem]) -> None:
    """Raise one error that carries every problem, if any of them is an error.

    The class, and with it the exit code, is that of the first error's id.
    """
    found = tuple(problems)
    errors = [problem for problem in found if problem.severity is Severity.ERROR]
    if errors:
        raise ERROR_OF_KIND[errors[0].id[0]](*found)
