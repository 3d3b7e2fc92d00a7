"""However the trainer ends, a person is told why, and what to do."""

import json
import re
import shlex
import subprocess

import pytest
from project_files import Project, Tuner

from tuner_kit.errors import ExitCode
from tuner_kit.runs.records import load_manifest, load_outcome
from tuner_kit.runs.status import RunStatus, derive_status


def test_a_training_ends_with_a_verified_adapter(tuner: Tuner, project: Project) -> None:
    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert outcome.stdout.split() == ["adapter", str(project.run.adapter_path)]
    assert "trained 6 steps" in outcome.stderr
    assert project.run.adapter_path.is_file()
    assert derive_status(project.run) is RunStatus.FINISHED
    record = load_manifest(project.run).last("train")
    assert record is not None
    assert record.summary["steps"] == 6
    assert record.summary["loss"] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("death", "reason", "fix"),
    [
        pytest.param("killed", "memory ran out", "use less memory", id="killed"),
        pytest.param(
            "cuda_memory", "the GPU ran out of memory", "gradient_checkpointing", id="GPU"
        ),
        pytest.param("nan_loss", "NaN or infinite", "learning_rate", id="NaN loss"),
        pytest.param("disk_full", "the disk is full", "free space", id="disk full"),
        pytest.param(
            "unknown_argument", "unrecognized arguments: --bogus", "simpletuner:", id="key"
        ),
        pytest.param("other_shape", "another shape", "lora.rank", id="other rank"),
        pytest.param(
            "other_optimizer", "KeyError: 'accumulated_decay'", "read the log", id="unknown"
        ),
        pytest.param("segfault", "signal SIGSEGV", "read the log", id="segmentation fault"),
        pytest.param("terminated", "signal SIGTERM", "read the log", id="terminated by another"),
        pytest.param("quiet", "it gave no reason", "read the log", id="without a word"),
    ],
)
def test_a_trainer_that_dies_is_explained(
    tuner: Tuner, project: Project, death: str, reason: str, fix: str
) -> None:
    project.trainer.dies(death, after_step=3)

    outcome = tuner(["train"])

    attempt = project.run.attempts()[0]
    what, where, *_ = _problem_lines(outcome.stderr)
    assert outcome.exit_code == ExitCode.TRAINER
    assert "stopped at step 3 of 6" in what
    assert reason in what
    assert str(attempt.log_path) in where
    assert fix in outcome.stderr.partition("fix")[2]
    assert str(attempt.command_path) in outcome.stderr
    assert re.search(r"held up to [1-9]\d* MiB", outcome.stderr)
    assert "\x1b" not in outcome.stderr
    record = load_outcome(attempt)
    assert record is not None
    assert (record.status, record.last_step) == ("failed", 3)
    assert derive_status(project.run) is RunStatus.FAILED


def test_a_gated_base_model_is_a_problem_of_access(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("gated")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.ACCESS
    assert "A01" in outcome.stderr
    assert "hf auth login" in outcome.stderr


@pytest.mark.parametrize(
    ("death", "problem_id", "reason"),
    [
        pytest.param("no_weights", "T03", "without writing an adapter", id="no weights"),
        pytest.param("interrupted", "T03", "without writing an adapter", id="ended by Ctrl-C"),
        pytest.param("zero_weights", "T03", "nothing was learned", id="zero weights"),
        pytest.param("nan_weights", "T03", "NaN or infinity", id="NaN weights"),
        pytest.param("truncated_weights", "T03", "cut short", id="truncated"),
        pytest.param("lost_picture", "T04", "2 of 2 pictures", id="no pictures"),
    ],
)
def test_exit_code_zero_is_not_success(
    tuner: Tuner,
    project: Project,
    death: str,
    problem_id: str,
    reason: str,
) -> None:
    project.trainer.dies(death, after_step=3)

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.TRAINER
    assert f"error {problem_id}" in outcome.stderr
    assert reason in outcome.stderr
    assert derive_status(project.run) is RunStatus.FAILED
    assert not project.run.manifest_path.exists()


def test_a_loss_that_is_no_number_does_not_hide_the_steps(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("nan_metrics")

    outcome = tuner(["train"])

    record = load_manifest(project.run).last("train")
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert record is not None
    assert record.summary["loss"] is None
    assert "NaN" not in project.run.manifest_path.read_text()


def test_the_recorded_command_repeats_the_training(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("quiet", after_step=3)
    tuner(["train"])
    attempt = project.run.attempts()[0]
    project.trainer.lives()

    command = attempt.command_path.read_text()
    done = subprocess.run(["/bin/sh", "-c", command], check=False)

    assert done.returncode == 0
    assert (project.run.checkpoints_dir / "pytorch_lora_weights.safetensors").is_file()
    seen = project.trainer.seen()["environment"]
    recorded = json.loads(attempt.environment_path.read_text())
    settings = {name for name in recorded if name.startswith(("CONFIG", "ACCEL", "TUNER", "HF_"))}
    assert settings <= seen.keys()
    assert shlex.split(command)[0] == "cd"


def _problem_lines(stderr: str) -> list[str]:
    lines = stderr.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("error"))
    return lines[start:]
