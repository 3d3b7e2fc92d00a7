"""Captions in the names of the images.

foxes/
  a_red_fox_in_snow_01.jpg     "a red fox in snow"
  a-red-fox-asleep (2).jpg     "a red fox asleep"
  IMG_1234.jpg                 no caption
"""

import re
from collections.abc import Iterator

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.layout import (
    FolderShape,
    Layout,
    LayoutOptions,
    Reading,
    leave_out_lone_texts,
    leave_out_others,
)
from tuner_kit.data.records import Caption

_MIN_WORDS = 3
_MIN_SHARE = 0.8

_SEPARATORS = re.compile(r"[\s_+-]+")
_COUNTER = re.compile(r"\(?\d+\)?")
# 00012-1234567890-a red fox.png: image generators write a counter and the seed in front.
_LEADING_COUNTER = re.compile(r"0\d+|\d{6,}")
_DATE = re.compile(r"(19|20)\d\d[-_. ]?(0\d|1[0-2])[-_. ]?[0-3]\d|\d{1,2}[-_.]\d{1,2}[-_.]\d{2,4}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# What cameras, phones and file managers write says nothing about the picture.
_NOT_ABOUT_THE_IMAGE = frozenset(
    [
        "am",
        "at",
        "burst",
        "capture",
        "copy",
        "dcim",
        "dsc",
        "dscf",
        "dscn",
        "edited",
        "final",
        "frame",
        "from",
        "image",
        "images",
        "img",
        "mvimg",
        "of",
        "on",
        "pano",
        "photo",
        "photos",
        "pic",
        "picture",
        "pm",
        "pxl",
        "scan",
        "screen",
        "screenshot",
        "shot",
        "snapshot",
        "untitled",
        "whatsapp",
    ]
)


def caption_in(file_name: str) -> str | None:
    """Read the caption out of an image's file name; None where it says nothing."""
    stem = file_name.rpartition("/")[2].rpartition(".")[0]
    if _DATE.search(stem) or _UUID.search(stem):
        return None
    words = [word for word in _SEPARATORS.split(stem) if word]
    while words and _COUNTER.fullmatch(words[-1]):
        words.pop()
    while words and _LEADING_COUNTER.fullmatch(words[0]):
        words.pop(0)
    return " ".join(words) if any(map(_says_something, words)) and _is_utf8(stem) else None


def _says_something(word: str) -> bool:
    return word.isalpha() and word.casefold() not in _NOT_ABOUT_THE_IMAGE


def _is_utf8(text: str) -> bool:
    # A name of other bytes than UTF-8 can be opened, but nobody knows what it says.
    return not any("\ud800" <= character <= "\udfff" for character in text)


def reads_as_caption(name: str) -> bool:
    """Whether a file name has at least three words about the picture."""
    words = (caption_in(name) or "").split()
    return sum(map(_says_something, words)) >= _MIN_WORDS


def fits(shape: FolderShape, _: LayoutOptions) -> bool:
    """Recognize it by what 80 % of the names say, where nothing else holds captions."""
    sources = (
        *(shape.captioned, shape.in_caption_folder, shape.saved_datasets, shape.image_shards),
        *(shape.metadata_jsonl, shape.metadata_csv, shape.metadata_parquet),
    )
    if shape.is_mostly_repeat_folders or any(source.count for source in sources):
        return False
    return 0 < shape.images.count * _MIN_SHARE <= shape.named_like_captions.count


def read(inventory: Inventory, _: LayoutOptions) -> Reading:
    """Give each image the words of its own name."""
    inventory.pair(_captions(inventory))
    leave_out_lone_texts(inventory)
    leave_out_others(inventory)
    return Reading()


def _captions(inventory: Inventory) -> Iterator[tuple[str, Caption]]:
    for name in inventory.image_names():
        text = caption_in(name)
        if text is not None:
            yield name, Caption(text, origin=name)


def evidence(shape: FolderShape) -> str:
    """Count the names that read as captions."""
    found = shape.named_like_captions
    return f"{found.count_of('file name')} that read as captions: {found.listed}"


FILE_NAMES = Layout(
    name="file-names",
    title="captions in the names of the images",
    fits=fits,
    read=read,
    evidence=evidence,
)
