import json
import shutil
from functools import partial
from pathlib import Path

import pytest
from cache_files import LATENTS, TEXTS, VIEW, latent_of, make_trained_run, write_cache
from dataset_files import write_image
from dataset_reading import change_in_secret, examined
from run_files import add_attempt, make_run

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.snapshot import Selection
from tuner_kit.data.view import DatasetView, build_view
from tuner_kit.runs.layout import Run
from tuner_kit.simpletuner.cache_use import find_unused_caches


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_trained_run(tmp_path)


def unused(run: Run, *, is_finished: bool = False) -> dict[str, str]:
    """Give why something can go, by its place in the cache."""
    return {
        str(path.relative_to(run.cache_dir)): cache.reason
        for cache in find_unused_caches(run, is_finished=is_finished)
        for path in cache.paths
    }


def test_all_that_the_last_attempt_was_given_is_in_use(run: Run) -> None:
    assert unused(run) == {}


def test_folders_of_other_settings_can_go(run: Run) -> None:
    for name in ("view-0000", "vae-0000", "text-0000", "view-9999.partial"):
        write_cache(run, name, ("x",))
    assert unused(run) == dict.fromkeys(
        ("text-0000", "vae-0000", "view-0000", "view-9999.partial"), "of other images or settings"
    )


def test_only_the_last_attempt_counts(run: Run) -> None:
    backend = json.loads(run.attempts()[-1].backend_path.read_text())
    backend[0]["cache_dir_vae"] = str(run.cache_dir / "vae-0000")
    add_attempt(run).backend_path.write_text(json.dumps(backend))
    write_cache(run, "vae-0000", (latent_of("a"),))
    assert unused(run) == {LATENTS: "of other images or settings"}


def test_latents_of_images_that_are_gone_can_go_and_the_others_stay(run: Run) -> None:
    write_cache(run, LATENTS, (latent_of("gone"), latent_of("b-2"), "notes.json"))
    assert unused(run) == {
        f"{LATENTS}/{latent_of(stem)}": "of images that have changed or gone"
        for stem in ("gone", "b-2")
    }


def test_a_finished_training_keeps_its_links_only(run: Run) -> None:
    write_cache(run, LATENTS, (latent_of("gone"),))
    assert unused(run, is_finished=True) == dict.fromkeys(
        (LATENTS, TEXTS), "of a finished training"
    )


def test_a_run_that_was_moved_is_told_by_the_names_of_its_folders(run: Run, tmp_path: Path) -> None:
    write_cache(run, "vae-0000", ("x",))
    write_cache(run, LATENTS, (latent_of("gone"),))
    moved = Run(Path(shutil.move(run.dir, tmp_path / "elsewhere")))
    assert set(unused(moved)) == {"vae-0000", f"{LATENTS}/{latent_of('gone')}"}


def test_without_a_cache_nothing_can_go(run: Run, tmp_path: Path) -> None:
    shutil.rmtree(run.cache_dir)
    assert unused(run) == {}
    assert unused(run, is_finished=True) == {}
    assert unused(make_run(tmp_path, "new")) == {}


@pytest.mark.parametrize("missing", [VIEW, LATENTS])
def test_a_missing_folder_makes_nothing_else_unused(run: Run, missing: str) -> None:
    shutil.rmtree(run.cache_dir / missing)
    assert unused(run) == {}


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"null", b"5", b"[]", b'["a"]', b"[5]", b"\xff"],
    ids=str,
)
@pytest.mark.parametrize("is_finished", [True, False], ids=["finished", "not finished"])
def test_where_it_is_not_clear_what_is_used_nothing_can_go(
    run: Run, content: bytes | None, *, is_finished: bool
) -> None:
    attempt = add_attempt(run)
    if content is not None:
        attempt.backend_path.write_bytes(content)
    assert unused(run, is_finished=is_finished) == {}


def test_a_changed_image_leaves_exactly_its_own_latents_behind(run: Run, tmp_path: Path) -> None:
    dataset_dir = tmp_path / "photos"
    for name in ("a", "b", "c"):
        write_image(dataset_dir / f"{name}.bmp", color=(ord(name), 0, 0), caption="a cat")
    before = build(dataset_dir, run)
    stems = {path.stem: latent_of(path.stem) for path in before.dir.glob("*.bmp")}
    write_cache(run, LATENTS, tuple(stems.values()))
    (changed,) = (stem for stem in stems if stem.endswith("-b"))

    change_in_secret(dataset_dir / "b.bmp")
    (dataset_dir / "c.txt").write_text("another caption")
    backend = json.loads(run.attempts()[-1].backend_path.read_text())
    backend[0]["instance_data_dir"] = str(build(dataset_dir, run).dir)
    run.attempts()[-1].backend_path.write_text(json.dumps(backend))

    files = {name for name in unused(run) if name.startswith(LATENTS)}
    assert files == {f"{LATENTS}/{latent_of(stem)}" for stem in (changed, "a", "b")}


def build(dataset_dir: Path, run: Run) -> DatasetView:
    with examined(dataset_dir) as snapshot:
        images = partial(Selection(CaptionPolicy()).images, snapshot)
        return build_view(images, dataset_dir, run.cache_dir)
