"""What a folder of images is, as far as the wizard's suggestions need it: in under a second."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuner_kit.data.clip_tokens import load_clip_counter
from tuner_kit.data.find_source import as_written, find_source
from tuner_kit.data.layouts.layout import Layout
from tuner_kit.data.read_dataset import DatasetSource, find_layouts, read_dataset
from tuner_kit.data.records import ImageRecord
from tuner_kit.process.messages import Event
from tuner_kit.process.worker import OnEvent

_MAX_EXAMPLES = 4
_SQUARE_WITHIN = 1.1
"""Longer by a tenth or less: cropping to a square cuts nothing that matters."""
_MIN_CAPTIONS = 3
"""With fewer, any word is common to all."""
_MIN_WORD_LETTERS = 3
_VOWELS = frozenset("aeiouy")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """A folder that can be trained on; nothing in it was decoded."""

    data: str
    """As the person wrote it."""
    layout: str
    """How it is read."""
    layouts: tuple[Layout, ...] = ()
    """All that it fits; more than one is a question."""
    num_images: int
    num_captions: int
    """Images that have a caption."""
    example_captions: tuple[str, ...] = ()
    """The first different ones, at most four."""
    common_words: tuple[str, ...] = ()
    """Words that all captions share and that mean nothing else: candidates for the trigger word."""
    sizes: Mapping[tuple[int, int], int] = field(default_factory=Counter)
    """How many images have each width and height in pixels, as they are shown."""

    @property
    def short_edge_px(self) -> int:
        """Median of the images' shorter edges; 0 where no size is known."""
        edges = [min(size) for size, count in self.sizes.items() for _ in range(count)]
        return int(statistics.median_low(edges)) if edges else 0

    @property
    def share_square(self) -> float:
        """Images whose edges differ by at most a tenth, 0..1."""
        total = sum(self.sizes.values())
        square = sum(
            count for size, count in self.sizes.items() if max(size) <= _SQUARE_WITHIN * min(size)
        )
        return square / total if total else 1.0

    @property
    def num_shapes(self) -> int:
        """Different aspect ratios, rounded to a tenth."""
        return len({round(width / height, 1) for width, height in self.sizes})

    def share_smaller_than(self, edge_px: int) -> float:
        """Images whose shorter edge is below `edge_px`, so that they are enlarged; 0..1."""
        total = sum(self.sizes.values())
        small = sum(count for size, count in self.sizes.items() if min(size) < edge_px)
        return small / total if total else 0.0


def find_folder_layouts(data: str) -> tuple[Layout, ...]:
    """Give the layouts that a local folder fits; none for a dataset on the Hub.

    Raises:
        DatasetError: D01 the folder is missing or can't be listed.
    """
    folder = Path(data).expanduser()
    return () if data.startswith("hf:") else find_layouts(folder)


def look_at_folder(data: str, layout: str, on_event: OnEvent) -> FolderFacts:
    """Read a folder's names, sizes and captions.

    Args:
        data: a folder, or `hf://datasets/user/name`.
        layout: how to read it; `auto` recognizes it.
        on_event: called with the progress.

    Raises:
        AccessError: the Hub can't be reached.
        DatasetError: it can't be read, holds no images (D02), or fits two layouts (D14).
    """

    def report(phase: str, done: int, total: int | None) -> None:
        on_event(Event(phase=phase, current=done, total=total))

    path = Path(data).expanduser()
    source, _ = find_source(DatasetSource(path, as_written(Path(data)), layout), on_event)
    with read_dataset(source, report) as snapshot:
        captions = _CaptionCollector()
        sizes = Counter(_sizes(captions, snapshot.inventory.records()))
        return FolderFacts(
            data=data,
            layout=snapshot.layout,
            layouts=() if source.dir != path else find_layouts(path),
            num_images=snapshot.inventory.num_images(),
            num_captions=captions.num_seen,
            example_captions=tuple(captions.examples),
            common_words=captions.common_words(),
            sizes=sizes,
        )


def _sizes(
    captions: "_CaptionCollector", records: Iterator[ImageRecord]
) -> Iterator[tuple[int, int]]:
    """Give the size of each image, and its caption to the collector in passing."""
    for record in records:
        if record.caption is not None and record.caption.text:
            captions.see(record.caption.text)
        if record.header is not None:
            yield record.header.width_px, record.header.height_px


class _CaptionCollector:
    """Keeps a few captions, and the words that every one has."""

    def __init__(self) -> None:
        self.num_seen = 0
        self.examples: list[str] = []
        self._common: dict[str, None] | None = None

    def see(self, caption: str) -> None:
        self.num_seen += 1
        if len(self.examples) < _MAX_EXAMPLES and caption not in self.examples:
            self.examples.append(caption)
        words = [word.strip(".,;:!?\"'()") for word in caption.split()]
        if self._common is None:
            self._common = dict.fromkeys(words)
        elif self._common:
            present = set(words)
            self._common = {word: None for word in self._common if word in present}

    def common_words(self) -> tuple[str, ...]:
        """Give the words of all captions that may be a trigger word: rare ones, not `cat`."""
        if self.num_seen < _MIN_CAPTIONS:
            return ()
        common = [word for word in self._common or () if len(word) >= _MIN_WORD_LETTERS]
        return tuple(_rare(common))


def _rare(words: Sequence[str]) -> Iterator[str]:
    """Give the words that no caption of the base model had: without a vowel, or made of pieces.

    CLIP has one token for each word that people write often.
    """
    counter = load_clip_counter() if words else None
    for word in words:
        is_made_up = not _VOWELS.intersection(word.lower())
        if is_made_up or (counter is not None and counter.count(word) > 1):
            yield word
