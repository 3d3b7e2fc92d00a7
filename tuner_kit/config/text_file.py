"""Reads a text file that a person wrote."""

from pathlib import Path

from tuner_kit.errors import ConfigError, Problem

_MAX_BYTES = 1_000_000


def read_text(path: Path, *, fix: str) -> str:
    """Read a small UTF-8 file, with or without a byte order mark.

    Args:
        path: the file.
        fix: what to do where it can't be read.

    Raises:
        ConfigError: C01, it is missing, not readable, not UTF-8, or larger than 1 MB.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(_unreadable(path, "can't be read: it is larger than 1 MB", fix))
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(_unreadable(path, "does not exist", fix)) from error
    except UnicodeDecodeError as error:
        reason = "can't be read: it is not UTF-8 text"
        raise ConfigError(_unreadable(path, reason, fix)) from error
    except OSError as error:
        reason = f"can't be read: {error.strerror or error}"
        raise ConfigError(_unreadable(path, reason, fix)) from error


def _unreadable(path: Path, reason: str, fix: str) -> Problem:
    return Problem(id="C01", what=f"{path.name} {reason}", where=str(path), fix=fix)
