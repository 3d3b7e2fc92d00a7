"""The jobs whose files are kept: every preset, and the branches that presets don't take."""

from pathlib import Path

from tuner_kit.config.load import load_config
from tuner_kit.config.presets import PRESET_NAMES
from tuner_kit.config.run_config import RunConfig
from tuner_kit.runs.layout import Run
from tuner_kit.simpletuner.bucket_plan import BucketPlan, BucketSettings, count_buckets
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
    "class-images": "preset: tiny-lora\n",
    "sd3-lokr": f"preset: sd3.5-medium-lora\ntraining: {{method: lokr}}\n{_PROMPTS}",
    "sd3-lokr-quantized-shape": (
        "preset: sd3.5-large-lora\n"
        "training: {method: lokr}\n"
        "lokr: {linear_dim: 64, linear_alpha: 32, factor: 8, feed_forward_factor: 4, "
        "full_matrix: false}\n"
    ),
    "sd3-full": (
        f"preset: sd3.5-medium-lora\ntraining: {{method: full, learning_rate: 1e-5}}\n{_PROMPTS}"
    ),
    "sd1-lokr": "preset: sd1-lora\ntraining: {method: lokr}\n",
    "sd1-full": f"preset: sd1-lora\ntraining: {{method: full, learning_rate: 1e-5}}\n{_PROMPTS}",
    "sd1.4-tracked": (
        "preset: sd1-lora\n"
        "model: {base: CompVis/stable-diffusion-v1-4, quantization: int8-quanto}\n"
        "tracking: {tracker: tensorboard}\n"
    ),
    "dreambooth-class-images": "preset: sd3.5-medium-lora\n",
    "four-gpus": (
        "preset: sd3.5-medium-lora\n"
        "hardware: {gpu: A100 80GB, num_gpus: 4}\n"
        "training: {epochs: 3, gradient_accumulation_steps: 2}\n"
    ),
}
"""What each job's tuner.yaml says besides its name and datasets."""

TWO_DATASETS = frozenset({"two-datasets", "class-images", "dreambooth-class-images"})
PROMPTS_OF_DATASETS = (
    ", instance_prompt: a photo of sks cat",
    ", instance_prompt: a photo of a cat, hold_out: false",
)
NUM_IMAGES = 24


def _plan(config: RunConfig, index: int) -> BucketPlan:
    """Give the buckets of square images."""
    dataset, training = config.datasets[index], config.training
    settings = BucketSettings(
        resolution_px=dataset.resolution_px,
        is_cropped=dataset.crop == "center",
        train_batch_size=training.train_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        repeats=dataset.repeats,
        num_processes=config.hardware.num_gpus,
    )
    return count_buckets([(1024, 1024)] * NUM_IMAGES, settings)


def build_golden_files(variant: str, folder: Path) -> TrainingFiles:
    """Build the trainer's files of one variant, through a real tuner.yaml in `folder`."""
    text = VARIANTS[variant]
    crop = "none" if "crop: none\n" in text else "center"
    datasets = ["data/cats", "data/dogs"][: 2 if variant in TWO_DATASETS else 1]
    prompts = PROMPTS_OF_DATASETS if variant == "dreambooth-class-images" else ("", "")
    size_px = 512 if "sd1-lora" in text else 1024
    lines = [
        f"  - {{path: {path}, resolution_px: {size_px - 256 * index}, crop: {crop}, "
        f"repeats: {index}{prompts[index]}}}\n"
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
                ImageFolder(
                    dir=run.cache_dir / f"view-{index:016d}",
                    fingerprint="fingerprint",
                    buckets=_plan(file.config, index),
                    dataset_index=index,
                    part="class" if variant == "class-images" and index == 1 else "",
                    is_regularization=variant == "class-images" and index == 1,
                )
                for index, _ in enumerate(datasets)
            ),
        )
    )
