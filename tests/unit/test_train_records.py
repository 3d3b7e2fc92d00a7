"""What a training leaves: nothing private, nothing of other runs, the data untouched."""

import json
import os
from pathlib import Path

import pytest
from project_files import EDGE, LAYER, Project, Tuner
from safetensors import safe_open

from tuner_kit.errors import ExitCode

TOKEN = "hf_secretsecretsecret"  # noqa: S105 - none


def test_the_dataset_is_read_and_never_written(tuner: Tuner, project: Project) -> None:
    before = _state_of(project.photos_dir)
    project.trainer.dies("quiet", after_step=3)

    tuner(["train"])

    assert _state_of(project.photos_dir) == before


def test_the_trainer_gets_a_clean_environment_and_the_token(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    leftovers = ("SIMPLETUNER_LOG_LEVEL", "CONFIG_TYPE", "ENV", "ACCELERATE_USE_FSDP", "PYTHONPATH")
    for name in (*leftovers, "CONFIG_PATH"):
        monkeypatch.setenv(name, "leftover")
    project.trainer.dies("quiet")

    tuner(["train"])

    seen = project.trainer.seen()["environment"]
    assert seen["HF_TOKEN"] == TOKEN
    assert not seen.keys() & set(leftovers)
    assert seen["CONFIG_PATH"] == str(project.run.attempts()[0].dir / "config")
    assert seen["HF_HUB_OFFLINE"] == "1"


def test_no_file_of_a_run_holds_the_token_or_the_home_folder(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("XDG_DATA_HOME", str(project.dir.parent / "data"))
    monkeypatch.setenv("WANDB_API_KEY", TOKEN)
    project.trainer.dies("quiet", after_step=3)

    tuner(["train"])

    files = [path for path in project.run.dir.rglob("*") if path.is_file()]
    environment_path = project.run.attempts()[0].environment_path
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert str(project.dir.parent) not in environment_path.read_text()
    assert json.loads(environment_path.read_text())["XDG_DATA_HOME"] == "~/data"
    assert str(project.dir) not in project.run.config_path.read_text()


def test_alpha_is_folded_into_the_adapter(tuner: Tuner, project: Project) -> None:
    project.edit("rank: 2", "rank: 2\n  alpha: 4")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    with safe_open(project.run.adapter_path, framework="numpy") as adapter:
        update = adapter.get_tensor(f"transformer.{LAYER}.lora_B.weight")
    assert update.tolist() == [[0.25 * 4 / 2] * 2] * EDGE


def test_a_base_model_in_a_folder_is_named_relative_to_the_run(
    tuner: Tuner, project: Project
) -> None:
    base_dir = project.copy_base_model()
    project.trainer.dies("quiet", after_step=5)

    tuner(["train"])
    again = tuner(["train"])

    options = json.loads(project.run.attempts()[0].config_path.read_text())
    assert options["pretrained_model_name_or_path"] == str(base_dir)
    assert "base: ../../base" in project.run.config_path.read_text()
    assert again.exit_code == ExitCode.TRAINER  # and not R05: it is the same base model


@pytest.mark.parametrize(
    ("name", "runs_dir"),
    [
        pytest.param("cats", "photos", id="run inside the images"),
        pytest.param("project", "..", id="images inside the run"),
        pytest.param("photos", ".", id="the same folder"),
    ],
)
def test_a_run_and_its_images_must_be_apart(
    tuner: Tuner, project: Project, name: str, runs_dir: str
) -> None:
    project.edit("name: cats", f"name: {name}\npaths: {{runs_dir: {runs_dir}}}")
    before = _state_of(project.photos_dir)

    outcome = tuner(["train", "--force"])

    assert outcome.exit_code == ExitCode.DATASET
    assert "D13" in outcome.stderr
    assert _state_of(project.photos_dir) == before


def test_force_removes_nothing_but_what_runs_are_made_of(tuner: Tuner, project: Project) -> None:
    precious = project.run.dir / "thesis.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("years of work")
    sample = project.run.samples_dir / "sample-001" / "image.png"
    sample.parent.mkdir(parents=True)
    sample.touch()
    project.trainer.dies("quiet")

    tuner(["train", "--force"])

    assert precious.read_text() == "years of work"
    assert not sample.exists()


def test_a_folder_of_runs_that_can_not_be_made_is_explained(tuner: Tuner, project: Project) -> None:
    (project.dir / "runs").write_text("a file")

    outcome = tuner(["train"])

    assert outcome.exit_code == ExitCode.MACHINE
    assert "error M04" in outcome.stderr


def _state_of(folder: Path) -> dict[str, tuple[bytes | None, int]]:
    paths = [folder, *folder.rglob("*")]
    return {
        os.fspath(path): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in paths
    }
