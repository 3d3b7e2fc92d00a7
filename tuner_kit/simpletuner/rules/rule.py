"""What a rule about SimpleTuner's configuration is, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

ID_PREFIX = "ST-"
"""In front of a rule's id where a person reads it: `ST-B08`."""


class Remove(StrEnum):
    """In place of a value: the key is to be removed."""

    KEY = "remove"


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a file that makes it right."""

    key: str
    """An option, or a key of the dataset."""
    value: JsonValue | Remove
    dataset: int | None = None
    """Index of the entry in the data backend file; None means an option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where a rule is broken."""

    what: str
    """One sentence with the offending values."""
    fix: str
    """What to write instead."""
    key: str | None = None
    """The option, or the dataset's key, that is to be changed."""
    dataset: int | None = None
    """Index of the entry in the data backend file; None means an option."""
    edits: tuple[Edit, ...] = ()
    """Changes that `--fix` may make: only where one value is surely right."""
    severity: Severity | None = None
    """Where it differs from the rule's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that SimpleTuner takes and that goes wrong later, or never seems to."""

    id: str
    """Letter and number, as in `B08`; the letter names the group."""
    title: str
    """What is wrong, in a few words without values."""
    severity: Severity
    looks_at: tuple[str, ...]
    """Options; keys of a dataset begin with `dataset.`, facts around with `around.`."""
    source: str
    """Where upstream shows it: a file of SimpleTuner, its documentation, an issue."""
    check: Callable[[TrainerSetup], Iterable[Finding]]
    families: tuple[str, ...] | None = None
    """Model families that it is about; None means all."""


@dataclass(frozen=True, slots=True)
class SaidElsewhere:
    """A rule of the list that another check of tuner_kit says already."""

    title: str
    ids: tuple[str, ...]
    """Problem ids in `docs/problems.md`."""
    source: str


def about(entry: DatasetEntry, key: str, what: str, fix: str, *edits: Edit) -> Finding:
    """Report a key of a dataset."""
    return Finding(what=what, fix=fix, key=key, dataset=entry.index, edits=edits)


def write(key: str, value: JsonValue | Remove, entry: DatasetEntry | None = None) -> Edit:
    """Make the change that a fix speaks of, in the options or in a dataset."""
    return Edit(key=key, value=value, dataset=None if entry is None else entry.index)
