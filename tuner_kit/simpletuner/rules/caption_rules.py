"""Rules C: where the captions come from, and what the trainer makes of them."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import (
    count,
    facts_about,
    pictures,
    trained_pictures,
    with_options,
)
from tuner_kit.simpletuner.rules.origin_rules import (
    check_origin,
    check_parquet,
    check_table_sizes,
    check_url_list,
)
from tuner_kit.simpletuner.rules.rule import Finding, Rule, SaidElsewhere, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

_FACTORY = "data_backend/factory.py"
_SD = ("sd3", "sd1x")
_CAMERA_NAME = re.compile(
    r"(?:(?:img|image|dsc[a-z]?|p|pxl|photo|picture|screenshot|unknown|untitled|wp|mvimg)"
    r"[\W_]*)?[\d\W_]*|[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    re.IGNORECASE,
)
"""Stems that say nothing: what cameras, phones and downloads write."""

_MAX_DROPOUT = 0.3
_MAX_PROMPT_DROPOUT = 0.1
"""With one prompt for all images: more leaves the subject without its name too often."""


def check_strategy(setup: TrainerSetup) -> Iterator[Finding]:
    """C01: config.json spells the strategy otherwise than the data files do."""
    if setup.options.text("caption_strategy") != "instance_prompt":
        return
    for entry in pictures(setup):
        if "caption_strategy" not in entry.written and entry.text("type") != "huggingface":
            yield about(
                entry,
                "caption_strategy",
                f"dataset {entry.name} takes caption_strategy instance_prompt from config.json; "
                "the parser knows that word, but whatever reads the captions does not, and stops",
                'write "caption_strategy": "instanceprompt" into the dataset, in one word',
                write("caption_strategy", "instanceprompt", entry),
            )


def check_prompts(setup: TrainerSetup) -> Iterator[Finding]:
    """C02: a prompt is asked for, but none is written."""
    for entry in pictures(setup):
        values = with_options(setup, entry)
        if values.text("instance_prompt") is not None:
            continue
        for key in _prompt_users(setup, entry):
            yield about(
                entry,
                "instance_prompt",
                f"dataset {entry.name} has {key}, but no instance_prompt",
                'add the prompt, such as "instance_prompt": "photo of sks cat"',
            )


def _prompt_users(setup: TrainerSetup, entry: DatasetEntry) -> Iterator[str]:
    values = with_options(setup, entry)
    if values.text("caption_strategy") == "instanceprompt":
        yield 'caption_strategy "instanceprompt"'
    elif entry.is_on("only_instance_prompt") or setup.options.is_on("only_instance_prompt"):
        yield "only_instance_prompt"
    # Empty text in front of a caption does no harm; none at all stops the trainer.
    elif values.is_on("prepend_instance_prompt") and values.get("instance_prompt") is None:
        yield "prepend_instance_prompt"


def check_lines(setup: TrainerSetup) -> Iterator[Finding]:
    """C04: every line of a caption file is a caption of its own."""
    for entry in trained_pictures(setup):
        facts = facts_about(setup, entry)
        if facts is None or with_options(setup, entry).text("caption_strategy") != "textfile":
            continue
        if facts.several_lines and not entry.is_on("disable_multiline_split"):
            yield about(
                entry,
                "disable_multiline_split",
                f"{count(len(facts.several_lines), 'caption')} of dataset {entry.name} with several "
                f"lines (first: {facts.several_lines[0]}): the trainer takes each line for a "
                "caption of its own, and draws one of them at random",
                'if the lines belong together, add "disable_multiline_split": true',
            )
        if facts.byte_order_marks:
            yield about(
                entry,
                "caption_strategy",
                f"{count(len(facts.byte_order_marks), 'caption')} of dataset {entry.name} with a byte "
                f"order mark (first: {facts.byte_order_marks[0]}), which is trained as a word",
                "save the .txt files as UTF-8 without BOM",
            )


def check_filter_list(setup: TrainerSetup) -> Iterator[Finding]:
    """C10: only a text cache filters captions."""
    for entry in setup.datasets:
        if entry.kind != "text_embeds" and "caption_filter_list" in entry.written:
            yield about(
                entry,
                "caption_filter_list",
                f"dataset {entry.name} has a caption_filter_list, which SimpleTuner takes in a "
                "text_embeds dataset only",
                "move it to the text_embeds dataset",
            )


def check_shuffle(setup: TrainerSetup) -> Iterator[Finding]:
    """C11: how the parts of captions are shuffled."""
    for entry in pictures(setup):
        shuffle = entry.get("caption_shuffle")
        if not shuffle:
            continue
        if not isinstance(shuffle, dict):
            yield _shuffle_finding(entry, f"is {shuffle!r}, not an object")
            continue
        for key, value, wanted in _wrong_parts(shuffle):
            yield _shuffle_finding(entry, f"has {key} = {value!r}; it must be {wanted}")
        if shuffle.get("enable") is not True:
            yield _shuffle_hint(entry, 'does nothing without "enable": true')
        elif shuffle.get("split_on") in ("space", "period"):  # anything may stand there
            what = "words" if shuffle["split_on"] == "space" else "sentences"
            yield _shuffle_hint(entry, f"shuffles the {what} of each caption; only tags bear that")


def _wrong_parts(shuffle: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue, str]]:
    split_on = shuffle.get("split_on", "comma")
    if split_on not in ("comma", "space", "period"):
        yield "split_on", split_on, "comma, space or period"
    for key, default, least in (("count", 1, 1), ("position_start", 0, 0)):
        value = shuffle.get(key, default)
        if not isinstance(value, int) or value < least:
            yield key, value, f"a whole number from {least} on"


def _shuffle_finding(entry: DatasetEntry, what: str) -> Finding:
    return about(
        entry,
        "caption_shuffle",
        f"caption_shuffle of dataset {entry.name} {what}",
        'write "caption_shuffle": {"enable": true, "count": 1, "split_on": "comma", '
        '"position_start": 1}',
    )


def _shuffle_hint(entry: DatasetEntry, what: str) -> Finding:
    return Finding(
        what=f"caption_shuffle of dataset {entry.name} {what}",
        fix='write "enable": true and "split_on": "comma", or remove caption_shuffle',
        key="caption_shuffle",
        dataset=entry.index,
        severity=Severity.WARNING,
    )


def check_dropout(setup: TrainerSetup) -> Iterator[Finding]:
    """C12: how many captions are left out, so that guidance works."""
    share = setup.options.number("caption_dropout_probability")
    if share is None:
        return
    strategies = [
        with_options(setup, entry).text("caption_strategy") for entry in trained_pictures(setup)
    ]
    most = _MAX_DROPOUT
    if strategies and set(strategies) == {"instanceprompt"}:
        most = _MAX_PROMPT_DROPOUT
    if not 0 <= share <= 1:
        yield _dropout(f"{share:g} is no share", Severity.ERROR)
    elif share == 0:
        yield _dropout("0 trains no empty caption, so guidance gets worse with every step")
    elif share > most:
        yield _dropout(f"{share:g} trains many images without their caption; {most:g} is plenty")


def _dropout(what: str, severity: Severity | None = None) -> Finding:
    return Finding(
        what=f"caption_dropout_probability = {what}",
        fix="write 0.1: one caption in ten is left out",
        key="caption_dropout_probability",
        severity=severity,
    )


def check_file_names(setup: TrainerSetup) -> Iterator[Finding]:
    """C14: file names as captions, unasked or without meaning."""
    for entry in trained_pictures(setup):
        if with_options(setup, entry).text("caption_strategy") != "filename":
            continue
        facts = facts_about(setup, entry)
        names = [] if facts is None else list(facts.example_names)
        empty = [name for name in names if _says_nothing(name)]
        is_asked = entry.has("caption_strategy") or setup.options.written.get("caption_strategy")
        origin = entry.text("type") or "local"
        if len(empty) * 2 > len(names):
            what = f"and names such as {empty[0]} say nothing about the image"
        elif not is_asked and origin in {"local", "aws"}:
            what = "because nothing else is said"
        else:
            continue
        yield about(
            entry,
            "caption_strategy",
            f"dataset {entry.name} takes the file names as captions, {what}",
            'write "caption_strategy": "textfile" with a .txt file beside each image, or '
            '"instanceprompt" with an instance_prompt',
        )


def _says_nothing(name: str) -> bool:
    stem = name.rpartition("/")[2].rpartition(".")[0]
    return _CAMERA_NAME.fullmatch(stem) is not None


CAPTION_RULES: tuple[Rule, ...] = (
    Rule(
        id="C01",
        title="a caption strategy that only config.json knows",
        severity=Severity.ERROR,
        looks_at=("caption_strategy", "dataset.caption_strategy"),
        source="prompts.py (get_all_captions), configuration/cmd_args.py",
        check=check_strategy,
    ),
    Rule(
        id="C02",
        title="an instance prompt is asked for, but not written",
        severity=Severity.ERROR,
        looks_at=(
            "dataset.instance_prompt",
            "dataset.caption_strategy",
            "dataset.prepend_instance_prompt",
            "dataset.only_instance_prompt",
        ),
        source=f"{_FACTORY} (_create_dataset_and_sampler), prompts.py",
        check=check_prompts,
    ),
    Rule(
        id="C04",
        title="caption files whose lines or first bytes are taken for something else",
        severity=Severity.WARNING,
        looks_at=("dataset.disable_multiline_split", "around.folders"),
        source="prompts.py (prepare_instance_prompt_from_textfile)",
        check=check_lines,
    ),
    Rule(
        id="C06",
        title="captions of a Parquet table, without the table",
        severity=Severity.ERROR,
        looks_at=("dataset.caption_strategy", "dataset.metadata_backend", "dataset.parquet"),
        source=f"{_FACTORY} (init_backend_config, configure_parquet_database)",
        check=check_parquet,
    ),
    Rule(
        id="C07",
        title="a Parquet table without the sizes of the images",
        severity=Severity.ERROR,
        looks_at=("dataset.metadata_backend", "dataset.parquet"),
        source="metadata/backends/parquet.py (_process_for_bucket)",
        check=check_table_sizes,
    ),
    Rule(
        id="C08",
        title="a CSV dataset that is not complete, or a cache of type csv",
        severity=Severity.ERROR,
        looks_at=(
            "dataset.type",
            "dataset.csv_file",
            "dataset.csv_cache_dir",
            "dataset.csv_caption_column",
            "dataset.caption_strategy",
        ),
        source="data_backend/builders/csv.py (_validate_csv_config)",
        check=check_url_list,
    ),
    Rule(
        id="C09",
        title="captions or metadata of another kind of dataset",
        severity=Severity.ERROR,
        looks_at=("dataset.type", "dataset.caption_strategy", "dataset.metadata_backend"),
        source="data_backend/config/validators.py",
        check=check_origin,
    ),
    Rule(
        id="C10",
        title="a caption filter where no captions are cached",
        severity=Severity.ERROR,
        looks_at=("dataset.caption_filter_list",),
        source=f"{_FACTORY} (init_backend_config)",
        check=check_filter_list,
    ),
    Rule(
        id="C11",
        title="caption_shuffle with a value that is refused, or without effect",
        severity=Severity.ERROR,
        looks_at=("dataset.caption_shuffle",),
        source=f"{_FACTORY} (init_backend_config), prompts.py (CaptionShuffler)",
        check=check_shuffle,
    ),
    Rule(
        id="C12",
        title="too few or too many captions are left out",
        severity=Severity.WARNING,
        looks_at=("caption_dropout_probability", "dataset.caption_strategy"),
        source="data_backend/config_rules.py; issue 1154",
        check=check_dropout,
        families=_SD,
    ),
    Rule(
        id="C14",
        title="file names are the captions, unasked or without meaning",
        severity=Severity.WARNING,
        looks_at=("caption_strategy", "dataset.caption_strategy", "around.folders"),
        source="configuration/cmd_args.py (the default is filename), prompts.py",
        check=check_file_names,
    ),
)
"""About captions, by their ids."""

ELSEWHERE_CAPTIONS: Mapping[str, SaidElsewhere] = MappingProxyType(
    {
        "C03": SaidElsewhere(
            "images without a caption file",
            ("D03", "D04", "D05"),
            "prompts.py (prepare_instance_prompt_from_textfile)",
        ),
        "C05": SaidElsewhere(
            "captions longer than the text encoders read", ("D22", "D23"), "models/sd3/model.py"
        ),
        "C13": SaidElsewhere(
            "captions that are alike, or lack the trigger word", ("D24", "D25"), "DREAMBOOTH.md"
        ),
    }
)
"""About captions, but said by the examination of the dataset."""
