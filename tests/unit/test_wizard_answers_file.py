"""`--answers FILE` and `--yes`: a tuner.yaml without a question, or every mistake at once."""

import io
import json
from pathlib import Path

import pytest
from dataset_files import write_image
from project_files import Project, Tuner

from tuner_kit.config.load import load_config
from tuner_kit.config.load_answers import load_answers
from tuner_kit.errors import ConfigError, ExitCode

RIGHT = {
    "data": "photos",
    "purpose": "subject",
    "trigger_word": "sks",
    "base": "embedded:tiny-sd3",
    "prompts": ["sks in the rain"],
    "name": "from-a-file",
}

THREE_MISTAKES = """\
# answers
data: photos
pupose: style
views_per_image: many
name: no good
"""


def write_json(path: Path, answers: object) -> Path:
    path.write_text(json.dumps(answers, indent="\t"))
    return path


@pytest.mark.parametrize("name", ["answers.json", "answers.yaml"])
def test_a_file_answers_everything(tuner: Tuner, project: Project, name: str) -> None:
    path = project.dir / name
    path.write_text(json.dumps(RIGHT))

    outcome = tuner(["init", "--answers", name, "--yes", "--output", "new.yaml"])

    config = load_config(project.dir / "new.yaml").config
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert config.name == "from-a-file"
    assert config.datasets[0].trigger_word == "sks"
    assert config.validation.prompts == ("sks in the rain",)


def test_options_win_over_the_file(tuner: Tuner, project: Project) -> None:
    write_json(project.dir / "answers.json", RIGHT)
    words = ["--answers", "answers.json", "--yes", "--name", "mine", "--output", "new.yaml"]

    outcome = tuner(["init", *words])

    config = load_config(project.dir / "new.yaml").config
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert (config.name, config.datasets[0].trigger_word) == ("mine", "sks")


def test_three_mistakes_are_named_at_once_with_their_lines(tuner: Tuner, project: Project) -> None:
    (project.dir / "answers.yaml").write_text(THREE_MISTAKES)

    outcome = tuner(["init", "--answers", "answers.yaml", "--yes", "--output", "new.yaml"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "did you mean purpose?" in outcome.stderr
    for line, name in ((3, "pupose"), (4, "views_per_image"), (5, "name")):
        assert f"answers.yaml:{line}  {name}" in outcome.stderr
    assert not (project.dir / "new.yaml").exists()


@pytest.mark.parametrize(
    ("text", "ids", "said"),
    [
        pytest.param("layout: textfiles\n", ["C06"], "text-files", id="layout"),
        pytest.param("data: a\ndata: b\n", ["C03"], "twice", id="twice"),
        pytest.param("purpose: [\n", ["C02"], "not valid", id="syntax"),
        pytest.param("- data\n", ["C05"], "key: value", id="list"),
        pytest.param("method: lorra\n", ["C06"], "did you mean lora", id="choice"),
        pytest.param("hub_model_id: cats\n", ["C06"], "user/name", id="hub"),
        pytest.param("num_gpus: 0\n", ["C06"], "at least 1", id="range"),
        pytest.param("prompts: a cat\n", ["C05"], "a list", id="list wanted"),
    ],
)
def test_a_wrong_file_says_what_to_write_instead(
    tmp_path: Path, text: str, ids: list[str], said: str
) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_answers(path)

    problems = caught.value.problems
    assert [problem.id for problem in problems] == ids
    assert said in f"{problems[0].what} {problems[0].fix}"


@pytest.mark.parametrize(
    "content", [None, b"\xff\xfe\x00", b"x" * 1_000_001], ids=["missing", "binary", "too large"]
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "answers.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_answers(path)

    assert [problem.id for problem in caught.value.problems] == ["C01"]


def test_an_empty_file_answers_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text("# nothing yet\n")

    assert load_answers(path).model_fields_set == set()


def test_contradictions_are_all_named(tuner: Tuner, project: Project) -> None:
    write_image(project.dir / "dogs" / "a.png", caption="a dog")
    answers = RIGHT | {"class_images": "dogs", "gpu": "abacus", "base": "cats/unknown"}
    write_json(project.dir / "answers.json", answers)

    outcome = tuner(["init", "--answers", "answers.json", "--yes", "--output", "new.yaml"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "Class images are only used by DreamBooth" in outcome.stderr
    assert "no GPU called abacus" in outcome.stderr
    assert "cats/unknown" in outcome.stderr
    assert not (project.dir / "new.yaml").exists()


def test_a_folder_that_fits_two_layouts_wants_one_named(tuner: Tuner, project: Project) -> None:
    name = next(project.photos_dir.glob("*.png")).name
    (project.photos_dir / "metadata.jsonl").write_text(
        json.dumps({"file_name": name, "text": "from the table"}) + "\n"
    )

    unnamed = tuner(["init", "--data", "photos", "--yes", "--output", "new.yaml"])
    named = tuner(
        ["init", "--data", "photos", "--yes", "--output", "new.yaml", "--layout", "text-files"]
    )

    assert unnamed.exit_code == ExitCode.DATASET
    assert "--layout" in unnamed.stderr
    assert named.exit_code == ExitCode.OK, named.stderr


def test_suggestions_fill_in_what_is_not_given(tuner: Tuner, project: Project) -> None:
    write_image(project.photos_dir / "lone.png")
    words = ["--data", "photos", "--purpose", "subject", "--gpu", "12 GB", "--output", "new.yaml"]

    outcome = tuner(["init", "--yes", *words])

    config = load_config(project.dir / "new.yaml").config
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert config.datasets[0].fallback_caption == "a photo of ohwx"
    assert config.model.base == "stabilityai/stable-diffusion-3.5-medium"
    assert config.hardware.gpu == "12 GB"


def test_a_pipe_answers_like_a_plain_terminal(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("2\nsks\n" + "\n" * 20))
    words = ["--data", "photos", "--base", "embedded:tiny-sd3", "--output", "new.yaml"]

    outcome = tuner(["init", *words])

    config = load_config(project.dir / "new.yaml").config
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert config.datasets[0].trigger_word == "sks"


def test_changing_nothing_leaves_every_byte(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.config_path.read_bytes()
    monkeypatch.setattr("sys.stdin", io.StringIO("change it\nwrite it\n"))

    outcome = tuner(["init"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert project.config_path.read_bytes() == before


def test_a_file_with_mistakes_is_to_be_repaired_first(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("max_train_steps: 6", "max_train_stepz: 6")
    monkeypatch.setattr("sys.stdin", io.StringIO("change it\n"))

    outcome = tuner(["init"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "did you mean max_train_steps?" in outcome.stderr


def test_the_way_back_names_another_file(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("style\n"))

    outcome = tuner(["init", "--data", "photos", "--output", "my new.yaml"])

    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert "kept; `tuner-kit init --output 'my new.yaml'` goes on from here" in outcome.stderr
    assert (project.dir / ".my new-draft.json").exists()


def test_with_nobody_to_ask_it_says_what_to_add(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)

    outcome = tuner(["init", "--output", "new.yaml"])

    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert "--yes" in outcome.stderr
    assert sorted(path.name for path in project.dir.iterdir()) == ["photos", "tuner.yaml"]
