"""Answers that were given before a person left: kept beside the tuner.yaml to be written."""

import json
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, ValidationError

from tuner_kit.config.answers import Answers
from tuner_kit.config.strict_model import StrictModel
from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.wizard.question import Value
from tuner_kit.wizard.sheet import Sheet


class Draft(StrictModel):
    """A sheet as it lies on disk. No question asks for a secret, so it has none."""

    schema_version: Literal[1] = 1
    """Version of this format."""
    given: dict[str, JsonValue]
    """Answers as `--answers FILE` has them."""
    suggested: dict[str, JsonValue]
    """Answers that were taken as they were suggested."""
    is_edit: bool = False
    """Whether a tuner.yaml is being changed."""


class DamagedDraftError(Exception):
    """The draft can't be read; it holds nothing that couldn't be answered again."""


def draft_path_of(config_path: Path) -> Path:
    """Name the draft of a tuner.yaml: `.tuner-draft.json`."""
    return config_path.with_name(f".{config_path.stem}-draft.json")


def save_draft(path: Path, sheet: Sheet, *, is_edit: bool) -> None:
    """Keep a sheet; answers of the command line are in it too, to be asked for no more."""
    draft = Draft(
        given={key: _as_json(value) for key, value in sheet.given.items()},
        suggested={key: _as_json(value) for key, value in sheet.suggested.items()},
        is_edit=is_edit,
    )
    write_model_atomically(path, draft)


def load_draft(path: Path) -> tuple[Sheet, bool] | None:
    """Read what was kept, and whether a tuner.yaml was being changed; None where nothing was.

    Raises:
        DamagedDraftError: there is a file, but not one that was kept here.
    """
    try:
        draft = Draft.model_validate_json(path.read_bytes())
        sheet = Sheet(given=_values(draft.given), suggested=_values(draft.suggested))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise DamagedDraftError from error
    return sheet, draft.is_edit


def discard_draft(path: Path) -> None:
    """Remove what was kept."""
    path.unlink(missing_ok=True)


def _values(written: dict[str, JsonValue]) -> dict[str, Value]:
    answers = Answers.model_validate_json(json.dumps(written))
    return {name: getattr(answers, name) for name in written}


def _as_json(value: Value) -> JsonValue:
    return list(value) if isinstance(value, tuple) else value
