"""The first few of many names and how many there are: what a finding shows, in flat memory."""

from dataclasses import dataclass, field

from tuner_kit.data.listing import MAX_SHOWN, list_some
from tuner_kit.data.records import printable

_MAX_CHARACTERS = 80


@dataclass(slots=True)
class Few:
    """Counts names and keeps the first three, written for a person."""

    count: int = 0
    first: str = ""
    shown: list[str] = field(default_factory=list)

    def add(self, name: str, detail: str = "") -> None:
        """Count a name; the detail is shown behind it."""
        self.count += 1
        if self.count == 1:
            self.first = shorten(name)
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(f"{shorten(name)} ({detail})" if detail else shorten(name))

    @property
    def listed(self) -> str:
        """The first three, and how many more there are."""
        return list_some(self.shown, self.count)

    def count_of(self, noun: str) -> str:
        """Say `1 file` or `2 files`."""
        return f"1 {noun}" if self.count == 1 else f"{self.count} {noun}s"


def shorten(name: str) -> str:
    """Write a name for a person: printable, and at most 80 characters."""
    # A row of a table may claim a file name of a million characters.
    text = printable(name[: _MAX_CHARACTERS + 1])
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 3]}..."
