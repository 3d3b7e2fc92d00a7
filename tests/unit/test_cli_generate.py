"""`tuner-kit generate`: what it refuses, and where its pictures go."""

import json
import shutil
from pathlib import Path

import pytest
from project_files import Project, Tuner

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.config.load import load_config
from tuner_kit.config.presets import preset_path
from tuner_kit.errors import ExitCode
from tuner_kit.runs.records import load_manifest

FAKE_PATH = Path(__file__).parents[1] / "fakes" / "fake_generate.py"


@pytest.fixture
def trained(finished: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A finished run, and a worker in torch's place; it is found in the folder it works in."""
    return put_fake_worker(finished, finished.run.logs_dir / "generate", monkeypatch)


def put_fake_worker(project: Project, workdir: Path, patch: pytest.MonkeyPatch) -> Project:
    package_dir = workdir / "fake_workers"
    package_dir.mkdir(parents=True)
    shutil.copy(FAKE_PATH, package_dir / "generate.py")
    patch.setattr("tuner_kit.process.worker.WORKER_PACKAGE", "fake_workers")
    return project


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "--prompt", id="no prompt"),
        pytest.param(["--prompt", "x", "--steps", "0"], "0 is not at least 1", id="no steps"),
        pytest.param(["--prompt", "x", "--steps", "two"], "two is not a whole number", id="text"),
        pytest.param(["--prompt", "x", "--seed", "-1"], "between 0 and 2^63", id="seed"),
        pytest.param(["--prompt", "x", "--guidance", "nan"], "not a finite", id="guidance NaN"),
        pytest.param(["--prompt", "x", "--guidance", "31"], "between 0 and 30", id="guidance"),
        pytest.param(["--prompt", "x", "--strength", "inf"], "not a finite", id="strength"),
        pytest.param(["--prompt", "x", "--strength", "half"], "half is not a number", id="words"),
    ],
)
@pytest.mark.usefixtures("project")
def test_values_that_can_not_be_are_usage_errors(tuner: Tuner, words: list[str], said: str) -> None:
    outcome = tuner(["generate", *words])

    assert outcome.exit_code == ExitCode.USAGE
    assert said in outcome.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "problem_id"),
    [
        pytest.param(["--run", "cat"], "R01", id="unknown run"),
        pytest.param(["--runs-dir", "runs"], "R04", id="a folder without runs"),
    ],
)
def test_a_run_must_be_there(tuner: Tuner, words: list[str], problem_id: str) -> None:
    outcome = tuner(["generate", "--prompt", "x", *words])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert problem_id in outcome.stderr


def test_a_run_must_be_finished(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("quiet", after_step=3)
    tuner(["train"])

    outcome = tuner(["generate", "--prompt", "x", "--run", "cats"])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "error R04" in outcome.stderr


def test_a_size_that_does_not_fit_the_model_is_corrected(tuner: Tuner, trained: Project) -> None:
    outcome = tuner(["generate", "--prompt", "x", "--width", "500", "--height", "10"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "use --width 496" in outcome.stderr
    assert "use --height 64" in outcome.stderr
    assert not trained.run.samples_dir.exists()


def test_another_picture_format_is_refused_before_anything_is_rendered(
    tuner: Tuner, trained: Project
) -> None:
    outcome = tuner(["generate", "--prompt", "x", "--output-path", "out.JPG"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "use --output-path out.png" in outcome.stderr
    assert not trained.run.samples_dir.exists()


def test_one_picture_is_named_itself(tuner: Tuner, trained: Project) -> None:
    outcome = tuner(["generate", "--prompt", "a cat", "--seed", "7"])

    picture = trained.run.samples_dir / "sample-001" / "01.png"
    result = json.loads(picture.with_name("result.json").read_text())
    record = load_manifest(trained.run).last("generate")
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert str(picture) in outcome.stdout
    assert picture.read_text() == "a cat 7 tuned"
    assert result["images"][0]["path"] == "01.png"
    assert record is not None
    assert record.outputs == (
        "samples/sample-001/sheet.png",
        "samples/sample-001/01.png",
    )


def test_the_run_decides_what_is_not_given(tuner: Tuner, trained: Project) -> None:
    tuner(["generate", "--prompt", "a cat", "--negative-prompt", "", "--steps", "3"])

    request = json.loads((trained.run.logs_dir / "generate" / "request.json").read_text())
    assert (request["width_px"], request["num_inference_steps"]) == (64, 3)
    assert request["guidance_scale"] == 4.0
    assert request["adapter_path"] == str(trained.run.adapter_path)


@pytest.mark.parametrize(
    ("output", "files"),
    [
        pytest.param("out.png", {"out.png"}, id="a file gets the sheet"),
        pytest.param(
            "out",
            {"out/01.png", "out/02.png", "out/03.png", "out/04.png", "out/sheet.png"},
            id="a folder gets all",
        ),
    ],
)
def test_pictures_are_copied_to_where_they_were_asked_for(
    tuner: Tuner, trained: Project, output: str, files: set[str]
) -> None:
    words = ["--prompt", "a", "--prompt", "b", "--compare", "--output-path", output]

    outcome = tuner(["generate", *words])

    copied = [*trained.dir.glob("*.png"), *trained.dir.glob("out/*")]
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert {path.relative_to(trained.dir).as_posix() for path in copied} == files


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        pytest.param("fail", "the base model is missing", id="repairable"),
        pytest.param("crash", "RuntimeError: a bug", id="bug"),
    ],
)
def test_pictures_of_a_call_that_failed_are_no_part_of_the_next(
    tuner: Tuner, trained: Project, prompt: str, said: str
) -> None:
    failed = tuner(["generate", "--prompt", prompt, "--prompt", "a", "--seed", "1", "--seed", "2"])
    (trained.run.samples_dir / "sample-001.partial" / "09.png").touch()

    outcome = tuner(["generate", "--prompt", "a cat"])

    sample_dir = trained.run.samples_dir / "sample-001"
    assert failed.exit_code == ExitCode.WORKER
    assert said in failed.stderr
    assert outcome.exit_code == ExitCode.OK
    assert sorted(path.name for path in sample_dir.iterdir()) == [
        "01.png",
        "result.json",
        "sheet.png",
    ]
    assert tuner(["generate", "--prompt", "b"]).stdout.count("sample-002") == 2


# ------------------------------------------------------------------ before any run


@pytest.fixture
def untrained(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """No run at all, and a worker in torch's place."""
    return put_fake_worker(project, project.dir / "samples" / "logs", monkeypatch)


def test_without_any_run_the_embedded_base_model_draws(tuner: Tuner, untrained: Project) -> None:
    outcome = tuner(["generate", "--prompt", "a red star", "--seed", "7"])

    samples_dir = untrained.dir / "samples"
    picture = samples_dir / "sample-001" / "01.png"
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert "no run yet" in outcome.stderr
    assert "tiny SD3" in outcome.stderr
    assert f"picture       {picture}\n" in outcome.stdout
    assert picture.read_text() == "a red star 7 base"
    assert names_in(picture.parent) == ["01.png", "result.json", "sheet.png"]
    assert names_in(samples_dir) == ["logs", "sample-001"]
    assert not (untrained.dir / "runs").exists()


def test_the_embedded_model_draws_with_the_settings_of_its_preset(
    tuner: Tuner, untrained: Project
) -> None:
    tuner(["generate", "--prompt", "x", "--negative-prompt", "gray", "--steps", "3"])

    preset = load_config(preset_path("tiny-lora")).config
    request = json.loads((untrained.dir / "samples/logs/request.json").read_text())
    assert request["base_model"] == str(embedded_model_dir("tiny-sd3"))
    assert request["adapter_path"] is None
    assert request["guidance_scale"] == preset.validation.guidance_scale
    assert request["width_px"] == request["height_px"] == preset.validation.resolution_px
    assert (request["negative_prompt"], request["num_inference_steps"]) == ("gray", 3)


def test_pictures_of_the_embedded_model_are_counted_and_copied_too(
    tuner: Tuner, untrained: Project
) -> None:
    failed = tuner(["generate", "--prompt", "fail", "--prompt", "a"])
    first = tuner(["generate", "--prompt", "a"])
    second = tuner(["generate", "--prompt", "b", "--output-path", "out.png"])

    assert failed.exit_code == ExitCode.WORKER
    assert "sample-001" in first.stdout
    assert "sample-002" in second.stdout
    assert (untrained.dir / "out.png").read_text() == "b 42 base"
    assert names_in(untrained.dir / "samples") == ["logs", "sample-001", "sample-002"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--compare"], "leave --compare out", id="comparison"),
        pytest.param(["--strength", "0.5"], "leave --strength out", id="strength"),
        pytest.param(["--width", "100"], "use --width 96", id="size"),
        pytest.param(["--output-path", "x.jpg"], "use --output-path x.png", id="format"),
    ],
)
@pytest.mark.usefixtures("untrained")
def test_what_the_embedded_model_can_not_draw_is_refused(
    tuner: Tuner, project: Project, words: list[str], said: str
) -> None:
    outcome = tuner(["generate", "--prompt", "x", *words])

    assert outcome.exit_code == ExitCode.CONFIG
    assert said in outcome.stderr
    assert names_in(project.dir / "samples") == ["logs"]


def test_with_an_unfinished_run_nothing_else_draws(tuner: Tuner, project: Project) -> None:
    project.trainer.dies("quiet", after_step=3)
    tuner(["train"])

    outcome = tuner(["generate", "--prompt", "x"])

    assert outcome.exit_code == ExitCode.RUN_STATE
    assert "error R04" in outcome.stderr
    assert not (project.dir / "samples").exists()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("method", ["lokr", "full"])
def test_the_worker_is_told_what_was_trained(tuner: Tuner, trained: Project, method: str) -> None:
    run = trained.run
    text = run.config_path.read_text("utf-8").replace("method: lora", f"method: {method}")
    run.config_path.write_text(text.replace("family: sd3", "family: sd1x"), "utf-8")
    weights = run.adapter_path.rename(run.adapter_path.with_name("weights"))
    result = run.lokr_path if method == "lokr" else run.pipeline_dir
    if method == "full":
        (result / "unet").mkdir(parents=True)
        (result / "model_index.json").write_text("{}")
    weights.rename(result / "unet/x.safetensors" if method == "full" else result)

    outcome = tuner(["generate", "--prompt", "a cat"])

    request = json.loads((run.logs_dir / "generate" / "request.json").read_text())
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert (request["family"], request["method"]) == ("sd1x", method)
    assert request["adapter_path"] == str(result)
