"""Which caption an image is trained with."""

from dataclasses import dataclass

from tuner_kit.data.captions import add_trigger_word
from tuner_kit.data.records import DatasetPart, ImageRecord


@dataclass(frozen=True, slots=True)
class CaptionPolicy:
    """How an image gets the caption that it is trained with."""

    trigger_word: str | None = None
    """In front of each caption that lacks it; class images do without."""
    fallback_caption: str | None = None
    """For images whose caption is missing or empty."""
    is_repaired: bool = False
    """A caption in another encoding is read in the one that it seems to have."""

    def caption_for(self, image: ImageRecord, part: DatasetPart) -> str | None:
        """Give the caption of an image, never empty; None when it has none."""
        configured = (part.prompt, self.fallback_caption)
        text = self._written(image) or next(filter(None, map(_as_line, configured)), None)
        if not text:
            return None
        return text if part.is_regularization else add_trigger_word(text, self.trigger_word)

    def _written(self, image: ImageRecord) -> str | None:
        if image.caption is None:
            return None
        if image.caption.text is None and self.is_repaired:
            return image.caption.repaired_text
        return image.caption.text


def _as_line(text: str | None) -> str:
    # The trainer makes a caption of its own of each line.
    return " ".join((text or "").split())
