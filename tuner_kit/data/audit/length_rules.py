"""D22 and D23: captions that are longer than the text encoders read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tuner_kit.data.audit.rule import AuditPolicy, Dataset, Found, Wording, problem_about
from tuner_kit.data.clip_tokens import TokenCounter, may_exceed
from tuner_kit.data.records import ImageRecord
from tuner_kit.errors import Problem, Severity

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class TextEncoderLimit:
    """How much of a caption one of the text encoders reads."""

    problem_id: str
    title: str
    """`CLIP`"""
    max_tokens: int
    """Without those for start and end."""
    load_counter: Callable[[], TokenCounter | None]
    """Loads the vocabulary once, when the first caption is long enough to be counted."""
    consequence: str


@dataclass(slots=True)
class LongCaptions:
    """Looks for captions that one text encoder cuts off."""

    limit: TextEncoderLimit
    policy: AuditPolicy
    found: Found = field(default_factory=Found)
    is_estimate: bool = False
    _waiting: list[tuple[str, str]] = field(default_factory=list)

    def see(self, image: ImageRecord) -> None:
        """Count a caption, unless it is too short to have that many tokens."""
        text = self.policy.caption_for(image)
        if text is not None and may_exceed(text, self.limit.max_tokens):
            self._waiting.append((image.name, text))
        if len(self._waiting) >= _BATCH:
            self._count()

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name the captions with their lengths."""
        self._count()
        if not self.found.names:
            return None
        limit = self.limit
        about = "probably " if self.is_estimate else ""
        wording = Wording(
            f"{self.found.count('caption')} {about}longer than the {limit.max_tokens} tokens that "
            f"{limit.title} reads; {limit.consequence}",
            "say what matters first, or shorten them",
            Severity.WARNING,
        )
        return problem_about(limit.problem_id, self.found, dataset, wording)

    def _count(self) -> None:
        if not self._waiting:
            return
        counter = self.limit.load_counter()
        if counter is not None:  # without a vocabulary nothing can be said against a caption
            self.is_estimate = counter.is_estimate
            counts = counter.count_many(text for _, text in self._waiting)
            for (name, _), count in zip(self._waiting, counts, strict=True):
                if count > self.limit.max_tokens:
                    self.found.add(name, f"{count} tokens")
        self._waiting.clear()
