"""Finding runs by folder, by name, or the newest."""

import os
from pathlib import Path

import pytest
from run_files import finish, make_run

from tuner_kit.errors import RunStateError
from tuner_kit.runs.find import find_run, list_runs
from tuner_kit.runs.layout import Run


def test_without_a_folder_there_are_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "runs") == ()


def test_runs_are_listed_newest_first_and_other_folders_left_out(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "older", "oldest")):
        set_age(make_run(tmp_path, name), age)
    (tmp_path / "empty").mkdir()
    (tmp_path / "tuner.yaml").write_text("name: x\n", encoding="utf-8")
    assert [run.name for run in list_runs(tmp_path)] == ["new", "older", "oldest"]


def test_a_run_is_found_by_its_name(tmp_path: Path) -> None:
    make_run(tmp_path)
    assert find_run(tmp_path, "cats") == Run((tmp_path / "cats").resolve())


def test_a_run_is_found_by_its_folder_wherever_it_is(tmp_path: Path) -> None:
    finish(make_run(tmp_path / "elsewhere"))
    found = find_run(tmp_path / "runs", str(tmp_path / "elsewhere" / "cats"))
    assert found == Run((tmp_path / "elsewhere" / "cats").resolve())


def test_a_project_folder_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "tuner.yaml").write_text("name: cats\n", encoding="utf-8")
    with pytest.raises(RunStateError):
        find_run(tmp_path / "runs", str(tmp_path / "cats"))


def test_an_unknown_name_gets_the_nearest_suggested(tmp_path: Path) -> None:
    make_run(tmp_path)
    with pytest.raises(RunStateError) as raised:
        find_run(tmp_path, "cast")
    (problem,) = raised.value.problems
    assert (problem.id, problem.fix) == ("R01", "did you mean cats?")


def test_a_name_unlike_all_others_points_to_the_list(tmp_path: Path) -> None:
    with pytest.raises(RunStateError) as raised:
        find_run(tmp_path, "cats")
    assert raised.value.problems[0].fix == "list the runs with `tuner-kit runs`"


@pytest.mark.parametrize("name", ["~no-such-user/cats", "x" * 5000, "a\0b"])
def test_a_name_that_no_folder_can_have_is_no_bug(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunStateError) as raised:
        find_run(tmp_path, name)
    assert raised.value.problems[0].id == "R01"


def test_without_a_name_the_newest_finished_run_is_meant(tmp_path: Path) -> None:
    set_age(make_run(tmp_path, "unfinished"), 0)
    set_age(finish(make_run(tmp_path, "new")), 1)
    set_age(finish(make_run(tmp_path, "old")), 2)
    assert find_run(tmp_path, None).name == "new"


def test_a_run_that_lost_its_adapter_is_not_finished(tmp_path: Path) -> None:
    finish(make_run(tmp_path)).adapter_path.unlink()
    with pytest.raises(RunStateError) as raised:
        find_run(tmp_path, None)
    assert raised.value.problems[0].id == "R04"


def test_a_damaged_run_does_not_hide_a_sound_one(tmp_path: Path) -> None:
    finish(make_run(tmp_path, "sound"))
    make_run(tmp_path, "damaged").manifest_path.write_text("{", encoding="utf-8")
    assert find_run(tmp_path, None).name == "sound"


def set_age(run: Run, age: int) -> None:
    """Pretend that a run was last changed so many seconds ago."""
    for path in (run.config_path, run.manifest_path):
        if path.exists():
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
