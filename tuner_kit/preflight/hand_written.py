"""Checks SimpleTuner's own files for people who wrote them by hand."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.config.json_source import JsonSource, parse_json
from tuner_kit.config.text_file import read_text
from tuner_kit.errors import ConfigError, Problem, Severity
from tuner_kit.preflight.surroundings import find_surroundings
from tuner_kit.process.worker import OnEvent
from tuner_kit.simpletuner.file_schemas import check_dataset_file
from tuner_kit.simpletuner.leftovers import count_cached_texts
from tuner_kit.simpletuner.option_fixes import fix_options
from tuner_kit.simpletuner.option_table import TrainerOption, check_options, load_option_table
from tuner_kit.simpletuner.rules.apply import apply_rules, as_problem
from tuner_kit.simpletuner.rules.rule import Edit, Finding, Remove
from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, TrainerSetup, build_setup
from tuner_kit.simpletuner.rules.table import RULES
from tuner_kit.simpletuner.written_config import (
    NO_FILE_FIX,
    WrittenConfig,
    read_written_config,
)

_DATASETS = "data_backend_config"
_EXAMPLES = "config/examples/"
"""Upstream's own examples name each other so; it finds them in its package."""


@dataclass(frozen=True, slots=True)
class TrainingSite:
    """Where SimpleTuner would be started."""

    working_dir: Path
    """Relative paths begin there."""
    environ: Mapping[str, str]
    """The person's whole environment."""


@dataclass(frozen=True, slots=True)
class HandWritten:
    """A configuration that was checked."""

    config: WrittenConfig
    datasets: JsonSource | None
    """None where the file can't be found or read."""
    datasets_path: Path | None
    problems: tuple[Problem, ...]
    edits: tuple[Edit, ...]
    """What `check --fix` would change."""
    setup: TrainerSetup
    """What the rules looked at."""
    looked_at_images: bool
    """False where the files have errors: they are said at once, before any image is read."""


def check_trainer_config(config_path: Path, site: TrainingSite, on_event: OnEvent) -> HandWritten:
    """Check a config.json, .toml or .env with the dataset file that it names.

    Args:
        config_path: the configuration; its keys may begin with two dashes.
        site: where SimpleTuner would be started.
        on_event: called with the progress of reading images.

    Raises:
        ConfigError: the configuration can't be read at all (C01, C02, C05).
    """
    table = load_option_table()
    config = read_written_config(config_path, table)
    found = _read_datasets(config, site.working_dir)
    around = find_surroundings(
        config.options, config_path, working_dir=site.working_dir, environ=site.environ
    )
    setup = build_setup(config.options, _entries(found.source), table, around)
    written = (
        *config.problems,
        *_check_twice(config),
        *check_options(config.options, where=config.locate),
        *_check_required(config, table),
        *found.problems,
    )
    about_data: tuple[Problem, ...] = ()
    reported = list(apply_rules(setup, RULES))
    is_wrong = any(problem.severity is Severity.ERROR for problem in written) or any(
        (finding.severity or rule.severity) is Severity.ERROR for rule, finding in reported
    )
    if not is_wrong:  # reading every image would delay what is wrong in the files
        setup, about_data = _with_folders(setup, found, on_event)
        reported = list(apply_rules(setup, RULES))
    place = _Places(config, found.source)
    edits = [edit for _, finding in reported for edit in finding.edits]
    return HandWritten(
        config=config,
        datasets=found.source,
        datasets_path=found.path,
        problems=(
            *written,
            *(as_problem(rule, finding, place.of) for rule, finding in reported),
            *about_data,
        ),
        edits=(*_option_edits(config, table), *edits),
        setup=setup,
        looked_at_images=not is_wrong,
    )


def _option_edits(config: WrittenConfig, table: Mapping[str, TrainerOption]) -> Iterator[Edit]:
    for change in fix_options(config.options, table):
        yield Edit(change.name, Remove.KEY if change.is_removal else change.value)


@dataclass(frozen=True, slots=True)
class _Datasets:
    """The data backend file, as far as it could be read."""

    path: Path | None = None
    source: JsonSource | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Places:
    """Says where a finding is."""

    config: WrittenConfig
    datasets: JsonSource | None

    def of(self, finding: Finding) -> str:
        if finding.dataset is None or self.datasets is None:
            return self.config.locate(finding.key or "")
        entry = (finding.dataset,)
        key = (*entry, finding.key) if finding.key is not None else entry
        place = key if key in self.datasets.spans else entry
        located = self.datasets.locate(place)
        return located if place == key else f"{located}.{finding.key}"


def _check_twice(config: WrittenConfig) -> Iterator[Problem]:
    for name, count in Counter(option.name for option in config.written).items():
        keys = dict.fromkeys(option.key for option in config.written if option.name == name)
        if count > 1 and len(keys) > 1:
            yield Problem(
                id="C25",
                what=f"{' and '.join(keys)} are one option; only the last one would count",
                where=config.locate(name),
                fix="keep one of the lines",
            )


def _check_required(config: WrittenConfig, table: Mapping[str, TrainerOption]) -> Iterator[Problem]:
    for option in table.values():
        if option.required and not set(option.spellings) & config.options.keys():
            yield Problem(
                id="C07",
                what=f"{option.name} is missing",
                where=config.path.name,
                fix=f"add it: SimpleTuner does not start without {option.name}",
            )


def _read_datasets(config: WrittenConfig, working_dir: Path) -> _Datasets:
    named = config.options.get(_DATASETS)
    if not isinstance(named, str) or not named:
        return _Datasets()
    path = _find_datasets(named, (working_dir, config.path.parent))
    if path is None:
        problem = Problem(
            id="C01",
            what=f"the dataset file {named} does not exist",
            where=config.locate(_DATASETS),
            fix="correct its path; a relative one begins where the trainer is started",
        )
        return _Datasets(problems=(problem,))
    try:
        source = parse_json(read_text(path, fix=NO_FILE_FIX), name=path.name)
    except ConfigError as error:
        return _Datasets(problems=error.problems)
    if source.data is None and source.problems:
        return _Datasets(path, problems=source.problems)
    wrong = check_dataset_file(source.data, source.locate)
    return _Datasets(path, source, (*source.problems, *wrong))


def _find_datasets(named: str, folders: Sequence[Path]) -> Path | None:
    candidates = [folder / Path(named).expanduser() for folder in folders]
    package = find_spec("simpletuner")
    if named.startswith(_EXAMPLES) and package is not None and package.origin is not None:
        candidates.append(Path(package.origin).parent / named.removeprefix("config/"))
    return next((path for path in candidates if path.is_file()), None)


def _entries(source: JsonSource | None) -> Sequence[JsonValue]:
    return source.data if source is not None and isinstance(source.data, list) else ()


def _with_folders(
    setup: TrainerSetup, found: _Datasets, on_event: OnEvent
) -> tuple[TrainerSetup, tuple[Problem, ...]]:
    """Look into the folders of images, so that rules know what is there."""
    # What reads images takes longer to import than all else takes to be judged.
    from tuner_kit.preflight.hand_written_data import examine_folder

    folders: dict[int, ImageFolderFacts] = {}
    problems: list[Problem] = []
    for entry in setup.image_datasets:
        place = (entry.index, "instance_data_dir")
        where = found.source.locate(place) if found.source is not None else ""
        findings = examine_folder(entry, setup, where, on_event)
        if findings is not None:
            problems += findings.problems
            if findings.facts is not None:
                folders[entry.index] = findings.facts
    around = replace(setup.around, folders=folders, num_cached_texts=_count_cached_texts(setup))
    return replace(setup, around=around), tuple(problems)


def _count_cached_texts(setup: TrainerSetup) -> dict[int, int]:
    """Count what is in the text caches that exist already."""
    folders = {
        entry.index: setup.around.working_dir / cache.replace("{model_family}", setup.family)
        for entry in setup.datasets
        if entry.kind == "text_embeds" and (cache := entry.text("cache_dir")) is not None
    }
    return {index: count_cached_texts(folder) for index, folder in folders.items()}
