"""Bookkeeping that every stage shares: records in the manifest, hashes of what was read."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import StageRecord, add_stage

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage has to say when it is complete."""

    stage: Literal["train", "generate", "evaluate", "report"]
    label: str
    outputs: tuple[Path, ...]
    inputs_hash: str
    summary: Mapping[str, JsonValue]


def record_stage(run: Run, result: StageResult, *, started_at: datetime) -> None:
    """Enter a completed stage into the manifest: the last thing that a stage does."""
    entry = StageRecord(
        stage=result.stage,
        label=result.label,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        outputs=tuple(path.relative_to(run.dir).as_posix() for path in result.outputs),
        inputs_hash=result.inputs_hash,
        summary=dict(result.summary),
    )
    add_stage(run, entry)


def hash_files(paths: Iterable[Path]) -> str:
    """Return 16 hex digits over the content of files, in the given order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:16]
