"""Turns `model.base` into what diffusers and SimpleTuner can load."""

from pathlib import Path

from tuner_kit.catalog.base_models import EMBEDDED_PREFIX, embedded_model_dir
from tuner_kit.config.load import ConfigFile
from tuner_kit.preflight.model_rules import is_local_folder


def resolve_base_model(file: ConfigFile) -> str:
    """Return a hub id, or the absolute folder of a diffusers model."""
    base = file.config.model.base
    if base.startswith(EMBEDDED_PREFIX):
        return str(embedded_model_dir(base.removeprefix(EMBEDDED_PREFIX)))
    if is_local_folder(base, file):
        return str(file.resolve(Path(base)))
    return base
