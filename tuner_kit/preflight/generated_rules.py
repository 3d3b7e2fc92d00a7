"""The rules about SimpleTuner's configuration, on the files that a tuner.yaml becomes.

What they find is said in the words of tuner.yaml, and only where the person can change it:
what tuner_kit itself writes is held right by tests.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.yaml_source import KeyPath, format_key_path
from tuner_kit.errors import Problem
from tuner_kit.planning.shape import model_of
from tuner_kit.preflight.base_model import resolve_base_model
from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.runs.layout import Run
from tuner_kit.simpletuner.option_table import load_option_table
from tuner_kit.simpletuner.rules.apply import apply_rules
from tuner_kit.simpletuner.rules.rule import ID_PREFIX, Finding
from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, Surroundings, build_setup
from tuner_kit.simpletuner.rules.table import RULES
from tuner_kit.simpletuner.training_files import (
    OPTION_SOURCES,
    ImageFolder,
    TrainingInputs,
    build_training_files,
    read_value,
)


def check_generated_files(
    file: ConfigFile, datasets: Sequence[ExaminedDataset], said: Collection[str]
) -> Iterator[Problem]:
    """Judge the files that the trainer would get.

    Args:
        file: without errors, so that files can be built from it.
        datasets: those that could be read.
        said: places that were reported already; once is enough.
    """
    base = resolve_base_model(file)
    is_tiny = (model_of(base, file.config.model.family) or "").startswith("tiny")
    # The rules are about models of full size: an embedded one is trained in other ways.
    if is_tiny or len(datasets) != len(file.config.datasets):
        return
    run = Run(file.resolve(file.config.paths.runs_dir) / file.config.name)
    folders = tuple(_image_folders(datasets))
    files = build_training_files(
        TrainingInputs(file.config, base, run, run.next_attempt(), folders)
    )
    around = Surroundings(
        num_processes=file.config.hardware.num_gpus,
        folders={
            index: ImageFolderFacts(dir=folder.dir, num_images=folder.buckets.num_images)
            for index, folder in enumerate(folders)
        },
    )
    entries: list[JsonValue] = [dict(entry) for entry in files.backend]
    setup = build_setup(files.config, entries, load_option_table(), around)
    for rule, finding in apply_rules(setup, RULES):
        key = _source_of(finding, file, files.config)
        if key is None or file.source.locate(key) in said:
            continue
        yield Problem(
            id=f"{ID_PREFIX}{rule.id}",
            severity=finding.severity or rule.severity,
            what=_in_our_words(finding.what),
            where=file.source.locate(key),
            fix=_in_our_words(finding.fix),
        )


def _image_folders(datasets: Sequence[ExaminedDataset]) -> Iterator[ImageFolder]:
    for index, dataset in enumerate(datasets):
        for plan in dataset.parts:
            yield ImageFolder(
                dir=Path(dataset.snapshot.root).absolute(),
                fingerprint="",
                buckets=plan.buckets,
                dataset_index=index,
                part=plan.part.name,
                is_regularization=plan.part.is_regularization,
            )


def _source_of(
    finding: Finding, file: ConfigFile, options: Mapping[str, JsonValue]
) -> KeyPath | None:
    """Find the value of tuner.yaml that a finding is about.

    None where there is none, or where the trainer's value is another one that we compute.
    """
    name = finding.key or ""
    if finding.dataset is not None:
        return None  # what is said about a dataset is said by its examination
    if name in file.config.simpletuner:
        return ("simpletuner", name)
    key = OPTION_SOURCES.get(name)
    if key is None:
        return None
    value = read_value(file.config, key)
    return key if value is not None and value == options.get(name) else None


_NAMES = {name: format_key_path(key) for name, key in OPTION_SOURCES.items() if "_" in name}
"""Others, such as `seed` and `resolution`, are words of any sentence."""
_WORD = re.compile(
    r"(?<![\w.-])(\"?)(" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")\1(?![\w-])"
)


def _in_our_words(text: str) -> str:
    """Call options by their names in tuner.yaml."""
    return _WORD.sub(lambda found: _NAMES[found[2]], text)
