"""Caption files as the trainer shall see them: UTF-8, one line, with the trigger word."""

import re
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.data.snapshot import ImageRecord
from tuner_kit.errors import DatasetError, Problem


@dataclass(frozen=True, slots=True)
class Caption:
    """The content of one caption file."""

    text: str | None
    """One line, stripped; empty for an empty file, None when it isn't UTF-8 text."""
    num_lines: int
    """Lines that aren't blank."""


def read_caption(caption_path: Path) -> Caption:
    """Read a caption file: byte order mark dropped, lines joined by a space."""
    try:
        # utf-8-sig is UTF-8 with an optional byte order mark, as Windows editors write it.
        content = caption_path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return Caption(text=None, num_lines=0)
    if "\0" in content:
        # UTF-16 without a byte order mark is valid UTF-8 as long as the text is English.
        return Caption(text=None, num_lines=0)
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    return Caption(text=" ".join(lines), num_lines=len(lines))


def add_trigger_word(caption: str, trigger_word: str | None) -> str:
    """Put the trigger word in front, unless the caption has it as a whole word."""
    if trigger_word is None:
        return caption
    if re.search(rf"(?<!\w){re.escape(trigger_word)}(?!\w)", caption, re.IGNORECASE):
        return caption
    return f"{trigger_word}, {caption}"


@dataclass(frozen=True, slots=True)
class CaptionPolicy:
    """How an image gets the caption that it is trained with."""

    trigger_word: str | None = None
    fallback_caption: str | None = None
    """For images whose caption file is missing or empty."""

    def caption_for(self, record: ImageRecord) -> str:
        """Give the caption of an image, never empty.

        Raises:
            DatasetError: the caption is missing, empty or not UTF-8; `check_dataset` tells
                about all images at once, so this only guards a folder that has changed since.
        """
        caption = (
            Caption("", 0) if record.caption_path is None else read_caption(record.caption_path)
        )
        if caption.text is None:
            raise DatasetError(_unusable("D05", record, "is not UTF-8 text"))
        text = caption.text or (self.fallback_caption or "").strip()
        if not text:
            raise DatasetError(_unusable("D03", record, "is missing or empty"))
        return add_trigger_word(text, self.trigger_word)


def _unusable(problem_id: str, record: ImageRecord, complaint: str) -> Problem:
    return Problem(
        id=problem_id,
        what=f"the caption of {record.path.name} {complaint}",
        where=str(record.caption_path or record.path),
        fix="write the caption as UTF-8 text, or set fallback_caption of the dataset",
    )
