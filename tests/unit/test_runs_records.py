"""What a run remembers."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from run_files import add_attempt, make_run, stage

from tuner_kit.errors import Problem, RunStateError
from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import (
    Manifest,
    ProcessRecord,
    add_stage,
    load_manifest,
    load_outcome,
    load_record,
)


def test_a_run_without_manifest_has_completed_nothing(tmp_path: Path) -> None:
    assert load_manifest(make_run(tmp_path)) == Manifest()


def test_a_completed_stage_is_remembered(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    add_stage(run, stage("train", "01"))
    add_stage(run, stage("generate", "sample-001"))
    assert load_manifest(run).last("train") == stage("train", "01")
    assert load_manifest(run).last("report") is None


def test_a_stage_of_the_same_label_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for label in ("sample-001", "sample-002", "sample-001"):
        add_stage(run, stage("generate", label))
    labels = [entry.label for entry in load_manifest(run).stages]
    assert labels == ["sample-002", "sample-001"]
    assert load_manifest(run).last("generate") == stage("generate", "sample-001")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"stages": 3}', '{"extra": 1}', '{"schema_version": 1, "stages": [{}]}'],
)
def test_a_damaged_manifest_is_said_to_be_damaged(text: str, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.manifest_path.write_text(text, encoding="utf-8")
    problem = refusal(run)
    assert (problem.id, problem.where) == ("R01", str(run.manifest_path))
    assert "damaged" in problem.what
    assert "move the file away" in problem.fix


def test_a_manifest_of_a_newer_version_is_kept_where_it_is(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    content = {"schema_version": 2, "stages": [], "more": 1}
    run.manifest_path.write_text(json.dumps(content), encoding="utf-8")
    problem = refusal(run)
    assert problem.id == "R01"
    assert "newer tuner-kit" in problem.what
    assert "move" not in problem.fix


def test_a_folder_instead_of_a_manifest_is_no_bug(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.manifest_path.mkdir()
    assert refusal(run).id == "R01"


def test_a_stage_is_not_added_to_a_damaged_manifest(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.manifest_path.write_text("{", encoding="utf-8")
    with pytest.raises(RunStateError):
        add_stage(run, stage("train", "01"))
    assert run.manifest_path.read_text(encoding="utf-8") == "{"


def test_how_an_attempt_ended_can_be_read(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    outcome = load_outcome(add_attempt(run, ended="interrupted"))
    assert outcome is not None
    assert outcome.status == "interrupted"


def test_an_attempt_that_runs_or_vanished_has_no_end(tmp_path: Path) -> None:
    attempt = add_attempt(make_run(tmp_path))
    assert load_outcome(attempt) is None
    attempt.outcome_path.write_text('{"exit_code": 0}', encoding="utf-8")
    assert load_outcome(attempt) is None


@pytest.mark.parametrize("pid", [0, -1])
def test_a_process_has_a_number_above_zero(pid: int, tmp_path: Path) -> None:
    path = tmp_path / "process.json"
    content = {"pid": pid, "process_started_at": 0.0, "started_at": "2026-01-02T03:04:05Z"}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load_record(path, ProcessRecord) is None


def test_not_a_number_is_never_stored() -> None:
    with pytest.raises(ValidationError, match="finite"):
        ProcessRecord.model_validate(
            {"pid": 1, "process_started_at": float("nan"), "started_at": "2026-01-02T03:04:05Z"}
        )


def refusal(run: Run) -> Problem:
    """Load a manifest that can't be read and return the reason."""
    with pytest.raises(RunStateError) as raised:
        load_manifest(run)
    assert len(raised.value.problems) == 1
    return raised.value.problems[0]
