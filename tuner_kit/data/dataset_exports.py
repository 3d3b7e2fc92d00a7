"""Where exports of Hugging Face datasets lie, and which of them are whole.

Below one folder of the person's cache: `<stem>-<version>/` holds `images/` and
`metadata.jsonl` and nothing else, `<stem>-<version>.json` says what went into it.
"""

from pathlib import Path

from pydantic import ValidationError

from tuner_kit.process.messages import ExportDatasetResult

_VERSION_CHARACTERS = 16


def export_dir_of(exports_dir: Path, stem: str, version: str) -> Path:
    """Name the folder of one version of a dataset; a commit is cut to 16 characters."""
    return exports_dir / f"{stem}-{version[:_VERSION_CHARACTERS]}"


def record_path_of(export_dir: Path) -> Path:
    """Name the file that says what went into an export."""
    return export_dir.with_name(export_dir.name + ".json")


def load_export(export_dir: Path) -> ExportDatasetResult | None:
    """Give what is known of a whole export; None for anything else."""
    if not export_dir.is_dir():
        return None
    try:
        record = ExportDatasetResult.model_validate_json(record_path_of(export_dir).read_bytes())
    except (OSError, ValidationError):
        return None
    # The cache may have been moved since.
    return record.model_copy(update={"export_dir": export_dir})
