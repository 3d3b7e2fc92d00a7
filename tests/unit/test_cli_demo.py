"""`tuner-kit demo`, as far as it goes with a trainer that fails."""

import shlex

from dataset_files import write_image
from project_files import Project, Tuner

from tuner_kit.config.load import load_config
from tuner_kit.errors import ExitCode


def test_a_demo_that_fails_says_so_and_leaves_its_configuration(
    tuner: Tuner, project: Project
) -> None:
    for number in range(16):
        folder = project.dir / "demo" / ("blueprint" if number % 2 else "plain")
        write_image(folder / f"{number}.png", size=(128, 128), caption="x")
    project.trainer.dies("cuda_memory")

    outcome = tuner(["demo"])

    assert outcome.exit_code == ExitCode.TRAINER
    assert "ready to train: 16 images" in outcome.stderr
    assert "the GPU ran out of memory" in outcome.stderr
    assert load_config(project.dir / "demo" / "tuner.yaml").problems == ()
    assert (project.dir / "runs" / "demo" / "training" / "attempt-01" / "command.txt").is_file()


def test_the_commands_that_a_demo_names_do_the_same(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("cuda_memory")
    said = tuner(["demo", "--runs-dir", "out/runs"]).stderr
    config_path = project.dir / "demo" / "tuner.yaml"
    written = config_path.read_text()
    config_path.unlink()

    init, check, train = commands_in(said)

    assert tuner(init).exit_code == ExitCode.OK
    assert config_path.read_text() == written
    assert tuner(check).exit_code == ExitCode.OK
    assert train == ["train", "demo/tuner.yaml"]


def test_a_second_demo_uses_the_pictures_again_and_replaces_the_rest(
    tuner: Tuner, project: Project
) -> None:
    project.trainer.dies("cuda_memory")
    tuner(["demo"])
    picture = project.dir / "demo" / "blueprint" / "01.png"
    drawn_at = picture.stat().st_mtime_ns
    evaluation_dir = project.dir / "runs" / "demo" / "evaluations"
    evaluation_dir.mkdir()

    again = tuner(["demo"])

    init, _, train = commands_in(again.stderr)
    assert "the GPU ran out of memory" in again.stderr
    assert picture.stat().st_mtime_ns == drawn_at
    assert not evaluation_dir.exists()
    assert init[-1] == train[-1] == "--force"


def commands_in(said: str) -> list[list[str]]:
    """Give the words of each command after `$ tuner-kit`."""
    lines = said.replace("\\\n", "").splitlines()
    commands = [line.partition("$ tuner-kit ")[2] for line in lines]
    return [shlex.split(command) for command in commands if command]
