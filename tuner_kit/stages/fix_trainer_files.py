"""check --fix: what surely was meant is written into SimpleTuner's own files, and shown."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.config.json_source import Change, change_json
from tuner_kit.preflight.hand_written import HandWritten, TrainingSite, check_trainer_config
from tuner_kit.process.worker import OnEvent
from tuner_kit.runs.atomic import write_text_atomically
from tuner_kit.simpletuner.rules.rule import Edit, Remove
from tuner_kit.simpletuner.written_config import OptionChange, change_written_config

_KEPT_SUFFIX = ".before-fix"
_MAX_ROUNDS = 5
"""A change may make another one possible; five in a row would be a circle."""


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file that was changed."""

    path: Path
    kept_path: Path
    """The file as it was."""
    diff: str
    """Unified."""


@dataclass(frozen=True, slots=True)
class FixOutcome:
    """What was changed, and what is left to the person."""

    files: tuple[FixedFile, ...]
    checked: HandWritten
    """The files as they are now."""


def fix_trainer_files(config_path: Path, site: TrainingSite, on_event: OnEvent) -> FixOutcome:
    """Change what has one right value; the files as they were are kept beside them.

    Raises:
        ConfigError: the configuration can't be read at all.
        MachineError: M04, a file can't be written.
    """
    first = checked = check_trainer_config(config_path, site, on_event)
    for _ in range(_MAX_ROUNDS):
        texts = _changed_texts(checked)
        if not texts:
            break
        for path, text in texts.items():
            _keep(path, first)
            write_text_atomically(path, text)
        checked = check_trainer_config(config_path, site, on_event)
    return FixOutcome(tuple(_describe(first)), checked)


def _changed_texts(checked: HandWritten) -> dict[Path, str]:
    """Give the new text of each file that changes."""
    texts: dict[Path, str] = {}
    # Two rules may change one value; the later one has seen more of the setup.
    edits = {(edit.dataset, edit.key): edit for edit in checked.edits}.values()
    options = [_option_change(edit) for edit in edits if edit.dataset is None]
    if options:
        texts[checked.config.path] = change_written_config(checked.config, options)
    changes = [_dataset_change(edit) for edit in edits if edit.dataset is not None]
    if changes and checked.datasets is not None and checked.datasets_path is not None:
        texts[checked.datasets_path] = change_json(checked.datasets, changes)
    before = _texts(checked)
    return {path: text for path, text in texts.items() if text != before[path]}


def _option_change(edit: Edit) -> OptionChange:
    if edit.value is Remove.KEY:
        return OptionChange(edit.key, is_removal=True)
    return OptionChange(edit.key, edit.value)


def _dataset_change(edit: Edit) -> Change:
    path = (edit.dataset or 0, edit.key)
    return Change(path, is_removal=True) if edit.value is Remove.KEY else Change(path, edit.value)


def _texts(checked: HandWritten) -> dict[Path, str]:
    texts = {checked.config.path: checked.config.text}
    if checked.datasets is not None and checked.datasets_path is not None:
        texts[checked.datasets_path] = checked.datasets.text
    return texts


def _keep(path: Path, first: HandWritten) -> None:
    write_text_atomically(_kept_path(path), _texts(first)[path])


def _kept_path(path: Path) -> Path:
    return path.with_name(path.name + _KEPT_SUFFIX)


def _describe(first: HandWritten) -> Sequence[FixedFile]:
    """Compare the files with what they were."""
    described = []
    for path, before in _texts(first).items():
        after = path.read_text(encoding="utf-8-sig")
        lines = difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            fromfile=_kept_path(path).name,
            tofile=path.name,
        )
        if diff := "".join(lines):
            described.append(FixedFile(path, _kept_path(path), diff))
    return described
