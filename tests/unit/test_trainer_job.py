"""How the trainer is started: on one GPU, or on several."""

import sys
from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.runs.layout import Run
from tuner_kit.simpletuner.bucket_plan import BucketSettings, count_buckets
from tuner_kit.simpletuner.job import TrainerJob, build_job
from tuner_kit.simpletuner.training_files import ImageFolder, TrainingInputs


def job_of(folder: Path, text: str = "") -> TrainerJob:
    file = read_config(folder, SMALLEST + text)
    assert file.problems == ()
    run = Run(folder / "runs" / "cats")
    training = file.config.training
    settings = BucketSettings(
        resolution_px=64,
        is_cropped=True,
        train_batch_size=training.train_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        repeats=0,
        num_processes=file.config.hardware.num_gpus,
    )
    view = ImageFolder(folder, "print", count_buckets([(64, 64)] * 24, settings), 0)
    inputs = TrainingInputs(file.config, "/base", run, run.next_attempt(), [view])
    return build_job(inputs, {"HOME": "/home/me"})


def test_one_gpu_is_one_process(tmp_path: Path) -> None:
    job = job_of(tmp_path)

    assert job.child.argv == (sys.executable, "-P", "-m", "tuner_kit.workers.start_trainer")
    assert "PYTHONSAFEPATH" not in job.child.env


def test_several_gpus_are_one_process_each_and_none_takes_the_folders_modules(
    tmp_path: Path,
) -> None:
    job = job_of(tmp_path, "hardware: {num_gpus: 3}\n")

    assert job.child.argv == (
        *(sys.executable, "-P", "-m", "torch.distributed.run", "--standalone"),
        *("--nproc_per_node", "3", "-m", "tuner_kit.workers.start_trainer"),
    )
    # The launcher starts its children without -P.
    assert job.child.env["PYTHONSAFEPATH"] == "1"


def test_more_gpus_need_fewer_steps_for_an_epoch(tmp_path: Path) -> None:
    def steps(num_gpus: int) -> int:
        text = f"hardware: {{num_gpus: {num_gpus}}}\ntraining: {{epochs: 2, train_batch_size: 2}}\n"
        return job_of(tmp_path, text).total_steps

    assert [steps(num_gpus) for num_gpus in (1, 2, 4)] == [24, 12, 6]


@pytest.mark.parametrize(
    ("method", "trained"),
    [
        ("lora", "pytorch_lora_weights.safetensors"),
        ("lokr", "pytorch_lora_weights.safetensors"),
        ("full", "pipeline/model_index.json"),
    ],
)
def test_the_file_that_the_trainer_writes_last_depends_on_the_method(
    tmp_path: Path, method: str, trained: str
) -> None:
    job = job_of(tmp_path, f"training: {{method: {method}}}\n")

    assert job.trained_path == job.run.checkpoints_dir / trained
