"""The jobs whose files are kept: every preset, and the branches that presets don't take."""

from pathlib import Path

from tuner_kit.config.load import load_config
from tuner_kit.config.presets import PRESET_NAMES
from tuner_kit.runs.layout import Run
from tuner_kit.simpletuner.training_files import (
    ImageFolder,
    TrainingFiles,
    TrainingInputs,
    build_training_files,
)

GOLDEN_DIR = Path(__file__).parent / "expected"
RUN_DIR = Path("/runs/cats")
"""Nothing is written there: the files are pure values."""

_PROMPTS = "validation:\n  prompts: [a cat, a cat on a sofa]\n"

VARIANTS: dict[str, str] = {
    **{name: f"preset: {name}\n{_PROMPTS}" for name in PRESET_NAMES},
    "epochs-buckets-wandb": (
        "preset: sd3.5-medium-lora\n"
        "training: {epochs: 3, train_batch_size: 2, lr_scheduler: cosine}\n"
        "tracking: {tracker: wandb, project: cats}\n"
        "crop: none\n"
    ),
    "alpha-quantized-revision": (
        "preset: sd3.5-large-lora\n"
        "lora: {rank: 16, alpha: 8}\n"
        "model: {revision: abc123, text_encoder_3_quantization: int8-quanto}\n"
        "tracking: {tracker: tensorboard}\n"
    ),
    "two-datasets": "preset: tiny-lora\nlora: {dropout: 0.1}\n",
}
"""What each job's tuner.yaml says besides its name and datasets."""

NUM_IMAGES = 24


def build_golden_files(variant: str, folder: Path) -> TrainingFiles:
    """Build the trainer's files of one variant, through a real tuner.yaml in `folder`."""
    text = VARIANTS[variant]
    crop = "none" if "crop: none\n" in text else "center"
    datasets = ["data/cats", "data/dogs"][: 2 if variant == "two-datasets" else 1]
    lines = [
        f"  - {{path: {path}, resolution_px: {1024 - 256 * index}, crop: {crop}, repeats: {index}}}\n"
        for index, path in enumerate(datasets)
    ]
    path = folder / "tuner.yaml"
    path.write_text(
        f"name: cats\n{text.replace('crop: none\n', '')}datasets:\n{''.join(lines)}", "utf-8"
    )
    file = load_config(path)
    assert not file.problems, file.problems
    run = Run(RUN_DIR)
    return build_training_files(
        TrainingInputs(
            config=file.config,
            base_model=file.config.model.base.replace("embedded:", "/models/"),
            run=run,
            attempt=run.next_attempt(),
            views=tuple(
                ImageFolder(run.cache_dir / f"view-{index:016d}", NUM_IMAGES, "fingerprint")
                for index, _ in enumerate(datasets)
            ),
        )
    )
