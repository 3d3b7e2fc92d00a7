"""A bug: the traceback goes to a file, the person gets one line."""

import platform
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tuner_kit import __version__
from tuner_kit.cli.console import print_note


def report_crash(error: Exception, words: Sequence[str]) -> None:
    """Write the traceback to a file and name it."""
    handle, name = tempfile.mkstemp(prefix="tuner-kit-crash-", suffix=".txt")
    text = "".join(traceback.format_exception(error))
    command = words[0] if words else ""  # the rest may hold what is private
    header = f"tuner-kit {__version__}, Python {platform.python_version()}, command {command}\n\n"
    with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - an open descriptor
        file.write(header + text)
    print_note(f"this is a bug: {type(error).__name__}: {error}")
    print_note(f"the details are in {Path(name)}; please report them")
