"""Training with the real SimpleTuner: interrupted, resumed, tracked, and failing."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from pipeline import PROGRAM, RunTuner

from tuner_kit.catalog.base_models import embedded_model_dir

pytestmark = pytest.mark.e2e

CONFIG = """\
name: {name}
preset: tiny-lora
datasets: [{{path: {photos}, resolution_px: 64, crop: {crop}}}]
training: {{max_train_steps: {steps}, checkpointing_steps: 1000, train_batch_size: 1}}
validation: {{prompts: [a red tiled roof], resolution_px: 64, num_inference_steps: 2}}
tracking: {{tracker: {tracker}}}
lora: {{rank: 4, alpha: {alpha}}}
"""


def _write_config(folder: Path, photos_dir: Path, name: str, **changes: object) -> Path:
    values = {"steps": 12, "crop": "center", "tracker": "none", "alpha": 4} | changes
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(name=name, photos=photos_dir, **values), "utf-8")
    return path


def _adapter(folder: Path, name: str) -> Path:
    return folder / "runs" / name / "training/adapter/pytorch_lora_weights.safetensors"


def _weights(path: Path) -> bytes:
    """Return the tensors without the header, which names the run."""
    data = path.read_bytes()
    return data[8 + int.from_bytes(data[:8], "little") :]


def _listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def test_an_interrupted_training_continues_to_the_same_weights(
    run_tuner: RunTuner, environment: dict[str, str], photos_dir: Path, tmp_path: Path
) -> None:
    before = _listing(photos_dir)
    straight = _write_config(tmp_path, photos_dir, "straight", steps=150)
    # The same pictures elsewhere and with other times are the same data.
    copy_dir = shutil.copytree(photos_dir, tmp_path / "copy", copy_function=shutil.copyfile)
    broken = _write_config(tmp_path, copy_dir, "broken", steps=150)
    assert run_tuner(tmp_path, "train", str(straight)).exit_code == 0

    exit_code, said = _interrupt_after_steps(tmp_path, environment, broken, num_steps=5)
    resumed = run_tuner(tmp_path, "train", str(broken))

    assert exit_code == 130, said
    assert "continues from step" in said
    assert resumed.exit_code == 0, resumed.stderr
    assert "continued from step" in resumed.stderr
    assert _weights(_adapter(tmp_path, "broken")) == _weights(_adapter(tmp_path, "straight"))
    assert _listing(photos_dir) == before


def _interrupt_after_steps(
    folder: Path, environment: dict[str, str], config_path: Path, *, num_steps: int
) -> tuple[int, str]:
    metrics = folder / "runs/broken/training/checkpoints/training_metrics.jsonl"
    with (folder / "said.txt").open("w+") as said:
        child = subprocess.Popen(
            [*PROGRAM, "train", str(config_path)], cwd=folder, env=environment, stderr=said
        )
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and child.poll() is None:
            if metrics.exists() and metrics.read_bytes().count(b"train_loss") >= num_steps:
                break
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGINT)
        exit_code = child.wait(100)
        said.seek(0)
        return exit_code, said.read()


def test_accumulated_batches_leave_the_pictures_of_every_interval(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    few_dir = tmp_path / "few"
    few_dir.mkdir()
    # Five batches in an epoch, two in a step: the epochs end in the middle of a step.
    for path in sorted(photos_dir.glob("*.png"))[:5]:
        shutil.copy(path, few_dir)
        shutil.copy(path.with_suffix(".txt"), few_dir)
    config_path = _write_config(tmp_path, few_dir, "summed", steps=6)
    text = config_path.read_text(encoding="utf-8")
    text = text.replace(
        "train_batch_size: 1", "train_batch_size: 1, gradient_accumulation_steps: 2"
    )
    config_path.write_text(text.replace("validation: {", "validation: {validation_steps: 2, "))

    outcome = run_tuner(tmp_path, "train", str(config_path))

    pictures = sorted((tmp_path / "runs" / "summed").rglob("step_*_64x64.png"))
    assert outcome.exit_code == 0, outcome.stderr
    assert {path.name.split("_")[1] for path in pictures} == {"0", "2", "4", "6"}


def test_curves_also_go_to_tensorboard(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    config_path = _write_config(tmp_path, photos_dir, "tb", tracker="tensorboard", crop="none")

    done = run_tuner(tmp_path, "train", str(config_path))

    assert done.exit_code == 0, done.stderr
    events = list((tmp_path / "runs/tb").rglob("events.out.tfevents.*"))
    assert any(b"train_loss" in path.read_bytes() for path in events)


def test_curves_also_go_to_wandb_and_alpha_is_folded(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    config_path = _write_config(tmp_path, photos_dir, "wb", tracker="wandb", alpha=8)

    done = run_tuner(tmp_path, "train", str(config_path))

    assert done.exit_code == 0, done.stderr
    assert list((tmp_path / "runs/wb").rglob("*.wandb"))
    trained = tmp_path / "runs/wb/training/checkpoints/pytorch_lora_weights.safetensors"
    assert _weights(_adapter(tmp_path, "wb")) != _weights(trained)


def test_a_trainer_that_stops_is_explained(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(embedded_model_dir("tiny-sd3"), tmp_path / "base")
    (base / "vae/diffusion_pytorch_model.safetensors").unlink()
    config_path = _write_config(tmp_path, photos_dir, "stops")
    config_path.write_text(config_path.read_text() + f"model: {{base: {base}}}\n")

    done = run_tuner(tmp_path, "train", str(config_path))

    assert done.exit_code == 7
    assert "error T01" in done.stderr
    assert "diffusion_pytorch_model" in done.stderr
    assert "trainer.log" in done.stderr
    assert run_tuner(tmp_path, "runs").stdout.count("failed") == 1
