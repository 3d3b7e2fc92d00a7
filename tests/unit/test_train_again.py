"""The same command again: continue, refuse, or start over."""

import json

import pytest
from project_files import Project, Tuner

from tuner_kit.errors import ExitCode
from tuner_kit.runs.lock import hold_lock
from tuner_kit.runs.status import RunStatus, derive_status


def test_a_killed_run_continues_from_its_newest_checkpoint(tuner: Tuner, killed: Project) -> None:
    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert "continued from step 4" in outcome.stderr
    assert _trained_steps(killed) == [1, 2, 3, 4, 5, 5, 6]
    assert [attempt.dir.name for attempt in killed.run.attempts()] == [
        "attempt-01",
        "attempt-02",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("no guard", id="crashed while saving"),
        pytest.param("counter", id="unreadable step counter"),
        pytest.param("optimizer.bin", id="truncated optimizer"),
        pytest.param("pytorch_lora_weights.safetensors", id="truncated weights"),
        pytest.param("lost", id="a file is missing"),
    ],
)
def test_a_damaged_checkpoint_is_set_aside(tuner: Tuner, killed: Project, damage: str) -> None:
    _damage(killed, damage)
    killed.trainer.dies("quiet", after_step=3)

    tuner(["train"])

    assert killed.checkpoint_names() == ["aside-checkpoint-4", "checkpoint-2"]
    assert _trained_steps(killed)[-1] == 3  # from 2, not from 4


def test_a_second_damaged_checkpoint_of_the_same_step_takes_the_place_of_the_first(
    tuner: Tuner, killed: Project
) -> None:
    killed.trainer.dies("quiet", after_step=5)
    for _ in range(2):
        _damage(killed, "no guard")
        tuner(["train"])

    assert "aside-checkpoint-4" in killed.checkpoint_names()


def test_a_checkpoint_of_the_last_step_is_set_aside(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("no_weights")
    tuner(["train"])
    project.trainer.dies("quiet", after_step=5)

    outcome = tuner(["train"])

    assert project.checkpoint_names() == ["aside-checkpoint-6", "checkpoint-2", "checkpoint-4"]
    assert "stopped at step 5 of 6" in outcome.stderr


def test_results_of_an_earlier_attempt_do_not_pass_for_new_ones(
    tuner: Tuner, project: Project
) -> None:
    project.trainer.dies("zero_weights")
    tuner(["train"])
    project.edit("max_train_steps: 6", "max_train_steps: 6\n  learning_rate: 2e-3")
    project.trainer.dies("no_weights")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.TRAINER
    assert "without writing an adapter" in outcome.stderr


def test_weights_that_failed_are_trained_again_with_another_learning_rate(
    tuner: Tuner, project: Project
) -> None:
    project.trainer.dies("zero_weights")
    tuner(["train"])
    project.edit("max_train_steps: 6", "max_train_steps: 6\n  learning_rate: 2e-3")
    project.trainer.lives()

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert "continued from step 4" in outcome.stderr


def test_training_is_not_repeated_where_only_its_verification_was_missing(
    tuner: Tuner, project: Project
) -> None:
    base_weights = project.copy_base_model() / "transformer/diffusion_pytorch_model.safetensors"
    content = base_weights.read_bytes()
    base_weights.write_bytes(content[:20])
    assert tuner(["train"]).exit_code == ExitCode.TRAINER
    base_weights.write_bytes(content)
    project.trainer.dies("quiet")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert _trained_steps(project) == [1, 2, 3, 4, 5, 6]


def test_a_finished_run_is_kept_until_force_replaces_it(tuner: Tuner, finished: Project) -> None:
    before = finished.run.manifest_path.read_bytes()
    finished.trainer.dies("quiet", after_step=1)

    refused = tuner(["train"])
    unchanged = finished.run.manifest_path.read_bytes()
    tuner(["train", "--force"])

    assert refused.exit_code == ExitCode.RUN_STATE
    assert "error R02" in refused.stderr
    assert unchanged == before
    assert not finished.run.manifest_path.exists()
    assert _trained_steps(finished) == [1]
    assert derive_status(finished.run) is RunStatus.FAILED


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("rank: 2", "rank: 4", "lora.rank", id="rank"),
        pytest.param("rank: 2", "rank: 2\n  alpha: 4", "lora.alpha", id="alpha"),
        pytest.param("torch-adamw", "prodigy", "training.optimizer", id="optimizer"),
        pytest.param("training:", "training:\n  method: lokr", "training.method", id="method"),
        pytest.param("lora:", "hardware: {num_gpus: 2}\nlora:", "hardware.num_gpus", id="GPUs"),
    ],
)
def test_a_checkpoint_is_not_continued_with_another_adapter(
    tuner: Tuner, killed: Project, *, old: str, new: str, named: str
) -> None:
    killed.edit(old, new)

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "error R05" in outcome.stderr
    assert named in outcome.stderr


def test_a_checkpoint_is_not_continued_on_another_base_model(tuner: Tuner, killed: Project) -> None:
    killed.copy_base_model()

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "error R05" in outcome.stderr
    assert "model.base" in outcome.stderr


def test_two_processes_do_not_train_the_same_run(tuner: Tuner, project: Project) -> None:
    with hold_lock(project.run):
        outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "error R03" in outcome.stderr
    assert project.run.attempts() == ()


def _trained_steps(project: Project) -> list[int]:
    lines = project.run.metrics_path.read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry["step"] for entry in entries if "train_loss" in entry["metrics"]]


def _damage(project: Project, damage: str) -> None:
    folder = project.run.checkpoints_dir / "checkpoint-4"
    match damage:
        case "no guard":
            (folder / ".guard").unlink()
        case "counter":
            (folder / "training_state.json").write_text("")
        case "lost":
            (folder / "random_states_0.pkl").unlink()
        case name:
            (folder / name).write_bytes((folder / name).read_bytes()[:-4])
