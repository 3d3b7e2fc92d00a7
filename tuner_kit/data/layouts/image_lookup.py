"""Which image a row of a metadata file means, without ever leaving the dataset folder."""

import os
import re
from dataclasses import dataclass
from enum import Enum
from unicodedata import normalize

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.few import shorten

_DRIVE = re.compile(r"[A-Za-z]:/")


class Miss(Enum):
    """Why no image is given for a name."""

    UNKNOWN = "unknown"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The image that a name means, or why there is none."""

    image: str = ""
    """Relative to the dataset folder; empty when there is none."""
    miss: Miss | None = None
    hint: str = ""
    """What may have been meant."""


class ImageLookup:
    """Finds images by the names that the metadata of one folder writes.

    Names are relative to that folder, or to `images/` in it. Backslashes, another case and
    another way to write accents are understood where that leaves one image only.
    """

    def __init__(self, inventory: Inventory, folder: str) -> None:
        """Take the folder of the metadata file, relative to the dataset folder."""
        self._inventory = inventory
        self._prefix = f"{folder}/" if folder else ""
        self._allowed = tuple(
            os.path.realpath(inventory.root / part) for part in dict.fromkeys(("", folder))
        )
        # Rows of one folder mostly follow each other.
        self._last_folder = folder
        self._last_is_inside = True

    def find(self, name: str) -> Lookup:
        """Find the image of a name."""
        exact = self._prefix + name
        if not _is_file_name(name):
            return Lookup(miss=Miss.UNKNOWN)
        if self._inventory.has_image(exact):
            return self._guard(exact)
        forward = name.replace("\\", "/")
        parts = forward.split("/")
        if forward.startswith("/") or _DRIVE.match(forward) or ".." in parts:
            return Lookup(miss=Miss.OUTSIDE)
        clean = "/".join(part for part in parts if part not in {"", "."})
        return self._find_written_otherwise(clean)

    def _find_written_otherwise(self, clean: str) -> Lookup:
        candidates = (self._prefix + clean, f"{self._prefix}images/{clean}")
        for candidate in candidates:
            if self._inventory.has_image(candidate):
                return self._guard(candidate)
        for candidate in candidates:
            alike = tuple(self._inventory.images_like(candidate))
            same = [image for image in alike if _composed(image) == _composed(candidate)]
            if len(same) == 1 or len(alike) == 1:
                return self._guard((same or alike)[0])
            if alike:
                return Lookup(miss=Miss.UNKNOWN, hint=f"{shorten(alike[0])} or {shorten(alike[1])}")
        return Lookup(miss=Miss.UNKNOWN, hint=self._other_suffix(candidates))

    def _other_suffix(self, candidates: tuple[str, ...]) -> str:
        """Name an image of the same stem: people convert images and keep the table."""
        for candidate in candidates:
            stem = os.path.splitext(candidate)[0]  # noqa: PTH122 - not a path of this machine
            for image in self._inventory.images_of_stem(stem):
                return shorten(image)
        return ""

    def _guard(self, image: str) -> Lookup:
        """Refuse an image in a folder that is a link to somewhere outside."""
        folder = image.rpartition("/")[0]
        if folder != self._last_folder:
            real = os.path.realpath(self._inventory.root / folder)
            self._last_is_inside = any(
                os.path.commonpath((real, allowed)) == allowed for allowed in self._allowed
            )
            self._last_folder = folder
        return Lookup(image) if self._last_is_inside else Lookup(miss=Miss.OUTSIDE)


def _is_file_name(name: str) -> bool:
    """Whether the name could be one of this machine's: JSON can write halves of characters."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _composed(name: str) -> str:
    return normalize("NFC", name)
