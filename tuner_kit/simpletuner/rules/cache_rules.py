"""Rules H: ids, folders and caches."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.disk_rules import check_disk
from tuner_kit.simpletuner.rules.entries import (
    facts_about,
    latent_dir,
    pictures,
    text_caches,
    text_dir,
)
from tuner_kit.simpletuner.rules.leftover_rules import (
    check_cached_settings,
    check_changed_images,
    check_compression,
    check_orphans,
    check_shared_texts,
)
from tuner_kit.simpletuner.rules.path_rules import check_image_dirs, check_paths, check_writable
from tuner_kit.simpletuner.rules.rule import Finding, Remove, Rule, SaidElsewhere, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

_SKIPPED = frozenset({"aspect", "vae", "text", "metadata"})


def check_ids(setup: TrainerSetup) -> Iterator[Finding]:
    """H01: what upstream reads of every dataset before anything else."""
    for entry in setup.datasets:
        name = entry.get("id")
        if isinstance(name, str) and not name.strip():
            yield about(
                entry,
                "id",
                f"dataset {entry.name} has an empty id",
                'give it an id of its own, such as "cats"',
            )
        if entry.is_enabled and not entry.has("type"):
            is_local = entry.has("instance_data_dir") or entry.has("cache_dir")
            yield about(
                entry,
                "type",
                f"dataset {entry.name} has no type, and SimpleTuner stops at that",
                'add "type": "local" for a folder on this machine',
                *([write("type", "local", entry)] if is_local else []),
            )


def check_cache_dirs(setup: TrainerSetup) -> Iterator[Finding]:
    """H02: latents of two datasets, or latents and captions, in one folder."""
    texts = {text_dir(setup, entry): entry for entry in text_caches(setup)}
    seen: dict[Path, DatasetEntry] = {}
    for entry in pictures(setup):
        folder = latent_dir(setup, entry)
        first = seen.setdefault(folder, entry)
        other = first if first is not entry else texts.get(folder)
        if other is not None:
            yield about(
                entry,
                "cache_dir_vae",
                f"the latents of dataset {entry.name} and the cache of {other.name} share the "
                f"folder {folder}; SimpleTuner refuses that, after it has "
                "loaded the text encoders",
                'write "cache_dir_vae": "cache/vae/{model_family}/{id}"',
                write("cache_dir_vae", "cache/vae/{model_family}/{id}", entry),
            )


def check_same_stems(setup: TrainerSetup) -> Iterator[Finding]:
    """H04: latents are named by the stem of the image alone."""
    for entry in pictures(setup):
        facts = facts_about(setup, entry)
        if facts is not None and facts.same_stem:
            yield about(
                entry,
                "instance_data_dir",
                f"{len(facts.same_stem)} images of dataset {entry.name} differ from another only in "
                f"the extension (first: {facts.same_stem[0]}), and share one file of latents: the "
                "one is trained with the picture of the other",
                "rename them, or remove the copies",
            )


def check_discovery(setup: TrainerSetup) -> Iterator[Finding]:
    """H10: without looking for images there are none."""
    skipped = setup.options.text("skip_file_discovery")
    if skipped is not None and _is_skipping(skipped):
        yield _skips("skip_file_discovery", skipped, None, severity=None)
    for entry in setup.datasets:
        own = entry.text("skip_file_discovery")
        if own is not None and _is_skipping(own):
            facts = facts_about(setup, entry)
            is_prepared = facts is not None and bool(facts.cached_settings)
            severity = Severity.WARNING if is_prepared else None
            yield _skips(f"skip_file_discovery of {entry.name}", own, entry, severity=severity)


def _is_skipping(text: str) -> bool:
    return any(word in text for word in _SKIPPED)


def _skips(
    what: str, skipped: str, entry: DatasetEntry | None, *, severity: Severity | None
) -> Finding:
    return Finding(
        what=f'{what} is "{skipped}": new and changed images are not found, and on a first run '
        "none are",
        fix="remove skip_file_discovery",
        key="skip_file_discovery",
        dataset=None if entry is None else entry.index,
        edits=(write("skip_file_discovery", Remove.KEY, entry),),
        severity=severity,
    )


def check_kept_lists(setup: TrainerSetup) -> Iterator[Finding]:
    """H11: the list of files of an earlier start."""
    entries: list[DatasetEntry | None] = [None, *setup.datasets]
    for entry in entries:
        values = setup.options if entry is None else entry
        if values.is_on("preserve_data_backend_cache"):
            name = "" if entry is None else f" of {entry.name}"
            yield Finding(
                what=f"preserve_data_backend_cache{name} keeps the list of files of an earlier "
                "start, so images that were added or removed since are not noticed",
                fix="remove preserve_data_backend_cache; listing files takes seconds",
                key="preserve_data_backend_cache",
                dataset=None if entry is None else entry.index,
                edits=(write("preserve_data_backend_cache", Remove.KEY, entry),),
            )


def check_text_caches(setup: TrainerSetup) -> Iterator[Finding]:
    """H12: one default among the text caches, and datasets that name one that exists."""
    caches = text_caches(setup)
    chosen = [entry for entry in caches if entry.is_on("default")]
    for entry in chosen[1:]:
        yield about(
            entry,
            "default",
            f"text caches {chosen[0].name} and {entry.name} are both the default; SimpleTuner "
            "takes one",
            f'remove "default" of {entry.name}',
            write("default", Remove.KEY, entry),
        )
    if len(caches) > 1 and not chosen:
        yield Finding(
            what=f"none of the {len(caches)} text caches is the default; SimpleTuner takes the "
            f"first, {caches[0].name}",
            fix=f'write "default": true into {caches[0].name}',
            key="default",
            dataset=caches[0].index,
            edits=(write("default", value=True, entry=caches[0]),),
            severity=Severity.WARNING,
        )
    names = {entry.text("id") for entry in caches}
    for entry in pictures(setup):
        named = entry.text("text_embeds") or entry.text("text_embed_cache")
        if named is not None and named not in names:
            yield about(
                entry,
                "text_embeds",
                f"dataset {entry.name} wants text cache {named}, which is not there",
                "name the id of a text_embeds dataset, or remove the key to use the default one",
            )


def check_ignored_keys(setup: TrainerSetup) -> Iterator[Finding]:
    """H13: a key that is still taken, but does nothing."""
    for entry in setup.datasets:
        for key in ("hash_filenames", "csv_hash_filenames"):
            if entry.flag(key) is False:
                yield about(
                    entry,
                    key,
                    f"{key} false of dataset {entry.name} does nothing: the names of cached files "
                    "are always hashed",
                    f"remove {key}",
                    write(key, Remove.KEY, entry),
                )


def check_memory(setup: TrainerSetup) -> Iterator[Finding]:
    """H17: a disk in memory."""
    for entry in setup.datasets:
        if entry.text("type") != "memory" or not entry.is_enabled:
            continue
        if entry.kind in {"image", "eval", "video", "audio"}:
            yield Finding(
                what=f'dataset {entry.name} is of type "memory", which only caches can be',
                fix='write "type": "local" and an instance_data_dir',
                key="type",
                dataset=entry.index,
                severity=Severity.ERROR,
            )
        else:
            yield about(
                entry,
                "type",
                f"cache {entry.name} lies in memory: it takes root rights to make, and what is "
                "written there is lost in the end",
                'write "type": "local", unless you have memory to spare',
            )


_FACTORY = "data_backend/factory.py"

CACHE_RULES: tuple[Rule, ...] = (
    Rule(
        id="H01",
        title="a dataset without id or type",
        severity=Severity.ERROR,
        looks_at=("dataset.id", "dataset.type"),
        source=f"{_FACTORY} (_prevalidate_backend_ids, _configure_backend_by_type)",
        check=check_ids,
    ),
    Rule(
        id="H02",
        title="one cache folder for two things",
        severity=Severity.ERROR,
        looks_at=("dataset.cache_dir_vae", "dataset.cache_dir"),
        source=f"{_FACTORY} (_configure_vae_cache)",
        check=check_cache_dirs,
    ),
    Rule(
        id="H03",
        title="a text cache that trainings with other settings share",
        severity=Severity.WARNING,
        looks_at=("dataset.cache_dir", "t5_padding", "tokenizer_max_length", "output_dir"),
        source="caching/text_embeds.py (create_hash)",
        check=check_shared_texts,
        families=("sd3",),
    ),
    Rule(
        id="H04",
        title="two images of one name with different extensions",
        severity=Severity.ERROR,
        looks_at=("dataset.instance_data_dir", "around.folders"),
        source="caching/vae.py (generate_vae_cache_filename)",
        check=check_same_stems,
    ),
    Rule(
        id="H05",
        title="images that have changed since they were cached",
        severity=Severity.ERROR,
        looks_at=("dataset.cache_dir_vae", "around.folders"),
        source="caching/vae.py (already_cached)",
        check=check_changed_images,
    ),
    Rule(
        id="H06",
        title="settings that differ from those of an earlier start",
        severity=Severity.ERROR,
        looks_at=("dataset.crop", "dataset.crop_aspect", "dataset.resolution", "around.folders"),
        source=f"{_FACTORY} (_handle_config_versioning)",
        check=check_cached_settings,
    ),
    Rule(
        id="H07",
        title="an image folder that can't be written",
        severity=Severity.ERROR,
        looks_at=("dataset.instance_data_dir", "around.folders"),
        source=f"{_FACTORY} (_configure_metadata_backend)",
        check=check_writable,
    ),
    Rule(
        id="H08",
        title="no image folder, or one that the trainer writes into",
        severity=Severity.ERROR,
        looks_at=("dataset.instance_data_dir", "output_dir", "dataset.cache_dir_vae"),
        source="data_backend/local.py (list_files)",
        check=check_image_dirs,
    ),
    Rule(
        id="H09",
        title="paths with blanks at their ends or a ~",
        severity=Severity.WARNING,
        looks_at=(
            "output_dir",
            "dataset.instance_data_dir",
            "dataset.cache_dir_vae",
            "dataset.cache_dir",
        ),
        source=f"{_FACTORY} (_validate_dataset_paths)",
        check=check_paths,
    ),
    Rule(
        id="H10",
        title="images are not looked for",
        severity=Severity.ERROR,
        looks_at=("skip_file_discovery", "dataset.skip_file_discovery"),
        source=f"{_FACTORY} (_handle_bucket_operations); issue 657",
        check=check_discovery,
    ),
    Rule(
        id="H11",
        title="the list of files of an earlier start is kept",
        severity=Severity.WARNING,
        looks_at=("preserve_data_backend_cache", "dataset.preserve_data_backend_cache"),
        source="training/state_tracker.py (delete_cache_files)",
        check=check_kept_lists,
    ),
    Rule(
        id="H12",
        title="no or several default text caches, or one that is not there",
        severity=Severity.ERROR,
        looks_at=("dataset.default", "dataset.text_embeds"),
        source=f"{_FACTORY} (_ensure_text_embed_backends_present, _assign_text_embed_cache)",
        check=check_text_caches,
    ),
    Rule(
        id="H13",
        title="a key that does nothing any more",
        severity=Severity.WARNING,
        looks_at=("dataset.hash_filenames", "dataset.csv_hash_filenames"),
        source=f"{_FACTORY} (init_backend_config)",
        check=check_ignored_keys,
    ),
    Rule(
        id="H14",
        title="compressed caches, and compression off",
        severity=Severity.WARNING,
        looks_at=("compress_disk_cache", "dataset.compress_cache", "around.folders"),
        source="data_backend/local.py (torch_load)",
        check=check_compression,
    ),
    Rule(
        id="H15",
        title="too little free disk space",
        severity=Severity.ERROR,
        looks_at=("output_dir", "checkpoints_total_limit", "around.free_disk_gib"),
        source="arithmetic over models/sd3/model.py and models/sd1x/model.py",
        check=check_disk,
        families=("sd3", "sd1x"),
    ),
    Rule(
        id="H16",
        title="a text cache full of captions that are gone",
        severity=Severity.WARNING,
        looks_at=("dataset.cache_dir", "around.num_cached_texts"),
        source="DATALOADER.md; caching/text_embeds.py",
        check=check_orphans,
    ),
    Rule(
        id="H17",
        title="a dataset in memory",
        severity=Severity.WARNING,
        looks_at=("dataset.type",),
        source="data_backend/memory.py",
        check=check_memory,
    ),
)
"""About ids, folders and caches, by their ids."""

ELSEWHERE_CACHES: Mapping[str, SaidElsewhere] = MappingProxyType({})
"""About caches, but said elsewhere: none. Ids that are missing or used twice are C27 too."""
