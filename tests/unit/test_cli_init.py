"""`tuner-kit init --yes`: flags become a tuner.yaml that is right."""

from pathlib import Path

import pytest
from dataset_files import write_image
from project_files import Project, Tuner

from tuner_kit.config.load import load_config
from tuner_kit.errors import ExitCode


def init(tuner: Tuner, *words: str) -> tuple[int, str]:
    outcome = tuner(["init", "--yes", *words])
    assert "Traceback" not in outcome.stderr
    return outcome.exit_code, outcome.stderr


def test_the_written_file_is_right_and_keeps_the_comments(tuner: Tuner, project: Project) -> None:
    project.config_path.unlink()
    flags = ["--preset", "tiny-lora", "--trigger", "no", "--caption", "a: [photo]"]

    exit_code, stderr = init(tuner, "--data", "photos", *flags)

    file = load_config(project.config_path)
    text = project.config_path.read_text()
    assert exit_code == ExitCode.OK, stderr
    assert "next: tuner-kit check tuner.yaml" in stderr
    assert file.problems == ()
    assert file.config.name == "photos"
    assert file.config.datasets[0].trigger_word == "no"
    assert file.config.datasets[0].fallback_caption == "a: [photo]"
    assert file.config.validation.prompts == ("no, photograph number 0", "no, photograph number 1")
    assert "# give epochs or max_train_steps" in text
    assert "path: photos " in text


def test_plain_images_are_a_second_dataset_without_the_word(tuner: Tuner, project: Project) -> None:
    project.config_path.unlink()
    write_image(project.dir / "plain" / "a.png", caption="a dog")
    flags = ["--preset", "tiny-lora", "--trigger", "sks", "--plain", "plain", "--runs-dir", "out"]

    exit_code, stderr = init(tuner, "--data", "photos", "--output", "conf/new.yaml", *flags)

    config = load_config(project.dir / "conf" / "new.yaml").config
    assert exit_code == ExitCode.OK, stderr
    assert [(dataset.path.name, dataset.trigger_word) for dataset in config.datasets] == [
        ("photos", "sks"),
        ("plain", None),
    ]
    assert {dataset.resolution_px for dataset in config.datasets} == {128}
    assert config.validation.prompts[0].startswith("sks, ")
    assert config.paths.runs_dir == Path("../out")


def test_a_folder_elsewhere_is_named_by_its_whole_path(
    tuner: Tuner, project: Project, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere" / "My holiday, 2024!"
    write_image(elsewhere / "a.png", caption="a beach")

    exit_code, stderr = init(
        tuner, "--data", str(elsewhere), "--output", "conf/new.yaml", "--preset", "tiny-lora"
    )

    config = load_config(project.dir / "conf" / "new.yaml").config
    assert exit_code == ExitCode.OK, stderr
    assert config.datasets[0].path == elsewhere
    assert config.name == "My-holiday-2024"


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        pytest.param([], ExitCode.CONFIG, "add --data DIR", id="no folder given"),
        pytest.param(["--data", "fotos"], ExitCode.DATASET, "D01", id="missing folder"),
        pytest.param(["--data", "empty"], ExitCode.DATASET, "D02", id="empty folder"),
        pytest.param(
            ["--data", "photos", "--plain", "empty"], ExitCode.DATASET, "D02", id="empty plain"
        ),
        pytest.param(
            ["--data", "photos", "--preset", "sd35-medium-lora"],
            ExitCode.CONFIG,
            "did you mean sd3.5-medium-lora",
            id="unknown preset",
        ),
        pytest.param(["--data", "photos", "--name", "a b"], ExitCode.CONFIG, "C06", id="name"),
        pytest.param(["--data", "photos", "--caption", ""], ExitCode.CONFIG, "C06", id="caption"),
    ],
)
def test_a_wrong_answer_leaves_no_file(
    tuner: Tuner, project: Project, words: list[str], exit_code: ExitCode, said: str
) -> None:
    project.config_path.unlink()
    (project.dir / "empty").mkdir()

    found, stderr = init(tuner, *words)

    assert found == exit_code
    assert said in stderr
    assert not project.config_path.exists()


def test_an_existing_file_is_kept_until_force(tuner: Tuner, project: Project) -> None:
    before = project.config_path.read_text()

    refused, stderr = init(tuner, "--data", "photos")
    unchanged = project.config_path.read_text()
    replaced, _ = init(tuner, "--data", "photos", "--force", "--name", "new")

    assert refused == ExitCode.RUN_STATE
    assert "error R02" in stderr
    assert unchanged == before
    assert replaced == ExitCode.OK
    assert load_config(project.config_path).config.name == "new"


def test_a_wrong_answer_does_not_cost_the_existing_file(tuner: Tuner, project: Project) -> None:
    before = project.config_path.read_text()

    exit_code, _ = init(tuner, "--data", "photos", "--force", "--name", "a b")

    assert exit_code == ExitCode.CONFIG
    assert project.config_path.read_text() == before


def test_images_without_caption_leave_the_prompts_empty(tuner: Tuner, project: Project) -> None:
    for path in project.photos_dir.glob("*.txt"):
        path.unlink()

    exit_code, stderr = init(tuner, "--data", "photos", "--force")

    assert exit_code == ExitCode.OK, stderr
    assert load_config(project.config_path).config.validation.prompts == ()
