"""Turns `model.base` into what diffusers and SimpleTuner can load."""

from pathlib import Path

from platformdirs import user_cache_path

from tuner_kit.catalog.base_models import EMBEDDED_PREFIX
from tuner_kit.config.load import ConfigFile
from tuner_kit.preflight.model_rules import is_local_folder
from tuner_kit.process.messages import TinyModelRequest, TinyModelResult
from tuner_kit.process.worker import OnEvent, run_worker

_TINY_MODEL_VERSION = 1
"""Part of the cache folder's name: a changed builder must not reuse an old model."""


def resolve_base_model(file: ConfigFile, on_event: OnEvent) -> str:
    """Return a hub id, or the absolute folder of a diffusers model.

    The embedded model is built once and kept in the user's cache.
    """
    base = file.config.model.base
    if base.startswith(EMBEDDED_PREFIX):
        return str(_build_embedded(base.removeprefix(EMBEDDED_PREFIX), on_event))
    if is_local_folder(base, file):
        return str(file.resolve(Path(base)))
    return base


def _build_embedded(name: str, on_event: OnEvent) -> Path:
    models_dir = user_cache_path("tuner_kit") / "models"
    model_dir = models_dir / f"{name}-{_TINY_MODEL_VERSION}"
    if not model_dir.is_dir():
        run_worker(
            "build_tiny_sd3",
            TinyModelRequest(model_dir=model_dir),
            TinyModelResult,
            models_dir / "building",
            on_event,
        )
    return model_dir
