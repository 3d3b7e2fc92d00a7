"""Rules about images that are there more than once."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain

from tuner_kit.data.audit.rule import (
    AuditPolicy,
    Dataset,
    Found,
    RuleTable,
    Wording,
    problem_about,
)
from tuner_kit.data.records import ImageRecord, printable
from tuner_kit.errors import Problem, Severity


@dataclass(slots=True)
class ExactDuplicates:
    """D18: what is there twice is learned twice as much."""

    policy: AuditPolicy
    by_group: dict[int, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    found: Found = field(default_factory=Found)

    def see(self, image: ImageRecord) -> None:
        """Compare an image with those that look like it."""
        facts = image.pixels
        if facts is None or facts.fault is not None or not facts.near_group:
            return
        first = self.by_group[facts.near_group].setdefault(facts.sha256, image.name)
        if first != image.name:
            self.found.add(image.name, f"the same as {printable(first)}")

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name the copies, not the first of each."""
        if not self.found.names:
            return None
        fix = "remove the copies, or add --fix to leave them out; to weigh an image, use repeats"
        if self.policy.is_repaired:
            fix = "nothing; the copies are left out of the training"
        wording = Wording(f"{self.found.count('image')} there twice", fix, Severity.WARNING)
        return problem_about("D18", self.found, dataset, wording)


@dataclass(slots=True)
class NearDuplicates:
    """D19: look-alikes weigh more than the rest, and are what a model memorizes first."""

    groups: dict[int, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def see(self, image: ImageRecord) -> None:
        """Remember an image that looks like another; of exact copies the first."""
        facts = image.pixels
        if facts is not None and facts.fault is None and facts.near_group:
            self.groups[facts.near_group].setdefault(facts.sha256, image.name)

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name the images by their groups."""
        groups = [list(names.values()) for names in self.groups.values() if len(names) > 1]
        if not groups:
            return None
        found = Found()
        for names in groups:
            for name in names[1:]:
                found.add(name, f"like {printable(names[0])}")
        noun = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
        wording = Wording(
            f"{sum(map(len, groups))} images are nearly the same as another, in {noun}",
            "keep the best of each group, or leave them: they are never split between training "
            "and held-out images",
            Severity.NOTICE,
        )
        return problem_about("D19", found, dataset, wording)


DUPLICATE_RULES: RuleTable = (ExactDuplicates, lambda _: NearDuplicates())


@dataclass(slots=True)
class SharedCaptions:
    """D09: a.jpg and a.png both mean a.txt, which is rarely meant."""

    candidates: frozenset[str]
    """Names of images that differ from another only in the suffix."""
    by_origin: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def see(self, image: ImageRecord) -> None:
        """Remember where the caption comes from: a metadata file has one for each."""
        if image.name in self.candidates and image.caption is not None:
            self.by_origin[image.caption.origin].append(image.name)

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name all that share a caption."""
        shared = [names for names in self.by_origin.values() if len(names) > 1]
        if not shared:
            return None
        found = Found()
        for name in chain.from_iterable(shared):
            found.add(name)
        wording = Wording(
            f"{len(found.names)} images differ from another only in the suffix and share its "
            "caption",
            "remove the copies, or rename them and give each its own caption",
            Severity.WARNING,
        )
        return problem_about("D09", found, dataset, wording)
