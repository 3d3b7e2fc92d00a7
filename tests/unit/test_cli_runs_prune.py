"""`tuner-kit runs --prune`: shows what no run uses any more, asks, and removes it."""

import shutil
import sys
from pathlib import Path

import pexpect
import pytest
from cache_files import LATENTS, TEXTS, VIEW, latent_of, make_trained_run, write_cache
from dataset_files import write_image
from dataset_reading import listing, ordinary_rights, public_folder, read
from project_files import Project, Tuner
from run_files import finish, record_process, sleeping_child

from tuner_kit.data.read_dataset import inventory_path
from tuner_kit.errors import ExitCode
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.stages.prune import find_prunable, prune, size_of

PRUNE = ["runs", "--prune", "--yes"]


@pytest.fixture
def runs_dir(project: Project) -> Path:
    return project.dir / "runs"


@pytest.fixture
def run(runs_dir: Path) -> Run:
    """A run that was interrupted, with something that it doesn't use."""
    run = make_trained_run(runs_dir)
    write_cache(run, "vae-0000", ("x",), size_bytes=3 * 2**20)
    return run


def folders_of(run: Run) -> set[str]:
    return {path.name for path in run.cache_dir.iterdir()}


def test_what_can_go_is_shown_first_and_nothing_is_removed_without_a_word(
    tuner: Tuner, run: Run
) -> None:
    before = listing(run.cache_dir)

    outcome = tuner(["runs", "--prune"])

    assert outcome.exit_code == ExitCode.OK
    header, row = outcome.stdout.splitlines()
    assert header.split() == ["run", "folder", "why", "size"]
    assert " ".join(row.split()) == "cats vae-0000 of other images or settings 3.0 MiB"
    assert "3.0 MiB can go; add --yes to remove it" in outcome.stderr
    assert listing(run.cache_dir) == before


def test_what_no_run_uses_is_removed_and_nothing_else(tuner: Tuner, run: Run) -> None:
    write_cache(run, LATENTS, (latent_of("gone"),))

    outcome = tuner(PRUNE)

    assert outcome.exit_code == ExitCode.OK
    assert "removed 3.0 MiB" in outcome.stderr
    assert folders_of(run) == {VIEW, LATENTS, TEXTS}
    assert {path.name for path in (run.cache_dir / LATENTS).iterdir()} == {
        latent_of("a"),
        latent_of("b"),
    }
    assert "nothing to remove" in tuner(PRUNE).stderr


def test_of_a_finished_run_the_links_and_the_adapter_stay(tuner: Tuner, run: Run) -> None:
    finish(run)
    tuner(PRUNE)
    assert folders_of(run) == {VIEW}
    assert run.adapter_path.is_file()


def test_the_images_that_a_view_links_to_are_never_touched(
    tuner: Tuner, project: Project, run: Run
) -> None:
    view_dir = write_cache(run, "view-0000", ("a.txt",))
    for path in project.photos_dir.iterdir():
        (view_dir / path.name).symlink_to(path)
    (run.cache_dir / "vae-link").symlink_to(project.photos_dir)
    before = listing(project.photos_dir)

    assert tuner(PRUNE).exit_code == ExitCode.OK

    assert folders_of(run) == {VIEW, LATENTS, TEXTS}
    assert listing(project.photos_dir) == before


def test_a_run_that_is_trained_is_left_alone(tuner: Tuner, run: Run) -> None:
    with sleeping_child() as trainer:
        record_process(run.attempts()[-1], trainer.pid)
        outcome = tuner(PRUNE)
    assert "nothing to remove" in outcome.stderr
    assert "vae-0000" in folders_of(run)


def test_a_run_that_somebody_works_on_is_left_alone(tuner: Tuner, run: Run) -> None:
    with hold_lock(run):  # its images are being prepared, the trainer has not started yet
        assert "nothing to remove" in tuner(PRUNE).stderr
    assert "vae-0000" in folders_of(run)


def test_what_has_come_into_use_since_it_was_shown_is_kept(run: Run, runs_dir: Path) -> None:
    other = make_trained_run(runs_dir, "dogs")
    write_cache(other, "text-0000", ("x",))
    items = find_prunable(runs_dir)
    text = run.attempts()[-1].backend_path.read_text().replace(LATENTS, "vae-0000")
    run.attempts()[-1].backend_path.write_text(text)

    with hold_lock(other):
        freed = prune(items)

    assert freed == 0
    assert "vae-0000" in folders_of(run)
    assert "text-0000" in folders_of(other)


def test_a_damaged_run_is_left_alone_and_the_others_are_not(
    tuner: Tuner, run: Run, runs_dir: Path
) -> None:
    damaged = make_trained_run(runs_dir, "birds")
    write_cache(damaged, "vae-0000", ("x",))
    damaged.manifest_path.write_text("{")
    assert tuner(PRUNE).exit_code == ExitCode.OK
    assert "vae-0000" in folders_of(damaged)
    assert "vae-0000" not in folders_of(run)


def test_what_is_remembered_of_a_folder_that_is_gone_can_go(
    tuner: Tuner, runs_dir: Path, tmp_path: Path
) -> None:
    for name in ("kept", "gone"):
        write_image(tmp_path / name / "a.png")
        read(tmp_path / name).inventory.close()
    shutil.rmtree(tmp_path / "gone")

    outcome = tuner(PRUNE)

    assert "of a dataset that is gone" in outcome.stdout
    assert inventory_path(tmp_path / "kept").exists()
    assert not inventory_path(tmp_path / "gone").exists()
    assert not runs_dir.exists()


def test_nothing_to_remove_is_said(tuner: Tuner, project: Project) -> None:
    outcome = tuner(["runs", "--prune"])
    assert outcome.exit_code == ExitCode.OK
    assert "nothing to remove: every cache in runs is in use" in outcome.stderr
    assert not (project.dir / "runs").exists()


def test_a_folder_that_may_not_be_removed_is_named(
    tuner: Tuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with public_folder() as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        run = make_trained_run(folder / "runs")
        old_dir = write_cache(run, "vae-0000", ("x",))
        run.dir.chmod(0o777)
        run.cache_dir.chmod(0o555)
        old_dir.chmod(0o555)
        with ordinary_rights():
            outcome = tuner([*PRUNE, "--runs-dir", str(folder / "runs")])
        for path in (run.cache_dir, old_dir):
            path.chmod(0o755)
        assert old_dir.is_dir()
    assert outcome.exit_code == ExitCode.MACHINE
    assert "M04" in outcome.stderr
    assert str(run.cache_dir) in outcome.stderr


@pytest.mark.parametrize(("key", "is_removed"), [("y", True), ("n", False), ("\r", False)])
def test_a_person_at_a_terminal_is_asked(
    project: Project, run: Run, key: str, *, is_removed: bool
) -> None:
    words = ["-m", "tuner_kit", "runs", "--prune"]
    with pexpect.spawn(
        sys.executable, words, cwd=str(project.dir), encoding="utf-8", timeout=30
    ) as terminal:
        terminal.expect("vae-0000")
        terminal.expect(r"Remove 3.0 MiB\?")
        terminal.send(key)
        terminal.expect(pexpect.EOF)
        terminal.wait()
    assert terminal.exitstatus == ExitCode.OK
    assert ("vae-0000" not in folders_of(run)) == is_removed


def test_the_size_of_a_folder_counts_links_as_links(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(bytes(1000))
    (tmp_path / "link").symlink_to("in")
    assert size_of(tmp_path) == 1000 + len("in")
    assert size_of(tmp_path / "gone") == 0
