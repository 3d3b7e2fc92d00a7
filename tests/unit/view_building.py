"""Views of folders that were looked at, and what is in them."""

import hashlib
from functools import partial
from pathlib import Path

from dataset_reading import examined

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.snapshot import Selection
from tuner_kit.data.view import (
    DatasetView,
    build_view,
)

POLICY = CaptionPolicy(trigger_word="sks", fallback_caption="a photo")


def build(dataset_dir: Path, views_dir: Path, policy: CaptionPolicy = POLICY) -> DatasetView:
    with examined(dataset_dir) as snapshot:
        return build_view(partial(Selection(policy).images, snapshot), dataset_dir, views_dir)


def image_names(view: DatasetView) -> set[str]:
    return {path.name for path in view.dir.iterdir() if path.suffix != ".txt"}


def by_source(view: DatasetView) -> dict[str, str]:
    """Give the stem in the view by the name of the file that it links to."""
    links = (path for path in view.dir.iterdir() if path.is_symlink())
    return {path.readlink().name: path.stem for path in links}


def image_in(view: DatasetView) -> Path:
    (name,) = image_names(view)
    return view.dir / name


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
