"""`tuner-kit runs` and `tuner-kit doctor`: what there is."""

import json
from importlib.metadata import PackageNotFoundError

import pytest
from project_files import Project, Tuner

from tuner_kit.errors import ExitCode
from tuner_kit.stages import doctor

TOKEN = "hf_secretsecretsecret"  # noqa: S105 - none


@pytest.mark.usefixtures("project")
def test_no_runs_are_no_error(tuner: Tuner) -> None:
    outcome = tuner(["runs"])

    assert outcome.exit_code == ExitCode.OK
    assert outcome.stdout == ""
    assert "no runs in runs" in outcome.stderr


@pytest.mark.usefixtures("project")
def test_no_runs_are_an_empty_list_for_programs(tuner: Tuner) -> None:
    assert json.loads(tuner(["runs", "--json"]).stdout) == {"runs": []}


def test_each_run_is_listed_with_its_state(tuner: Tuner, finished: Project) -> None:
    finished.edit("name: cats", "name: dogs")
    finished.trainer.dies("killed", after_step=4)
    tuner(["train"])
    damaged_dir = finished.dir / "runs" / "birds"
    damaged_dir.mkdir()
    (damaged_dir / "manifest.json").write_text("{")

    outcome = tuner(["runs"])
    listed = json.loads(tuner(["runs", "--json"]).stdout)["runs"]

    by_name = {entry["name"]: entry for entry in listed}
    assert outcome.exit_code == ExitCode.OK
    assert {name: entry["status"] for name, entry in by_name.items()} == {
        "cats": "finished",
        "dogs": "failed",
        "birds": "damaged",
    }
    assert (by_name["cats"]["steps"], by_name["cats"]["loss"]) == ("6", "0.1667")
    assert (by_name["dogs"]["steps"], by_name["dogs"]["adapter"]) == ("4", "-")
    assert by_name["cats"]["adapter"] == "0.0 MiB"
    assert by_name["cats"]["base"].startswith("tiny SD3")
    assert all(name in outcome.stdout for name in by_name)


def test_a_run_whose_adapter_was_removed_is_listed_without(tuner: Tuner, finished: Project) -> None:
    finished.run.adapter_path.unlink()

    (entry,) = json.loads(tuner(["runs", "--json"]).stdout)["runs"]

    assert entry["adapter"] == "-"


def test_a_run_of_a_newer_configuration_is_listed_without_its_base(
    tuner: Tuner, project: Project
) -> None:
    project.trainer.dies("quiet", after_step=1)
    tuner(["train"])
    text = project.run.config_path.read_text()
    project.run.config_path.write_text(text.replace("base: embedded:tiny-sd3", "base: [a, b]"))

    (entry,) = json.loads(tuner(["runs", "--json"]).stdout)["runs"]

    assert (entry["status"], entry["base"]) == ("failed", "-")


def test_a_run_that_never_began_to_train_is_new(tuner: Tuner, project: Project) -> None:
    project.run.dir.mkdir(parents=True)
    project.run.config_path.write_text(project.config_path.read_text())

    (entry,) = json.loads(tuner(["runs", "--json"]).stdout)["runs"]

    assert (entry["status"], entry["steps"], entry["loss"]) == ("new", "-", "-")


@pytest.mark.usefixtures("project")
def test_doctor_says_whether_there_is_a_token_and_never_which(
    tuner: Tuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    outcome = tuner(["doctor"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert "present (HF_TOKEN)" in outcome.stdout
    assert TOKEN not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("token_name", ["token", "stored_tokens"], ids=["logged in", "not"])
def test_doctor_finds_the_token_that_a_login_left(
    tuner: Tuner, project: Project, monkeypatch: pytest.MonkeyPatch, token_name: str
) -> None:
    for name in ("HF_TOKEN", "HF_HOME", "HF_TOKEN_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    token_path = project.dir.parent / ".cache" / "huggingface" / token_name
    token_path.parent.mkdir(parents=True)
    token_path.write_text(TOKEN)

    outcome = tuner(["doctor"])

    assert ("present (file)" in outcome.stdout) == (token_path.name == "token")
    assert TOKEN not in outcome.stdout


@pytest.mark.usefixtures("project")
def test_doctor_names_packages_of_other_versions(
    tuner: Tuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = ["filelock>=9999", "no-such-package>=1", 'colorama; sys_platform == "win32"']
    monkeypatch.setattr(doctor, "requires", lambda _: needs)

    outcome = tuner(["doctor", "--json"])

    problems = json.loads(outcome.stdout)["problems"]
    assert outcome.exit_code == ExitCode.MACHINE
    assert [problem["id"] for problem in problems] == ["M03", "M03"]
    assert "no-such-package is missing" in problems[1]["what"]


@pytest.mark.usefixtures("project")
def test_doctor_works_in_a_checkout_that_is_not_installed(
    tuner: Tuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_missing(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", is_missing)

    assert tuner(["doctor"]).exit_code == ExitCode.OK


@pytest.mark.usefixtures("project")
def test_doctor_describes_the_gpus(
    tuner: Tuner, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    program = project.dir / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'NVIDIA RTX 4090, 24564, 550.10'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    assert "NVIDIA RTX 4090, 24 GiB" in tuner(["doctor"]).stdout


def test_a_page_is_written_about_the_newest_finished_run(tuner: Tuner, finished: Project) -> None:
    finished.run.metrics_path.unlink()  # no loss, so nothing to draw

    outcome = tuner(["report"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert outcome.stdout.split() == ["page", str(finished.run.report_path)]
    assert finished.run.report_path.read_text().startswith("<!DOCTYPE html>")
