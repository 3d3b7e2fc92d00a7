"""Every rule about a dataset in one pass over its images."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tuner_kit.data.audit.caption_rules import CAPTION_RULES
from tuner_kit.data.audit.duplicate_rules import DUPLICATE_RULES, SharedCaptions
from tuner_kit.data.audit.folder_rules import check_left_out
from tuner_kit.data.audit.image_rules import IMAGE_RULES
from tuner_kit.data.audit.length_rules import LongCaptions, TextEncoderLimit
from tuner_kit.data.audit.rule import AuditPolicy, Dataset, Rule
from tuner_kit.data.records import ImageRecord
from tuner_kit.data.snapshot import DatasetSnapshot
from tuner_kit.errors import Problem, Severity


class SeesImages(Protocol):
    """Looks at every image in passing."""

    def see(self, image: ImageRecord) -> None:
        """Look at the next image."""


def audit(
    snapshot: DatasetSnapshot,
    policy: AuditPolicy,
    limits: Sequence[TextEncoderLimit] = (),
    others: Sequence[SeesImages] = (),
) -> tuple[Problem, ...]:
    """Apply every rule to a dataset that was read.

    Args:
        snapshot: files, headers, captions, and pixels as far as they were looked at.
        policy: what the training asks of the images and captions.
        limits: of the text encoders; none leaves the lengths of captions alone.
        others: see each image in the same pass.

    Returns:
        At most one problem per rule and metadata file, in the order of the ids.
    """
    inventory = snapshot.inventory
    policy = replace(policy, parts={part.name: part for part in snapshot.parts})
    dataset = Dataset(inventory.root, inventory.num_images())
    rules: list[Rule] = [make(policy) for make in (*IMAGE_RULES, *CAPTION_RULES, *DUPLICATE_RULES)]
    rules += [LongCaptions(limit, policy) for limit in limits]
    rules.append(SharedCaptions(frozenset(inventory.names_of_shared_stems())))
    watchers: list[SeesImages] = [*rules, *others]
    for image in inventory.records():
        for watcher in watchers:
            watcher.see(image)
    concluded = [rule.conclude(dataset) for rule in rules]
    concluded += check_left_out(inventory, dataset, policy)
    found = [problem for problem in concluded if problem is not None]
    read = map(_mend, snapshot.problems) if policy.is_repaired else snapshot.problems
    return tuple(sorted((*read, *found), key=lambda problem: problem.id))


def _mend(problem: Problem) -> Problem:
    """Say of what a layout's reader could not use that it is left out."""
    if problem.severity is not Severity.ERROR:
        return problem
    return replace(
        problem, severity=Severity.WARNING, fix="nothing; what can't be used is left out"
    )
