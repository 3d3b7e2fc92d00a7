"""Says what to do when the disk is full or a folder can't be written."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner_kit.errors import MachineError, Problem

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNUSABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}
)
"""Rights, a read-only disk, or a file that stands where a folder is wanted."""


@contextmanager
def explain_disk_errors(folder: Path) -> Iterator[None]:
    """Translate a failed write below `folder` into something that can be repaired.

    Raises:
        MachineError: the disk is full (M01) or the folder can't be written (M04).
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            problem = Problem(
                id="M01",
                what="the disk is full",
                where=str(folder),
                fix="free space, or use a folder on another disk, then run the command again",
            )
        elif error.errno in _UNUSABLE:
            problem = Problem(
                id="M04",
                what=f"the folder can't be written: {error.strerror}",
                where=str(folder),
                fix="use a folder that you may write, for instance through paths.runs_dir",
            )
        else:
            raise
        raise MachineError(problem) from error
