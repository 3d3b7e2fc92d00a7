"""Every path in a run's folder."""

from pathlib import Path

from run_files import add_attempt, make_run

from tuner_kit.runs.layout import Attempt, Run, next_label


def test_every_path_of_a_run_lies_inside_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "cats")
    names = [name for name in dir(Run) if name.endswith(("_path", "_dir"))]
    paths = [getattr(run, name) for name in names]
    assert len(set(paths)) == len(names) > 10
    assert all(path.is_relative_to(run.dir) for path in paths)


def test_every_path_of_an_attempt_lies_directly_in_it(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    names = [name for name in dir(Attempt) if name.endswith("_path")]
    paths = [getattr(attempt, name) for name in names]
    assert len(set(paths)) == len(names) > 8
    assert {path.parent for path in paths} == {tmp_path}


def test_a_run_is_called_like_its_folder(tmp_path: Path) -> None:
    assert Run(tmp_path / "cats").name == "cats"


def test_the_first_attempt_has_number_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert run.attempts() == ()
    assert run.next_attempt().dir.name == "attempt-01"
    assert not run.next_attempt().dir.exists()


def test_attempts_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for number in (100, 2, 99):
        (run.training_dir / f"attempt-{number:02d}").mkdir(parents=True)
    assert [attempt.dir.name for attempt in run.attempts()] == [
        "attempt-02",
        "attempt-99",
        "attempt-100",
    ]
    assert run.next_attempt().dir.name == "attempt-101"


def test_a_copy_of_an_attempt_is_no_attempt(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    attempt = add_attempt(run)
    (run.training_dir / "attempt-01 copy").mkdir()
    (run.training_dir / "attempt-02.partial").mkdir()
    assert run.attempts() == (attempt,)
    assert run.next_attempt().dir.name == "attempt-02"


def test_results_are_counted_by_kind(tmp_path: Path) -> None:
    for name in ("style-002", "style-009.partial", "style-copy", "other-7"):
        (tmp_path / name).mkdir()
    assert next_label(tmp_path, "style") == "style-003"
    assert next_label(tmp_path / "missing", "style") == "style-001"


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_a_run_without_a_finished_training_has_no_result(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write(run.checkpoints_dir / "pytorch_lora_weights.safetensors")
    write(run.training_dir / "pipeline.partial" / "model_index.json")

    assert run.find_result() is None
    assert run.result_weights() == ()


def test_an_adapter_is_one_file(tmp_path: Path) -> None:
    for name in ("adapter_path", "lokr_path"):
        run = make_run(tmp_path, name)
        path = write(getattr(run, name))
        assert run.find_result() == path
        assert run.result_weights() == (path,)


def test_a_whole_model_is_a_folder_whose_denoiser_was_trained(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write(run.pipeline_dir / "model_index.json")
    write(run.pipeline_dir / "vae" / "diffusion_pytorch_model.safetensors")
    shards = [write(run.pipeline_dir / "unet" / f"{number}.safetensors") for number in (1, 2)]

    assert run.find_result() == run.pipeline_dir
    assert run.result_weights() == tuple(shards)
