"""Hugging Face datasets as a source of images: recognized here, written out by a worker.

A dataset is written once into a plain folder of files in the person's cache; whatever
reads images reads that folder. Its name follows from the dataset's version, so a dataset
that has not changed is never written twice and a changed one never mistaken for it.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath

from tuner_kit.data.dataset_exports import export_dir_of, load_export
from tuner_kit.data.walk import IMAGE_SUFFIXES
from tuner_kit.errors import ERROR_OF_KIND, Problem, Severity
from tuner_kit.process.messages import (
    Event,
    ExportDatasetOutcome,
    ExportDatasetRefusal,
    ExportDatasetRequest,
    ExportDatasetResult,
)
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.disk_errors import explain_disk_errors

_FORMAT = "1"
"""Goes up when an export of the same dataset would hold other files; old ones are left alone."""

_HUB_ID = re.compile(
    r"(?:https://huggingface\.co/datasets/|hf://datasets/|datasets/(?=[^/@]+/))?"
    r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w./-]+))?",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SAVED_NAMES = frozenset({"state.json", "dataset_info.json", "dataset_dict.json"})
_TABLE_SUFFIXES = frozenset({".parquet", ".arrow"})
_MAX_DEPTH = 3
_LABEL_CHARACTERS = 40

_PROBLEM_IDS = {"access": "A02", "dataset": "D30", "disk": "M01"}


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A dataset on the Hugging Face Hub."""

    hub_id: str
    revision: str | None = None
    """Branch, tag or commit; None is the main branch as it is now."""


@dataclass(frozen=True, slots=True)
class LocalDataset:
    """A folder of parquet files, or one that `save_to_disk` of the `datasets` library wrote."""

    folder: Path
    files: tuple[str, ...]
    """What says which dataset it is, relative to the folder."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a dataset is used; None leaves it to the dataset's own structure."""

    config_name: str | None = None
    split: str | None = None
    image_column: str | None = None
    caption_column: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetExport:
    """A plain folder that holds a dataset's images and captions."""

    folder: Path
    summary: ExportDatasetResult
    notices: tuple[Problem, ...] = ()


def parse_hub_dataset(text: str) -> HubDataset | None:
    """Read `user/name`, `user/name@revision` or the address of a dataset's page.

    A relative path looks the same, so ask first whether there is such a folder.
    """
    match = _HUB_ID.fullmatch(text.strip())
    if match is None or ".." in text or "--" in match["id"]:
        return None
    return HubDataset(match["id"], match["revision"])


def find_local_dataset(folder: Path) -> LocalDataset | None:
    """Tell whether a folder holds a dataset as tables, and list the files that make it up.

    A folder with images of its own, at the top or one level below, is never one.

    Raises:
        OSError: the folder can't be listed.
    """
    names = {entry.name for entry in os.scandir(folder)}
    is_saved = "dataset_dict.json" in names or {"state.json", "dataset_info.json"} <= names
    if not is_saved and not _has_only_tables(folder):
        return None
    return LocalDataset(folder.resolve(), tuple(sorted(_relevant_files(folder.resolve()))))


def export_dataset(
    dataset: HubDataset | LocalDataset,
    exports_dir: Path,
    *,
    on_event: OnEvent,
    choice: Choice = Choice(),
) -> DatasetExport:
    """Give the folder with the dataset's images and captions, writing it if there is none.

    Raises:
        AccessError: the Hub has no such dataset, refuses it, or can't be reached (A02).
        DatasetError: the dataset can't be read, or a choice is needed (D30).
        MachineError: the disk is full (M01) or the cache can't be written (M04).
        WorkerError: the worker stopped.
    """
    exports_dir = exports_dir.resolve()
    request = _build_request(dataset, exports_dir, choice)
    with explain_disk_errors(exports_dir):
        exports_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(exports_dir / f"{request.stem}.lock", on_event):
        summary = _find_whole(request) or _run(request, on_event)
    return DatasetExport(summary.export_dir, summary, tuple(_notices(summary, dataset)))


def _build_request(
    dataset: HubDataset | LocalDataset, exports_dir: Path, choice: Choice
) -> ExportDatasetRequest:
    """Say what is asked of the worker, with the name that follows from it."""
    request = ExportDatasetRequest(
        config_name=choice.config_name,
        split=choice.split,
        image_column=choice.image_column,
        caption_column=choice.caption_column,
        exports_dir=exports_dir,
        stem=_stem(dataset, choice),
    )
    if isinstance(dataset, HubDataset):
        origin = {"hub_id": dataset.hub_id, "revision": dataset.revision}
        return request.model_copy(update=origin)
    origin_dir = {"source_dir": dataset.folder, "files": dataset.files}
    return request.model_copy(update={**origin_dir, "version": _version(dataset)})


def _stem(dataset: HubDataset | LocalDataset, choice: Choice) -> str:
    """Name a dataset with its choices: readable, and different for any two of them."""
    if isinstance(dataset, HubDataset):
        origin, label = [dataset.hub_id, dataset.revision], dataset.hub_id
    else:
        origin, label = [str(dataset.folder)], dataset.folder.name
    identity = json.dumps([_FORMAT, origin, astuple(choice)])
    readable = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")[:_LABEL_CHARACTERS]
    return f"{readable or 'dataset'}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _version(dataset: LocalDataset) -> str:
    """Name the present content of a folder by its files' names, sizes and times."""
    digest = hashlib.sha256()
    for name in dataset.files:
        status = (dataset.folder / name).stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()


def _find_whole(request: ExportDatasetRequest) -> ExportDatasetResult | None:
    """Find an export that is known to be the present one without asking anybody."""
    version = request.version
    if version is None and request.revision and _COMMIT.fullmatch(request.revision):
        version = request.revision
    if version is None:
        return None
    return load_export(export_dir_of(request.exports_dir, request.stem, version))


def _run(request: ExportDatasetRequest, on_event: OnEvent) -> ExportDatasetResult:
    workdir = request.exports_dir / f"{request.stem}.work"
    with explain_disk_errors(workdir):
        workdir.mkdir(exist_ok=True)
    outcome = run_worker("export_dataset", request, ExportDatasetOutcome, workdir, on_event)
    answer = outcome.answer
    if isinstance(answer, ExportDatasetRefusal):
        problem = Problem(
            id=_PROBLEM_IDS[answer.kind], what=answer.what, where=answer.where, fix=answer.fix
        )
        raise ERROR_OF_KIND[problem.id[0]](problem)
    return answer


@contextmanager
def _locked(path: Path, on_event: OnEvent) -> Iterator[None]:
    """Let one process at a time export a dataset; the next one finds it whole."""
    # Only for datasets of the library: folders of images shouldn't pay for the import.
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_event(Event(phase="waiting for another command that exports this dataset"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _notices(summary: ExportDatasetResult, dataset: HubDataset | LocalDataset) -> Iterator[Problem]:
    where = dataset.hub_id if isinstance(dataset, HubDataset) else str(dataset.folder)
    if summary.is_last_known:
        yield Problem(
            id="A03",
            severity=Severity.NOTICE,
            what=f"the Hub can't be reached: {where} is used as it was at the last export",
            where=str(summary.export_dir),
            fix="connect to the internet and run the command again to get what is new",
        )
    if summary.num_without_image:
        num_rows = summary.num_images + summary.num_without_image
        yield Problem(
            id="D34",
            severity=Severity.NOTICE,
            what=f"{summary.num_without_image} of {num_rows} rows have no image and are left out",
            where=f"{where}, column {summary.image_column!r}",
            fix="nothing needs to be done, unless these images should be there",
        )


# ------------------------------------------------------------------ looking at folders


def _has_only_tables(folder: Path) -> bool:
    """Whether there are parquet files and no images, at the top or one level below."""
    has_tables = False
    for entry in _entries(folder):
        inside = _entries(Path(entry)) if entry.is_dir() else iter((entry,))
        for item in inside:
            suffix = PurePosixPath(item.name).suffix.lower()
            if suffix in IMAGE_SUFFIXES:
                return False
            has_tables |= suffix == ".parquet" and item.name != "metadata.parquet"
    return has_tables


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))
    except OSError:  # what can't be listed holds nothing that could be read
        return


def _relevant_files(folder: Path) -> Iterator[str]:
    """Name the tables, the files that describe them, and a program that would make them."""
    for parent, folders, names in os.walk(folder):
        depth = len(Path(parent).relative_to(folder).parts)
        folders[:] = [] if depth >= _MAX_DEPTH else [n for n in folders if not n.startswith(".")]
        described = _SAVED_NAMES | ({"README.md", f"{folder.name}.py"} if depth == 0 else set())
        for name in names:
            path = Path(parent, name)
            is_relevant = name in described or path.suffix in _TABLE_SUFFIXES
            if is_relevant and path.is_file():
                yield path.relative_to(folder).as_posix()
