"""`tuner-kit check`: every mistake at once, as lines and as JSON."""

import json

import pytest
from project_files import Project, Tuner

from tuner_kit.errors import ExitCode


def test_a_sound_project_is_ready(tuner: Tuner, project: Project) -> None:
    outcome = tuner(["check"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert "ready to train: 3 images, 6 steps, each seen 2 times" in outcome.stderr
    assert "no image was decoded" not in outcome.stderr
    assert not project.run.dir.exists()


def test_five_mistakes_are_all_named(tuner: Tuner, project: Project) -> None:
    project.edit("rank: 2", "rnak: 2")
    project.edit("optimizer: torch-adamw", "optimizer: torch-adamm")
    project.edit("lr_scheduler: constant", "lr_scheduler: constantly")
    project.edit("base: embedded:tiny-sd3", "base: embedded:tiny-sd4")
    (project.photos_dir / "1.txt").unlink()

    outcome = tuner(["check"])

    found = [line.split()[1] for line in outcome.stderr.splitlines() if line.startswith("error")]
    assert outcome.exit_code == ExitCode.CONFIG
    assert sorted(found) == ["C04", "C06", "C10", "C23", "D03"]
    assert "did you mean" in outcome.stderr
    assert "5 to repair" in outcome.stderr
    assert "no image was decoded yet" in outcome.stderr
    assert "checking images" not in outcome.stderr


def test_findings_can_be_read_by_programs(tuner: Tuner, project: Project) -> None:
    (project.photos_dir / "1.txt").write_text(" ")
    (project.photos_dir / "2.txt").unlink()

    outcome = tuner(["check", "--json"])

    found = json.loads(outcome.stdout)["problems"]
    assert outcome.exit_code == ExitCode.DATASET
    assert [problem["id"] for problem in found if problem["severity"] == "error"] == ["D03", "D04"]
    assert all(problem["fix"] for problem in found)


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        pytest.param(["check", "missing.yaml"], ExitCode.CONFIG, id="no file"),
        pytest.param(["check", "photos"], ExitCode.CONFIG, id="a folder"),
        pytest.param(["check", "--jsn"], ExitCode.USAGE, id="unknown flag"),
        pytest.param(["chek"], ExitCode.USAGE, id="unknown command"),
        pytest.param([], ExitCode.USAGE, id="no command"),
        pytest.param(["--version"], ExitCode.OK, id="version"),
        pytest.param(["train", "--help"], ExitCode.OK, id="help"),
    ],
)
@pytest.mark.usefixtures("project")
def test_the_exit_code_tells_the_kind_of_problem(
    tuner: Tuner, words: list[str], exit_code: ExitCode
) -> None:
    outcome = tuner(words)

    assert outcome.exit_code == exit_code
    assert "Traceback" not in outcome.stderr


@pytest.mark.usefixtures("project")
def test_the_length_of_a_run_can_be_unknown(tuner: Tuner, project: Project) -> None:
    project.edit("max_train_steps: 6", "lr_warmup_steps: 0")

    outcome = tuner(["check"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "C08" in outcome.stderr
