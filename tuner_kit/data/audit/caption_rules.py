"""Rules about captions, each with what SimpleTuner 4.10.1 was seen doing otherwise."""

from collections import Counter
from dataclasses import dataclass, field

from tuner_kit.data.audit.rule import (
    AuditPolicy,
    Dataset,
    Found,
    ImageRule,
    Rule,
    RuleTable,
    Wording,
    problem_about,
)
from tuner_kit.data.captions import add_trigger_word, has_trigger_word
from tuner_kit.data.records import ImageRecord
from tuner_kit.errors import Problem, Severity

_MIN_ALIKE = 5
"""Fewer images may well share a caption."""


def missing_captions(policy: AuditPolicy) -> Rule:
    """D03: the trainer stops at an image without caption, after loading its text encoders."""

    def words(found: Found, dataset: Dataset) -> Wording:
        what = f"{len(found.names)} of {dataset.num_images} images have no caption"
        if policy.fallback_caption is not None:
            fix = f'nothing; they get the fallback caption "{policy.fallback_caption}"'
            return Wording(what, fix, Severity.NOTICE)
        if policy.is_repaired:
            return Wording(what, "nothing; they are left out of the training", Severity.WARNING)
        return Wording(
            what,
            "write what each shows into a .txt file of its name, or set fallback_caption or "
            "instance_prompt of the dataset",
        )

    def applies(image: ImageRecord) -> str | None:
        has_one = image.caption is not None or policy.part_of(image).prompt is not None
        return None if has_one else ""

    return ImageRule("D03", applies, words)


def empty_captions(policy: AuditPolicy) -> Rule:
    """D04: the trainer stops in the middle of a run when it draws an empty caption."""

    def applies(image: ImageRecord) -> str | None:
        caption = image.caption
        is_needed = policy.part_of(image).prompt is None
        return "" if is_needed and caption is not None and caption.text == "" else None

    def words(found: Found, _: Dataset) -> Wording:
        what = f"{found.count('caption')} empty or only blank"
        if policy.fallback_caption is not None:
            fix = f'nothing; they get the fallback caption "{policy.fallback_caption}"'
            return Wording(what, fix, Severity.WARNING)
        if policy.is_repaired:
            fix = "nothing; their images are left out of the training"
            return Wording(what, fix, Severity.WARNING)
        return Wording(what, "write what the image shows, or set fallback_caption of the dataset")

    return ImageRule("D04", applies, words)


def undecodable_captions(policy: AuditPolicy) -> Rule:
    """D05: a caption in another encoding stops the trainer in the middle of a run."""

    def applies(image: ImageRecord) -> str | None:
        caption = image.caption
        return caption.problem if caption is not None and caption.text is None else None

    def words(found: Found, _: Dataset) -> Wording:
        what = f"{found.count('caption')} not readable"
        if policy.is_repaired:
            others = "get the fallback caption" if policy.fallback_caption else "are left out"
            fix = f"nothing; what can be read is mended, the other images {others}"
            return Wording(what, fix, Severity.WARNING)
        return Wording(
            what,
            "save them as UTF-8 text (iconv -f WINDOWS-1252 -t UTF-8 OLD.txt > NEW.txt), or add "
            "--fix to mend them in the run's private copy",
        )

    return ImageRule("D05", applies, words)


def caption_lines(_: AuditPolicy) -> Rule:
    """D10: the trainer would draw one line at random; the view holds all of them in one."""

    def applies(image: ImageRecord) -> str | None:
        return "" if image.caption is not None and image.caption.num_lines > 1 else None

    def words(found: Found, _: Dataset) -> Wording:
        return Wording(
            f"{found.count('caption')} written on several lines, which are joined",
            "nothing, if the lines belong together; otherwise keep one line per caption",
            Severity.WARNING,
        )

    return ImageRule("D10", applies, words)


def byte_order_marks(_: AuditPolicy) -> Rule:
    """D26: Windows editors write an invisible mark first; the trainer would encode it."""

    def applies(image: ImageRecord) -> str | None:
        return "" if image.caption is not None and image.caption.has_bom else None

    def words(found: Found, _: Dataset) -> Wording:
        return Wording(
            f"{found.count('caption')} saved with a byte order mark, which is dropped",
            "nothing; to be rid of it, save as UTF-8 without BOM",
            Severity.NOTICE,
        )

    return ImageRule("D26", applies, words)


@dataclass(slots=True)
class TriggerWord:
    """D24: which captions have the trigger word already; the others get it in front."""

    policy: AuditPolicy
    num_captions: int = 0
    without: Found = field(default_factory=Found)

    def see(self, image: ImageRecord) -> None:
        """Count a caption."""
        word, caption = self.policy.trigger_word, image.caption
        if word is None or caption is None or not caption.text:
            return
        if self.policy.part_of(image).is_regularization:  # class images do without
            return
        self.num_captions += 1
        if not has_trigger_word(caption.text, word):
            self.without.add(image.name)

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Say how far the captions have it, where some do and some don't."""
        num_without = len(self.without.names)
        if num_without in {0, self.num_captions}:
            return None
        wording = Wording(
            f'{num_without} of {self.num_captions} captions lack the trigger word "'
            f'{self.policy.trigger_word}", and get it in front',
            "nothing, if that is meant; otherwise write it where it belongs in each caption",
            Severity.NOTICE,
        )
        return problem_about("D24", self.without, dataset, wording)


@dataclass(slots=True)
class AlikeCaptions:
    """D25: with one caption for all, the model can't tell what to connect with which words."""

    policy: AuditPolicy
    counts: Counter[str] = field(default_factory=Counter)
    first: str = ""

    def see(self, image: ImageRecord) -> None:
        """Count a caption, as long as there are few different ones."""
        caption = image.caption
        if caption is not None and caption.text and len(self.counts) <= 1:
            self.counts[add_trigger_word(caption.text, self.policy.trigger_word)] += 1
            self.first = self.first or image.name

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name the one caption."""
        if len(self.counts) != 1 or self.counts.total() < _MIN_ALIKE:
            return None
        ((caption, count),) = self.counts.items()
        return Problem(
            id="D25",
            severity=Severity.NOTICE,
            what=f'all {count} captions are alike: "{_shorten(caption)}"',
            where=dataset.where(self.first),
            fix="nothing for one subject (DreamBooth); for a style, say what each image shows",
        )


def _shorten(caption: str, max_length: int = 60) -> str:
    return caption if len(caption) <= max_length else f"{caption[: max_length - 3]}..."


CAPTION_RULES: RuleTable = (
    missing_captions,
    empty_captions,
    undecodable_captions,
    caption_lines,
    byte_order_marks,
    TriggerWord,
    AlikeCaptions,
)
