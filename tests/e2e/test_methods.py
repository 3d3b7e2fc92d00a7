"""Every method of both families: trained by the real SimpleTuner, loaded by plain diffusers."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from pipeline import Finished, RunTuner
from plain_diffusers import GUIDANCE, NUM_STEPS, PROMPT, SEED

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.runs.layout import Run

pytestmark = pytest.mark.e2e

PLAIN_DIFFUSERS = Path(__file__).with_name("plain_diffusers.py")
BASES = {"sd3": "tiny-sd3", "sd1x": "tiny-sd1"}
SHAPES = {
    "sd3": "{factor: 2, feed_forward_factor: 2, linear_dim: 4, linear_alpha: 8, full_matrix: false}",
    "sd1x": "{factor: 4}",
}
"""Of the LoKr: split at twice its strength, and whole."""
NUM_TRAIN_STEPS = 6

CONFIG = """\
name: {family}-{method}
preset: tiny-lora
model: {{family: {family}, base: "embedded:{base}"}}
datasets: [{{path: {photos}, resolution_px: 64}}]
lora: {{rank: 4, alpha: 8}}
lokr: {lokr}
training:
  method: {method}
  max_train_steps: {steps}
  checkpointing_steps: 1000
  train_batch_size: 2
  learning_rate: 1e-3
  lr_scheduler: constant
validation: {{prompts: [a red tiled roof], resolution_px: 64, num_inference_steps: 2}}
"""


@dataclass(frozen=True)
class Trained:
    """A finished run, and the pictures that were drawn with it."""

    family: str
    method: str
    run: Run
    training: Finished
    generated: Finished

    @property
    def base_dir(self) -> Path:
        return embedded_model_dir(BASES[self.family])

    def sample(self, variant: str) -> Image.Image:
        (path,) = self.run.samples_dir.glob(f"*/01-{SEED}-{variant}.png")
        return Image.open(path).convert("RGB")


CASES = [(family, method) for family in BASES for method in ("lora", "lokr", "full")]


def configure(family: str, method: str, photos_dir: Path, steps: int = NUM_TRAIN_STEPS) -> str:
    return CONFIG.format(
        family=family,
        method=method,
        base=BASES[family],
        photos=photos_dir,
        steps=steps,
        lokr=SHAPES[family],
    )


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def trained(
    request: pytest.FixtureRequest,
    run_tuner: RunTuner,
    photos_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trained:
    family, method = request.param
    folder = tmp_path_factory.mktemp("methods")
    config = folder / "tuner.yaml"
    config.write_text(configure(family, method, photos_dir), "utf-8")
    training = run_tuner(folder, "train")
    options = {"--prompt": PROMPT, "--seed": SEED, "--steps": NUM_STEPS, "--guidance": GUIDANCE}
    words = [str(word) for pair in options.items() for word in pair]
    generated = run_tuner(folder, "generate", *words, "--compare")
    return Trained(family, method, Run(folder / f"runs/{family}-{method}"), training, generated)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two pictures, in levels of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def draw_plainly(method: str, trained: Trained, folder: Path) -> Image.Image:
    path = folder / f"{method}.png"
    words = [method, trained.base_dir, trained.run.find_result(), path]
    done = subprocess.run(
        [sys.executable, "-P", PLAIN_DIFFUSERS, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Image.open(path).convert("RGB")


def test_it_is_trained_and_verified(trained: Trained) -> None:
    assert trained.training.exit_code == 0, trained.training.stderr
    assert "verified" in trained.training.stderr
    manifest = json.loads(trained.run.manifest_path.read_text("utf-8"))
    (stage,) = [entry for entry in manifest["stages"] if entry["stage"] == "train"]
    assert stage["summary"]["adapter"]["method"] == trained.method
    assert stage["summary"]["adapter"]["largest_update"] > 0
    assert all((trained.run.dir / output).exists() for output in stage["outputs"])


def test_plain_diffusers_draws_what_we_draw_and_not_what_the_base_draws(
    trained: Trained, tmp_path: Path
) -> None:
    assert trained.generated.exit_code == 0, trained.generated.stderr
    ours, base = trained.sample("tuned"), trained.sample("base")

    plain = draw_plainly(trained.method, trained, tmp_path)

    # Measured: 0.0 and 0.8 to 160 levels; another order of sums may round a level elsewhere.
    assert difference(plain, base) > 0.5
    assert difference(plain, ours) < 0.05


def test_a_dreambooth_trains_subject_and_class_by_two_ordinary_datasets(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    text = configure("sd3", "lora", photos_dir, steps=4).replace("sd3-lora", "dreambooth")
    subject, plain = "a photo of sks shape", "a photo of a shape"
    datasets = (
        f"datasets:\n  - {{path: {photos_dir}, resolution_px: 64, repeats: 2, "
        f"instance_prompt: {subject}}}\n"
        f"  - {{path: {photos_dir}, resolution_px: 64, hold_out: false, "
        f"instance_prompt: {plain}}}\n"
    )
    lines = [datasets if line.startswith("datasets:") else f"{line}\n" for line in text.split("\n")]
    (tmp_path / "tuner.yaml").write_text("".join(lines), "utf-8")

    done = run_tuner(tmp_path, "train")

    assert done.exit_code == 0, done.stderr
    run = Run(tmp_path / "runs/dreambooth")
    entries = json.loads(run.attempts()[-1].backend_path.read_text("utf-8"))
    images = [entry for entry in entries if entry["dataset_type"] == "image"]
    assert [entry["repeats"] for entry in images] == [2, 0]
    # Regularization data of SimpleTuner is something else: the base model's own answers.
    assert not any("is_regularisation_data" in entry for entry in images)
    captions = [
        {path.read_text("utf-8").strip() for path in Path(entry["instance_data_dir"]).glob("*.txt")}
        for entry in images
    ]
    assert captions == [{subject}, {plain}]


def test_two_processes_train_as_one(run_tuner: RunTuner, photos_dir: Path, tmp_path: Path) -> None:
    text = configure("sd3", "lora", photos_dir, steps=4) + "hardware: {num_gpus: 2}\n"
    (tmp_path / "tuner.yaml").write_text(text, "utf-8")

    done = run_tuner(tmp_path, "train")

    assert done.exit_code == 0, done.stderr
    run = Run(tmp_path / "runs/sd3-lora")
    card = (run.checkpoints_dir / "README.md").read_text("utf-8")
    assert "Effective batch size: 4" in card
    assert "Number of GPUs: 2" in card
    # Alone, each would write a line of its own for every step.
    steps = run.metrics_path.read_text("utf-8").count('"train_loss"')
    assert steps == 4
