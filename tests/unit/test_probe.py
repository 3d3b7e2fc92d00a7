"""Two measured steps with the fake trainer: what it is given, how it may end, what is left."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from dataset_files import write_photo
from pixel_looking import remember_pixels
from probing import install_gpu, kept_files, kept_record, needs_driver, remains_of_run
from project_files import Project, Tuner, write_wrapper

from tuner_kit.errors import ExitCode
from tuner_kit.planning.memory import Phase
from tuner_kit.process.environment import cache_dir
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock

_TIMEOUT_S = 20.0


def test_planned_and_measured_memory_stand_side_by_side(tuner: Tuner, project: Project) -> None:
    outcome = tuner(["check", "--probe"])

    rows = {line.split()[0]: line for line in outcome.stdout.splitlines()}
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert rows["captions"].rstrip().endswith("1.0 GiB")
    assert rows["saving"].rstrip().endswith("1.6 GiB")
    assert rows["loading"].count("GiB") == 2
    assert "0.5 s" in rows["one"]
    assert "GPU memory" not in outcome.stdout
    assert remains_of_run(project) == []
    assert kept_files() == ["record.json"]


@pytest.mark.usefixtures("project")
def test_the_second_step_counts(tuner: Tuner) -> None:
    tuner(["check", "--probe"])

    record = kept_record()
    assert record.seconds_per_step == 0.5
    assert record.startup_seconds == 3.0
    assert record.ran_out is None
    assert [found.phase for found in record.phases] == list(Phase)


@pytest.mark.usefixtures("project")
def test_the_result_can_be_read_by_programs(tuner: Tuner) -> None:
    outcome = tuner(["check", "--probe", "--json"])

    assert json.loads(outcome.stdout)["phases"][0]["phase"] == "captions"


def test_the_trainer_gets_two_short_steps_that_tell_nobody(tuner: Tuner, project: Project) -> None:
    project.edit("max_train_steps: 6", "epochs: 50")
    project.config_path.write_text(
        project.config_path.read_text() + "tracking: {tracker: tensorboard}\n"
        "simpletuner: {post_checkpoint_script: /bin/false, vae_enable_tiling: true}\n"
    )

    outcome = tuner(["check", "--probe"])

    options = project.trainer.seen()["options"]
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert options["max_train_steps"] == options["checkpoint_step_interval"] == 2
    assert options["validation_num_inference_steps"] == 2
    assert options["validation_step_interval"] > 2  # the last step is validated in any case
    assert options["validation_resolution"] == "64x64"
    assert options["report_to"] == "simpletuner"
    assert options["vae_enable_tiling"] is True
    assert "post_checkpoint_script" not in options


def test_only_images_that_one_step_needs_are_prepared(tuner: Tuner, project: Project) -> None:
    project.edit("max_train_steps: 6", "max_train_steps: 6\n  train_batch_size: 2")

    tuner(["check", "--probe"])

    (images,) = project.trainer.seen()["images"]
    assert len([name for name in images["names"] if name.endswith(".png")]) == 2
    assert images["repeats"] == 0


def test_few_images_are_repeated_until_the_trainer_accepts_them(
    tuner: Tuner, project: Project
) -> None:
    project.edit("max_train_steps: 6", "max_train_steps: 6\n  train_batch_size: 8")
    project.edit("resolution_px: 64\nlora", "resolution_px: 64\n    repeats: 9\nlora")

    outcome = tuner(["check", "--probe"])

    (images,) = project.trainer.seen()["images"]
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert len([name for name in images["names"] if name.endswith(".png")]) == 3
    assert images["repeats"] == 2


def test_the_largest_shape_is_measured(tuner: Tuner, project: Project) -> None:
    project.edit("resolution_px: 64\nlora", "resolution_px: 128\n    crop: none\nlora")
    for number, size in enumerate(((600, 200), (300, 300), (200, 420))):
        write_photo(project.photos_dir / f"{number}.png", number, size=size)
    remember_pixels(project.photos_dir)

    outcome = tuner(["check", "--probe"])

    (images,) = project.trainer.seen()["images"]
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    # 192 x 64, 128 x 128 and 64 x 192 px: the square has most pixels.
    assert [name.split("-")[1] for name in images["names"]] == ["1.png", "1.txt"]


@needs_driver
def test_gpu_memory_that_runs_out_is_a_result(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_gpu(project, monkeypatch, "NVIDIA L4, 23034, 570.1, 8.9")
    project.trainer.holds(20.0, "cuda_memory", after_step=1)

    outcome = tuner(["check", "--probe"])

    record = kept_record()
    assert outcome.exit_code == ExitCode.MACHINE
    assert "GPU memory ran out while a step was trained" in outcome.stderr
    assert "20.9 GiB, then ran out" in outcome.stdout
    assert "not reached" in outcome.stdout
    assert record.ran_out is not None
    assert (record.ran_out.phase, record.ran_out.memory) == (Phase.TRAINING, "GPU memory")
    assert record.seconds_per_step is None
    assert record.device == "NVIDIA L4"
    assert record.device_memory_gib == pytest.approx(22.49, abs=0.01)
    assert kept_files() == ["record.json"]


def test_memory_that_runs_out_before_the_first_phase_is_a_result(
    tuner: Tuner, project: Project
) -> None:
    project.trainer.dies("cuda_memory")

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.MACHINE
    assert "ran out while the base model was loaded" in outcome.stderr


def test_a_trainer_that_the_kernel_kills_had_too_little_ram(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("killed", after_step=1)

    outcome = tuner(["check", "--probe"])

    record = kept_record()
    assert outcome.exit_code == ExitCode.MACHINE
    assert "RAM ran out while a step was trained" in outcome.stderr
    assert record.ran_out is not None
    assert record.ran_out.memory == "RAM"
    assert record.phases[-1].phase is Phase.TRAINING
    assert record.phases[-1].ram_gib > 0  # as the kernel counted it for the dead process


@needs_driver
def test_a_validation_that_ran_out_of_memory_does_not_pass_for_success(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_gpu(project, monkeypatch, "NVIDIA L4, 23034, 570.1, 8.9")
    project.trainer.holds(20.0, "validation_memory")

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.MACHINE
    assert "ran out while a picture was drawn" in outcome.stderr


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        pytest.param("nan_loss", "NaN or infinite", id="NaN loss"),
        pytest.param("quiet", "exit code 1", id="without a word"),
        pytest.param("interrupted", "did 1 of 2 steps", id="exit code 0 too early"),
    ],
)
def test_another_failure_is_explained_and_its_log_is_kept(
    tuner: Tuner, project: Project, death: str, reason: str
) -> None:
    project.trainer.dies(death, after_step=1)

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.TRAINER
    assert "error T01" in outcome.stderr
    assert reason in outcome.stderr
    assert kept_files() == ["trainer.log"]
    assert "trainer.log" in outcome.stderr


def test_a_trainer_that_ends_too_early_was_not_measured(tuner: Tuner, project: Project) -> None:
    project.edit("prompts: [a cat, a dog]", "prompts: []")
    project.trainer.dies("interrupted", after_step=1)  # with exit code 0, as upstream does

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.TRAINER
    assert "did 1 of 2 steps" in outcome.stderr


def test_pictures_that_are_missing_are_no_measurement(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("lost_picture")

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.TRAINER
    assert "picture" in outcome.stderr


def test_a_wrong_configuration_is_not_measured(tuner: Tuner, project: Project) -> None:
    project.edit("rank: 2", "rank: 0")

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert not project.trainer.scenario_path.with_name("seen.json").exists()


@needs_driver
def test_too_small_a_gpu_is_measured_all_the_same(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_gpu(project, monkeypatch, "Tiny, 100, 570.1, 8.9")
    project.trainer.holds(0.05)

    planned = tuner(["check"])
    outcome = tuner(["check", "--probe"])

    assert "M05" in planned.stderr
    assert outcome.exit_code == ExitCode.OK, outcome.stderr


@pytest.mark.parametrize(
    "words",
    [["config.json"], ["--data", "photos"]],
    ids=["a file of SimpleTuner", "a folder of images"],
)
@pytest.mark.usefixtures("project")
def test_only_a_tuner_yaml_can_be_measured(tuner: Tuner, words: list[str]) -> None:
    outcome = tuner(["check", "--probe", *words])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "tuner-kit check --probe tuner.yaml" in outcome.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_probe_leaves_nothing(project: Project, number: signal.Signals) -> None:
    project.trainer.dies("hangs", after_step=1)
    command = [*write_wrapper(project.dir, project.trainer), "check", "--probe"]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=project.dir
    ) as child:
        try:
            _wait_for(child, lambda: list(cache_dir().rglob("training_metrics.jsonl")))
            child.send_signal(number)
            _, stderr = child.communicate(timeout=_TIMEOUT_S)
        finally:
            child.kill()

    assert child.returncode == ExitCode.INTERRUPTED, stderr
    assert list((cache_dir() / "probes").iterdir()) == []
    assert remains_of_run(project) == []
    assert not psutil.pid_exists(project.trainer.seen()["pid"])


def test_a_probe_begins_without_what_a_killed_one_left(tuner: Tuner, project: Project) -> None:
    """Cached images would not be encoded again, and so not be measured."""
    tuner(["check", "--probe"])
    (record_path,) = cache_dir().glob("probes/*/record.json")
    left = record_path.with_name("run") / "training" / "attempt-01" / "memory.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")

    outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert Path(project.trainer.seen()["workdir"]).name == "attempt-01"
    assert kept_files() == ["record.json"]


@pytest.mark.usefixtures("project")
def test_settings_are_measured_by_one_process_at_a_time(tuner: Tuner) -> None:
    tuner(["check", "--probe"])
    (record_path,) = cache_dir().glob("probes/*/record.json")

    with hold_lock(Run(record_path.with_name("run"))):
        outcome = tuner(["check", "--probe"])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "another process is measuring these settings" in outcome.stderr


def test_nothing_is_written_among_the_images(tuner: Tuner, project: Project) -> None:
    def listing() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in project.photos_dir.iterdir()}

    before = listing()

    tuner(["check", "--probe"])

    assert listing() == before


def _wait_for(child: "subprocess.Popen[str]", find: Callable[[], object]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not find():
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.02)
