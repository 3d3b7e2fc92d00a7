"""What an earlier training left behind is read as the trainer wrote it."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from tuner_kit.simpletuner.leftovers import (
    LatentFacts,
    count_cached_texts,
    look_at_latents,
    read_cached_settings,
)

OLDER, NEWER = 1_000_000, 2_000_000


def write(path: Path, content: bytes = b"", *, at: int = OLDER) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))


def latent(stem: str) -> str:
    return hashlib.sha256(stem.encode()).hexdigest() + ".pt"


def test_settings_of_an_earlier_start_are_read(tmp_path: Path) -> None:
    content = json.dumps({"config": {"resolution": 0.25}, "aspect_ratio_bucket_indices": {}})
    write(tmp_path / "aspect_ratio_bucket_indices_cats.json", content.encode())

    assert read_cached_settings(tmp_path, "cats") == {"resolution": 0.25}
    assert read_cached_settings(tmp_path, "dogs") == {}


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"config": 3}'])
def test_a_damaged_list_holds_no_settings(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "aspect_ratio_bucket_indices_cats.json", content)

    assert read_cached_settings(tmp_path, "cats") == {}


def test_only_images_newer_than_their_latents_are_named(tmp_path: Path) -> None:
    images, cache = tmp_path / "images", tmp_path / "cache"
    write(images / "new.png", at=NEWER)
    write(images / "old.png", at=OLDER)
    write(images / "sub" / "new.png", at=NEWER)
    write(images / "uncached.png", at=NEWER)
    for place in (latent("new"), latent("old"), f"sub/{latent('new')}"):
        write(cache / place, gzip.compress(b"x"), at=(OLDER + NEWER) // 2)

    names = ["new.png", "old.png", "sub/new.png", "uncached.png"]
    facts = look_at_latents(names, images, written_dir=f"{images}/", cache_dir=cache)

    assert facts == LatentFacts(("new.png", "sub/new.png"), is_compressed=True)


def test_a_relative_folder_leaves_its_parents_in_the_place_of_the_latents(tmp_path: Path) -> None:
    images, cache = tmp_path / "data" / "cats", tmp_path / "cache"
    write(images / "a.png", at=NEWER)
    write(cache / str(tmp_path).lstrip("/") / latent("a"), b"PK", at=OLDER)

    facts = look_at_latents(["a.png"], images, written_dir="data/cats", cache_dir=cache)

    assert facts == LatentFacts(("a.png",), is_compressed=False)


def test_without_latents_nothing_is_known(tmp_path: Path) -> None:
    write(tmp_path / "a.png")

    facts = look_at_latents(["a.png"], tmp_path, written_dir=str(tmp_path), cache_dir=tmp_path)

    assert facts == LatentFacts((), is_compressed=None)


def test_encoded_captions_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "text" / "a-sd3.pt")
    write(tmp_path / "text" / "sub" / "b-sd3.pt")
    write(tmp_path / "text" / "notes.txt")

    assert count_cached_texts(tmp_path / "text") == 2
    assert count_cached_texts(tmp_path / "nothing") == 0
