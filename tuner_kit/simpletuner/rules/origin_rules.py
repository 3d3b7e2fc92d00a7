"""Rules C06 to C09: captions that come with a table, a list of addresses or the Hub."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tuner_kit.simpletuner.rules.entries import pictures, place, with_options
from tuner_kit.simpletuner.rules.rule import Finding, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup


def check_parquet(setup: TrainerSetup) -> Iterator[Finding]:
    """C06: captions of a table, without the table."""
    for entry in pictures(setup):
        uses_captions = with_options(setup, entry).text("caption_strategy") == "parquet"
        backend = entry.text("metadata_backend") or "discovery"
        if uses_captions and backend in {"json", "discovery"}:
            yield about(
                entry,
                "metadata_backend",
                f'dataset {entry.name} has caption_strategy "parquet" with metadata_backend '
                f'"{backend}", and SimpleTuner refuses that',
                'write "metadata_backend": "parquet", or save the captions as .txt files and '
                'write "caption_strategy": "textfile"',
            )
        if uses_captions or backend == "parquet":
            yield from _check_table(setup, entry)


def _check_table(setup: TrainerSetup, entry: DatasetEntry) -> Iterator[Finding]:
    table = entry.get("parquet")
    path = table.get("path") if isinstance(table, dict) else None
    if not isinstance(path, str) or not path:
        missing = "path in its parquet block" if isinstance(table, dict) else "parquet block"
        yield about(
            entry,
            "parquet",
            f"dataset {entry.name} reads a Parquet table, but has no {missing}",
            'add "parquet": {"path": "captions.parquet", "filename_column": "id", '
            '"caption_column": "caption", "width_column": "width", "height_column": "height"}',
        )
    elif _is_missing(setup, entry, path):
        yield about(
            entry,
            "parquet",
            f"the table {path} of dataset {entry.name} does not exist",
            "correct its path; a relative one begins where the trainer is started",
        )


def _is_missing(setup: TrainerSetup, entry: DatasetEntry, path: str) -> bool:
    # Without a working directory nobody knows where a relative path begins.
    is_known = setup.around.working_dir.is_absolute() and entry.text("type") == "local"
    return is_known and not place(setup, path, entry).exists()


def check_table_sizes(setup: TrainerSetup) -> Iterator[Finding]:
    """C07: with metadata of a table, the sizes come from it too."""
    for entry in pictures(setup):
        table = entry.get("parquet")
        if entry.text("metadata_backend") != "parquet" or not isinstance(table, dict):
            continue
        for key in ("width_column", "height_column"):
            if key in table and not (isinstance(table[key], str) and table[key]):
                yield about(
                    entry,
                    "parquet",
                    f"dataset {entry.name} has no name in parquet.{key}, so the size of no image "
                    "is known and all are left out",
                    f'name the column with the pixels, as in "{key}": '
                    f'"{key.removesuffix("_column")}"',
                )


def check_url_list(setup: TrainerSetup) -> Iterator[Finding]:
    """C08: a list of addresses, incomplete or in place of a cache."""
    for entry in setup.datasets:
        if entry.text("type") != "csv" or not entry.is_enabled:
            continue
        if entry.kind in {"text_embeds", "image_embeds", "conditioning_image_embeds"}:
            yield about(
                entry,
                "type",
                f'{entry.name} is a cache of type "csv"; SimpleTuner can\'t write into a list',
                'write "type": "local" and a cache_dir',
            )
            continue
        for key in ("csv_file", "csv_cache_dir", "csv_caption_column"):
            if entry.text(key) is None:
                yield about(
                    entry,
                    key,
                    f'dataset {entry.name} is of type "csv" without {key}',
                    f'add "{key}"',
                )
        strategy = with_options(setup, entry).text("caption_strategy")
        if strategy != "csv":
            yield about(
                entry,
                "caption_strategy",
                f'dataset {entry.name} is of type "csv" with caption_strategy "{strategy}"; only '
                '"csv" goes with it',
                'write "caption_strategy": "csv"',
                write("caption_strategy", "csv", entry),
            )


_OWN_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "huggingface": ("huggingface", "instanceprompt"),
        "webshart": ("webshart", "instanceprompt"),
    }
)
"""Caption strategies that a type of dataset takes."""


def check_origin(setup: TrainerSetup) -> Iterator[Finding]:
    """C09: captions or metadata of the Hub for a dataset that isn't there, or the reverse."""
    for entry in pictures(setup):
        origin, strategy = entry.text("type") or "local", entry.text("caption_strategy")
        taken = _OWN_KINDS.get(origin)
        if taken is None:
            if strategy in _OWN_KINDS:
                yield _wrong_strategy(entry, f"only goes with type {strategy}")
            continue
        if strategy is not None and strategy not in taken:
            yield _wrong_strategy(entry, f"does not go with type {origin}: use {taken[0]}")
        backend = entry.text("metadata_backend")
        if backend is not None and backend != origin:
            yield about(
                entry,
                "metadata_backend",
                f'dataset {entry.name} is of type "{origin}" with metadata_backend "{backend}", '
                "and SimpleTuner refuses that",
                f'write "metadata_backend": "{origin}"',
                write("metadata_backend", origin, entry),
            )
        if origin == "huggingface" and _lacks_name(entry):
            yield about(
                entry,
                "dataset_name",
                f"dataset {entry.name} is on the Hub, but has no dataset_name",
                'add "dataset_name": "user/name"',
            )


def _lacks_name(entry: DatasetEntry) -> bool:
    block = entry.get("huggingface")
    named = block.get("dataset_name") if isinstance(block, dict) else None
    return entry.text("dataset_name") is None and not named


def _wrong_strategy(entry: DatasetEntry, why: str) -> Finding:
    return about(
        entry,
        "caption_strategy",
        f'caption_strategy "{entry.text("caption_strategy")}" of dataset {entry.name} {why}',
        'use "textfile" for .txt files beside local images, "huggingface" for a dataset on the '
        'Hub, "instanceprompt" for one prompt',
    )
