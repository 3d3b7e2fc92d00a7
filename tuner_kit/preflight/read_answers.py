"""The answers that a tuner.yaml was made from, as far as it still tells them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tuner_kit.config.answers import Answers
from tuner_kit.config.load import ConfigFile
from tuner_kit.config.run_config import DatasetConfig
from tuner_kit.data.find_source import as_written
from tuner_kit.preflight.model_rules import is_local_folder

if TYPE_CHECKING:
    from pydantic import JsonValue


def answers_from(file: ConfigFile) -> Answers:
    """Read the answers back; what a file doesn't tell (the purpose, the views) stays open.

    Args:
        file: without errors.
    """
    config, main = file.config, file.config.datasets[0]
    other = config.datasets[1] if len(config.datasets) > 1 else None
    base = config.model.base
    found: dict[str, JsonValue] = {
        "data": _folder(file, main),
        "layout": main.layout,
        "trigger_word": main.trigger_word,
        "instance_prompt": main.instance_prompt,
        "fallback_caption": main.fallback_caption,
        "base": str(file.resolve(Path(base))) if is_local_folder(base, file) else base,
        "method": _method(config.training.method, main, other),
        "resolution_px": main.resolution_px,
        "gpu": config.hardware.gpu,
        "num_gpus": config.hardware.num_gpus,
        "prompts": list(config.validation.prompts),
        "tracker": config.tracking.tracker,
        "hub_model_id": config.publishing.hub_model_id,
        "name": config.name,
        "runs_dir": str(file.resolve(config.paths.runs_dir)),
    }
    if other is not None:
        key = "plain_images" if other.instance_prompt is None else "class_images"
        found |= {key: _folder(file, other), "class_prompt": other.instance_prompt}
    written = {key: value for key, value in found.items() if value not in (None, [], "auto")}
    return Answers.model_validate_json(json.dumps(written))


def _folder(file: ConfigFile, dataset: DatasetConfig) -> str:
    written = as_written(dataset.path)
    return written if written.startswith("hf:") else str(file.resolve(dataset.path))


def _method(trained: str, main: DatasetConfig, other: DatasetConfig | None) -> str:
    if trained != "lora" or main.instance_prompt is None:
        return trained
    return "dreambooth" if other is None or other.instance_prompt is None else "dreambooth-class"
