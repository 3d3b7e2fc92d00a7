"""The cache of a run, as the trainer leaves it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from run_files import add_attempt, make_run

from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import OutcomeStatus

VIEW, LATENTS, TEXTS = "view-1111", "vae-2222", "text-3333"


def make_trained_run(
    runs_dir: Path, name: str = "cats", *, ended: OutcomeStatus = "interrupted"
) -> Run:
    """Make a run with images a and b, and with what the trainer has encoded."""
    run = make_run(runs_dir, name)
    attempt = add_attempt(run, ended=ended)
    attempt.backend_path.write_text(json.dumps(backend_of(run)))
    write_cache(run, VIEW, ("a.png", "a.txt", "b.png", "b.txt", "aspect_ratio_x.json"))
    write_cache(run, LATENTS, (latent_of("a"), latent_of("b")))
    write_cache(run, TEXTS, ("0123.pt",))
    return run


def backend_of(run: Run) -> list[dict[str, object]]:
    """Describe the folders as multibackend.json does, by absolute paths."""
    cache_dir = run.cache_dir.absolute()
    return [
        {
            "id": "images-x",
            "instance_data_dir": str(cache_dir / VIEW),
            "cache_dir_vae": str(cache_dir / LATENTS),
        },
        {"id": "text-x", "default": True, "cache_dir": str(cache_dir / TEXTS)},
    ]


def write_cache(run: Run, folder: str, names: Sequence[str], *, size_bytes: int = 1000) -> Path:
    (run.cache_dir / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        (run.cache_dir / folder / name).write_bytes(bytes(size_bytes))
    return run.cache_dir / folder


def latent_of(stem: str) -> str:
    """Name the file of an image's latents as SimpleTuner 4.10.1 does (caching/vae.py)."""
    return f"{hashlib.sha256(stem.encode()).hexdigest()}.pt"
