"""Caption files as the trainer shall see them: UTF-8, one line, with the trigger word."""

import codecs
import os
import re
import stat
from pathlib import Path

from tuner_kit.data.records import Caption
from tuner_kit.data.text_encoding import Reading, read_foreign_text

MAX_CAPTION_BYTES = 1024 * 1024
"""More is somebody's log file: the longest caption that a model sees has some hundred words."""

# Opening a pipe would wait for somebody to write into it; Windows has no such pipes.
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_BYTE_ORDER_MARK = "\ufeff"
# Without the tab and what str.splitlines takes for the end of a line.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_MAX_CONTROL_SHARE = 0.1

CONTROLS = "has control characters, which no text has"
UNKNOWN = "is not UTF-8 text (and not clear what else)"


def read_caption(caption_path: str | Path, *, origin: str) -> Caption:
    """Read a caption file: byte order mark dropped, lines joined by a space.

    A file that can't be read, that is larger than 1 MiB or that isn't UTF-8 text is a caption
    with a problem, never an exception.

    Args:
        caption_path: the file.
        origin: its name relative to the dataset folder.
    """
    try:
        content = _read_start(caption_path)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        return _unusable(origin, f"can't be read: {reason}")
    if content is None:
        return _unusable(origin, "can't be read: not a regular file")
    return decode_caption(content, origin=origin)


def _read_start(path: str | Path) -> bytes | None:
    """Read up to a byte more than is allowed; None for what is not a regular file.

    Without Python's file objects it takes half the time, and there are as many captions as images.
    """
    handle = os.open(path, _READ_ONLY)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return os.read(handle, MAX_CAPTION_BYTES + 1)
    finally:
        os.close(handle)


def decode_caption(content: bytes, *, origin: str) -> Caption:
    """Read the bytes of a caption file, of which 1 MiB and a byte are enough."""
    if len(content) > MAX_CAPTION_BYTES:
        return _unusable(origin, "is larger than 1 MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        reading = read_foreign_text(content)
        return _unusable(origin, UNKNOWN) if reading is None else _repair_foreign(reading, origin)
    if _CONTROL_CHARACTERS.search(text):
        return _repair_controls(content, text, origin)
    line, num_lines = _join_lines(text)
    return Caption(line, origin, num_lines, has_bom=content.startswith(codecs.BOM_UTF8))


def has_trigger_word(caption: str, trigger_word: str) -> bool:
    """Tell whether a caption has the trigger word as a whole word, in capitals or not."""
    pattern = rf"(?<!\w){re.escape(trigger_word)}(?!\w)"
    return re.search(pattern, caption, re.IGNORECASE) is not None


def add_trigger_word(caption: str, trigger_word: str | None) -> str:
    """Put the trigger word in front, unless the caption has it as a whole word."""
    if trigger_word is None or has_trigger_word(caption, trigger_word):
        return caption
    return f"{trigger_word}, {caption}"


def _unusable(origin: str, problem: str) -> Caption:
    return Caption(None, origin, num_lines=0, problem=problem)


def _repair_foreign(reading: Reading, origin: str) -> Caption:
    line, num_lines = _join_lines(_CONTROL_CHARACTERS.sub("", reading.text))
    problem = f"is not UTF-8 text (reads as {reading.encoding})"
    return Caption(None, origin, num_lines, problem=problem, repaired_text=line)


def _repair_controls(content: bytes, text: str, origin: str) -> Caption:
    """Leave out a few stray bytes; UTF-16 without a mark looks like UTF-8 with many."""
    reading = read_foreign_text(content) if "\0" in text else None
    if reading is not None:
        return _repair_foreign(reading, origin)
    repaired, num_controls = _CONTROL_CHARACTERS.subn("", text)
    if num_controls > _MAX_CONTROL_SHARE * len(text):
        return _unusable(origin, CONTROLS)
    line, num_lines = _join_lines(repaired)
    has_bom = content.startswith(codecs.BOM_UTF8)
    return Caption(None, origin, num_lines, has_bom, problem=CONTROLS, repaired_text=line)


def _join_lines(text: str) -> tuple[str, int]:
    # The trainer makes a caption of its own of each line, and others break lines elsewhere.
    stripped = (line.strip() for line in text.replace(_BYTE_ORDER_MARK, "").splitlines())
    lines = [line for line in stripped if line]
    return " ".join(lines), len(lines)
