"""Rules H07 to H09: folders of images, and paths as they are written."""

import re
from collections.abc import Iterator
from pathlib import Path

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import (
    facts_about,
    latent_dir,
    pictures,
    place,
    text_caches,
    text_dir,
)
from tuner_kit.simpletuner.rules.rule import Edit, Finding, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

_PATH_KEYS = ("instance_data_dir", "cache_dir_vae", "cache_dir")
_STRAY_SPACE = re.compile(r"^\s|\s$|[\r\n\t]")
_FIX_PATH = "write the whole path, without ~ and without blanks at its ends"


def check_writable(setup: TrainerSetup) -> Iterator[Finding]:
    """H07: upstream writes its list of shapes beside the images."""
    for entry in pictures(setup):
        facts = facts_about(setup, entry)
        if facts is not None and not facts.is_writable:
            yield about(
                entry,
                "instance_data_dir",
                f"the folder {facts.dir} of dataset {entry.name} can't be written, but "
                "SimpleTuner keeps its lists of images there",
                f"copy the images to a folder of yours, or run: chmod u+w {facts.dir}",
            )


def check_image_dirs(setup: TrainerSetup) -> Iterator[Finding]:
    """H08: no image folder, or one that the trainer writes into."""
    for entry in pictures(setup):
        if entry.text("type") != "local":
            continue
        folder = entry.get("instance_data_dir") or entry.get("instance_data_root")
        if not isinstance(folder, str) or not folder.strip():
            what = "several folders as" if isinstance(folder, list) else "no"
            yield about(
                entry,
                "instance_data_dir",
                f"dataset {entry.name} has {what} instance_data_dir; a local dataset has one",
                'name one folder: "instance_data_dir": "data/cats"',
            )
        else:
            yield from _check_inside(setup, entry, place(setup, folder, entry))


def _check_inside(setup: TrainerSetup, entry: DatasetEntry, folder: Path) -> Iterator[Finding]:
    output = setup.options.text("output_dir")
    if output is not None and _is_inside(place(setup, output), folder):
        yield about(
            entry,
            "instance_data_dir",
            f"output_dir {output} lies in the image folder of dataset {entry.name}, so validation "
            "images would be trained on",
            "write output_dir to another folder",
        )
    caches = [("latents", latent_dir(setup, entry))]
    caches += [(f"text cache {each.name}", text_dir(setup, each)) for each in text_caches(setup)]
    for what, cache in caches:
        if _is_inside(cache, folder) and not (output and _is_inside(cache, place(setup, output))):
            yield Finding(
                what=f"the {what} of dataset {entry.name} would be written into its image folder "
                f"{folder}",
                fix='write the caches elsewhere, such as "cache/vae/{model_family}/{id}"',
                key="cache_dir_vae",
                dataset=entry.index,
                severity=Severity.WARNING,
            )


def _is_inside(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def check_paths(setup: TrainerSetup) -> Iterator[Finding]:
    """H09: paths that are taken literally."""
    output = setup.options.text("output_dir")
    if output is not None and (problem := _odd_path(setup, output)) is not None:
        what, right = problem
        edits = () if right is None else (write("output_dir", right),)
        yield Finding(what=f"output_dir {what}", fix=_FIX_PATH, key="output_dir", edits=edits)
    for entry in setup.datasets:
        for key in _PATH_KEYS:
            path = entry.text(key)
            if path is not None and (problem := _odd_path(setup, path)) is not None:
                what, right = problem
                edit: tuple[Edit, ...] = () if right is None else (write(key, right, entry),)
                yield about(entry, key, f"{key} of {entry.name} {what}", _FIX_PATH, *edit)


def _odd_path(setup: TrainerSetup, path: str) -> tuple[str, str | None] | None:
    if path == "~" or path.startswith("~/"):
        home = setup.around.home_dir
        right = None if home is None else str(home / path[1:].lstrip("/"))
        return f"begins with ~, which SimpleTuner takes for a folder of that name: {path}", right
    if _STRAY_SPACE.search(path):
        trimmed = path.strip()
        is_enough = _STRAY_SPACE.search(trimmed) is None and bool(trimmed)
        return f"has blanks or line breaks that hardly belong to it: {path!r}", (
            trimmed if is_enough else None
        )
    return None
