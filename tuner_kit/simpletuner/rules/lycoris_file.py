"""Reads the file that `lycoris_config` names, where SimpleTuner would find it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

_SHIPPED = "config/examples/"
"""SimpleTuner finds paths that begin so among the examples inside its own package."""


def read_lycoris_config(
    named: str, *, config_dir: Path, working_dir: Path
) -> Mapping[str, JsonValue] | None:
    """Read the settings of a LyCORIS adapter.

    Args:
        named: the value of `lycoris_config`.
        config_dir: the folder of config.json; SimpleTuner looks there first.
        working_dir: where SimpleTuner would be started.

    Returns:
        What the file says; empty where there is none, or it is no JSON object; None where
        SimpleTuner would look inside its own package.

    Source: simpletuner_sdk/server/utils/paths.py, resolve_config_path.
    """
    folders = (config_dir, working_dir)
    found = next((path for path in _places(named, folders) if path.is_file()), None)
    if found is None:
        return None if named.startswith(_SHIPPED) else {}
    try:
        settings = json.loads(found.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _places(named: str, folders: Sequence[Path]) -> Iterator[Path]:
    path = Path(named).expanduser()
    config_dir, working_dir = folders
    yield config_dir / path
    if path.parts and path.parts[0].lower() in {config_dir.name.lower(), "config", "configs"}:
        yield config_dir.joinpath(*path.parts[1:])
    yield working_dir / path
    yield working_dir / "config" / path
