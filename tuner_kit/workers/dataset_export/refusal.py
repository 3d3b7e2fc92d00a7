"""Why a dataset can't be exported, as an exception on the way to the result file."""

from collections.abc import Iterable
from typing import Literal

from tuner_kit.process.messages import ExportDatasetRefusal

type Kind = Literal["access", "dataset", "disk"]

_MAX_NAMES = 20


class RefusedError(Exception):
    """Something about a dataset, the way to it, or the disk, that a person can repair."""

    def __init__(self, kind: Kind, *, what: str, where: str, fix: str) -> None:
        self.message = ExportDatasetRefusal(kind=kind, what=what, where=where, fix=fix)
        super().__init__(what)


class UnreachableError(RefusedError):
    """The Hub could not be asked; an earlier export may still do."""


def listed(names: Iterable[str]) -> str:
    """Write names of columns, splits or files for a person: quoted, and not too many."""
    quoted = [repr(name) for name in names]
    more = f" and {len(quoted) - _MAX_NAMES} more" if len(quoted) > _MAX_NAMES else ""
    return (", ".join(quoted[:_MAX_NAMES]) or "none") + more
