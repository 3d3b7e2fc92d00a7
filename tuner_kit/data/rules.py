"""What is wrong with a dataset: every rule at once, one `Problem` per rule.

Each rule names what SimpleTuner 4.10.1 was seen doing otherwise: stopping in the middle
of a run, dropping an image without a word, or training on something else than is shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.data.captions import Caption, read_caption
from tuner_kit.data.conversion import conversion_of
from tuner_kit.data.snapshot import DatasetSnapshot, ImageRecord, SkipReason
from tuner_kit.errors import Problem, Severity

_MAX_NAMES = 3

# People who have these in the folder expect them to be trained on.
_MEDIA_SUFFIXES = frozenset(
    {".heic", ".heif", ".gif", ".jxl", ".jp2", ".psd", ".mp4", ".mov", ".webm", ".mkv", ".avi"}
)


@dataclass(frozen=True, slots=True)
class TrainingGeometry:
    """Sizes and counts that decide which datasets can be trained on."""

    resolution_px: int
    """Edge of the training images (of a square of the same area when they aren't cropped)."""
    train_batch_size: int
    gradient_accumulation_steps: int
    repeats: int
    """Additional passes over the images in one epoch."""
    is_cropped: bool = True
    """Squares are cut; otherwise each image keeps its shape."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the rules look at; collected once, so that each rule is a pure function."""

    snapshot: DatasetSnapshot
    geometry: TrainingGeometry
    has_fallback_caption: bool
    captions: Mapping[Path, Caption]
    """By the path of the image; images without caption file are absent."""
    unreadable: Mapping[str, str]
    """Reasons by name, broken links among them."""

    def where(self, first: str) -> str:
        """Give the folder and the first file that a finding is about."""
        return f"{self.snapshot.root} (first: {first})"

    def names_of(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """Name files relative to the dataset folder."""
        return tuple(self.snapshot.name_of(path) for path in paths)

    def names_of_captions(self, is_meant: Callable[[Caption], bool]) -> tuple[str, ...]:
        """Name the caption files whose content fits a description, each once."""
        paths = {
            record.caption_path: None
            for record in self.snapshot.records
            if record.caption_path is not None and is_meant(self.captions[record.path])
        }
        return self.names_of(paths)


def check_dataset(
    snapshot: DatasetSnapshot,
    geometry: TrainingGeometry,
    *,
    has_fallback_caption: bool,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Problem, ...]:
    """Apply every rule; reads all captions and decodes all images.

    Args:
        snapshot: the folder as it was read.
        geometry: what the training asks of it.
        has_fallback_caption: whether images without caption get one.
        on_progress: called with the number of decoded images and of all.

    Returns:
        At most one problem per rule, in the order of the ids.
    """
    evidence = Evidence(
        snapshot=snapshot,
        geometry=geometry,
        has_fallback_caption=has_fallback_caption,
        captions={
            record.path: read_caption(record.caption_path)
            for record in snapshot.records
            if record.caption_path is not None
        },
        unreadable=_collect_unreadable(snapshot, on_progress),
    )
    found = (check(evidence) for check in CHECKS)
    return tuple(problem for problem in found if problem is not None)


def _collect_unreadable(
    snapshot: DatasetSnapshot, on_progress: Callable[[int, int], None] | None
) -> dict[str, str]:
    # Pillow takes 40 ms to import, which a wrong key elsewhere should not wait for.
    from tuner_kit.data.decode import find_unreadable

    images = find_unreadable(snapshot.records, on_progress=on_progress)
    reasons = {snapshot.name_of(image.path): image.reason for image in images}
    for item in snapshot.skipped:
        if item.reason in {SkipReason.BROKEN_LINK, SkipReason.UNLISTABLE}:
            reasons[snapshot.name_of(item.path)] = item.reason.value
    return reasons


def check_missing_captions(evidence: Evidence) -> Problem | None:
    """D03: the trainer stops at an image that has no caption file."""
    records = evidence.snapshot.records
    names = evidence.names_of(record.path for record in records if record.caption_path is None)
    if not names:
        return None
    verb = "get the fallback caption" if evidence.has_fallback_caption else "have no caption"
    return Problem(
        id="D03",
        severity=Severity.NOTICE if evidence.has_fallback_caption else Severity.ERROR,
        what=f"{len(names)} of {len(records)} images {verb}: {_list_some(names)}",
        where=evidence.where(names[0]),
        fix=f"write {Path(names[0]).with_suffix('.txt').as_posix()} (and so on), or set "
        "fallback_caption of the dataset",
    )


def check_empty_captions(evidence: Evidence) -> Problem | None:
    """D04: an empty caption stops the trainer when its image is first drawn."""
    names = evidence.names_of_captions(lambda caption: caption.text == "")
    if not names:
        return None
    return Problem(
        id="D04",
        severity=Severity.WARNING if evidence.has_fallback_caption else Severity.ERROR,
        what=f"{_count(names, 'caption file')} empty or only blank: {_list_some(names)}",
        where=evidence.where(names[0]),
        fix="describe the images there, or set fallback_caption of the dataset",
    )


def check_caption_encoding(evidence: Evidence) -> Problem | None:
    """D05: a caption in another encoding stops the trainer in the middle of a run."""
    names = evidence.names_of_captions(lambda caption: caption.text is None)
    if not names:
        return None
    return Problem(
        id="D05",
        what=f"{_count(names, 'caption file')} not readable as UTF-8 text: {_list_some(names)}",
        where=evidence.where(names[0]),
        fix="save as UTF-8, for example: iconv -f ISO-8859-1 -t UTF-8 OLD.txt > NEW.txt",
    )


def check_unreadable_images(evidence: Evidence) -> Problem | None:
    """D06: broken images are dropped unseen, or stop the trainer in the middle of a run."""
    reasons = evidence.unreadable
    if not reasons:
        return None
    shown = [f"{name} ({reason})" for name, reason in reasons.items()]
    return Problem(
        id="D06",
        what=f"{_count(shown, 'image')} unreadable: {_list_some(shown)}",
        where=evidence.where(next(iter(reasons))),
        fix="replace or remove them; save float and 32-bit images with 8 or 16 bits per channel",
    )


def check_batch(evidence: Evidence) -> Problem | None:
    """D07: the trainer refuses a dataset that can't fill one optimizer step."""
    geometry = evidence.geometry
    num_images = len(evidence.snapshot.records)
    num_needed = geometry.train_batch_size * geometry.gradient_accumulation_steps
    num_passes = geometry.repeats + 1
    if num_images * num_passes >= num_needed:
        return None
    min_repeats = -(-num_needed // num_images) - 1
    return Problem(
        id="D07",
        what=f"images in an epoch: {num_images * num_passes} ({num_images} x {num_passes}), but one "
        f"step needs {num_needed} ({geometry.train_batch_size} per batch x "
        f"{geometry.gradient_accumulation_steps} accumulated)",
        where=str(evidence.snapshot.root),
        fix=f"set repeats of the dataset to at least {min_repeats}, or lower train_batch_size "
        "or gradient_accumulation_steps",
    )


def check_resolution(evidence: Evidence) -> Problem | None:
    """D08: the trainer enlarges small images, and the model learns the blur."""
    sizes = {
        record: _usable_edge_px(record, evidence.geometry)
        for record in evidence.snapshot.records
        if record.width_px > 0
    }
    small = [record for record, edge in sizes.items() if edge < evidence.geometry.resolution_px]
    if not small:
        return None
    smallest = min(small, key=lambda record: sizes[record])
    name = evidence.snapshot.name_of(smallest.path)
    resolution_px = evidence.geometry.resolution_px
    return Problem(
        id="D08",
        severity=Severity.WARNING,
        what=f"{len(small)} of {len(sizes)} images are smaller than {resolution_px} px and would be "
        f"enlarged, up to {resolution_px / sizes[smallest]:.2f} times",
        where=f"{evidence.snapshot.root} (smallest: {name}, {smallest.width_px} x "
        f"{smallest.height_px})",
        fix=_fix_resolution(int(sizes[smallest])),
    )


def _usable_edge_px(record: ImageRecord, geometry: TrainingGeometry) -> float:
    """Edge of the largest square without enlarging: cut out, or of the same area."""
    if geometry.is_cropped:
        return float(min(record.width_px, record.height_px))
    return float((record.width_px * record.height_px) ** 0.5)


def _fix_resolution(edge_px: int) -> str:
    # SD3 is trained in steps of 64 px.
    fitting_px = edge_px // 64 * 64
    if fitting_px == 0:
        return "remove the small images"
    return f"set resolution_px of the dataset to {fitting_px}, or remove the small images"


def check_shared_captions(evidence: Evidence) -> Problem | None:
    """D09: a.jpg and a.png both mean a.txt, which is rarely meant."""
    counts = Counter(record.path.with_suffix("") for record in evidence.snapshot.records)
    names = evidence.names_of(
        record.path
        for record in evidence.snapshot.records
        if counts[record.path.with_suffix("")] > 1
    )
    if not names:
        return None
    return Problem(
        id="D09",
        severity=Severity.WARNING,
        what=f"{len(names)} images differ from another only in the suffix and share its caption: "
        f"{_list_some(names)}",
        where=evidence.where(names[0]),
        fix="remove the copies, or rename them and give each its own caption",
    )


def check_caption_lines(evidence: Evidence) -> Problem | None:
    """D10: the trainer would draw one line at random; the view holds all of them in one."""
    names = evidence.names_of_captions(lambda caption: caption.num_lines > 1)
    if not names:
        return None
    return Problem(
        id="D10",
        severity=Severity.WARNING,
        what=f"{_count(names, 'caption')} written on several lines, which are joined: "
        f"{_list_some(names)}",
        where=evidence.where(names[0]),
        fix="nothing, if the lines belong together; otherwise keep one line per caption",
    )


def check_left_out_files(evidence: Evidence) -> Problem | None:
    """D11: files that are not images, and text files that belong to none."""
    reported = {SkipReason.NOT_AN_IMAGE, SkipReason.LONE_CAPTION, SkipReason.VISITED}
    paths = [item.path for item in evidence.snapshot.skipped if item.reason in reported]
    if not paths:
        return None
    has_media = any(path.suffix.lower() in _MEDIA_SUFFIXES for path in paths)
    names = evidence.names_of(paths)
    return Problem(
        id="D11",
        severity=Severity.WARNING if has_media else Severity.NOTICE,
        what=f"{_count(names, 'file')} left out of the training: {_list_some(names)}",
        where=evidence.where(names[0]),
        fix="nothing, if that is meant; otherwise save pictures as .png or .jpg, and name a "
        "caption as its image",
    )


def check_conversions(evidence: Evidence) -> Problem | None:
    """D12: what is trained on differs from the file, so say how."""
    converted = {
        record.path: kind
        for record in evidence.snapshot.records
        if record.width_px > 0 and (kind := conversion_of(record)) is not None
    }
    if not converted:
        return None
    names = evidence.names_of(converted)
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(converted.values()).items()))
    return Problem(
        id="D12",
        severity=Severity.NOTICE,
        what=f"{_count(names, 'image')} converted to RGB in a private copy: {kinds}",
        where=evidence.where(names[0]),
        fix="nothing; to decide yourself how they look, save them as opaque RGB",
    )


def _count(items: Sequence[str], noun: str) -> str:
    """Say `1 file is` or `2 files are`."""
    return f"1 {noun} is" if len(items) == 1 else f"{len(items)} {noun}s are"


def _list_some(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_MAX_NAMES])
    num_more = len(names) - _MAX_NAMES
    return f"{listed} and {num_more} more" if num_more > 0 else listed


CHECKS: tuple[Callable[[Evidence], Problem | None], ...] = (
    check_missing_captions,
    check_empty_captions,
    check_caption_encoding,
    check_unreadable_images,
    check_batch,
    check_resolution,
    check_shared_captions,
    check_caption_lines,
    check_left_out_files,
    check_conversions,
)
