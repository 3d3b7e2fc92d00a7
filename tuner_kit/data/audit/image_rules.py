"""Rules about images, each with what SimpleTuner 4.10.1 was seen doing otherwise."""

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
from tuner_kit.data.conversion import conversion_of
from tuner_kit.data.records import Header, ImageRecord, PixelFacts, printable
from tuner_kit.errors import Problem, Severity

# SD3 was trained between 1:2 and 2:1; beyond, compositions fall apart (rule D11 of the study).
_MAX_SHAPE = 2.0

# Sharp photographs, drawings and flat graphics have 0.43 or more (984 pictures), photographs
# blurred by a Gaussian of 4 px at 1024 px 0.33 or less, of 8 px 0.12 or less.
_MIN_SHARPNESS = 0.3
_MIN_CONTRAST = 3.0
# A photograph at 5 % of its brightness is below, at 10 % or a night scene with lamps is not.
_MIN_EXPOSED_CONTRAST = 5.0
_MAX_BLACK = 10.0
_MIN_WHITE = 245.0
_MIN_COLOR_SPREAD = 10


def unreadable_images(policy: AuditPolicy) -> Rule:
    """D06: broken images are dropped unseen, or stop the trainer in the middle of a run."""

    def words(found: Found, _: Dataset) -> Wording:
        what = f"{found.count('image')} unreadable"
        if policy.is_repaired:
            return Wording(what, "nothing; they are left out of the training", Severity.WARNING)
        return Wording(
            what,
            "replace or remove them, or add --fix to leave them out; save float and 32-bit images "
            "with 8 or 16 bits per channel",
        )

    return ImageRule("D06", lambda image: image.fault, words)


@dataclass(slots=True)
class SmallImages:
    """D08: the trainer enlarges small images, and the model learns the blur."""

    policy: AuditPolicy
    found: Found = field(default_factory=Found)
    smallest: tuple[float, str, Header] | None = None

    def see(self, image: ImageRecord) -> None:
        """Compare an image with the training size."""
        header = image.header
        if header is None or image.fault is not None:
            return
        edge_px = usable_edge_px(header, is_cropped=self.policy.is_cropped)
        if edge_px < self.policy.resolution_px:
            self.found.add(image.name)
            if self.smallest is None or edge_px < self.smallest[0]:
                self.smallest = (edge_px, image.name, header)

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name the smallest, and the resolution that would fit."""
        if self.smallest is None:
            return None
        edge_px, name, header = self.smallest
        wanted_px = self.policy.resolution_px
        return Problem(
            id="D08",
            severity=Severity.WARNING,
            what=f"{len(self.found.names)} of {dataset.num_images} images are smaller than "
            f"{wanted_px} px and would be enlarged, up to {wanted_px / edge_px:.2f} times",
            where=f"{dataset.root} (smallest: {printable(name)}, {header.width_px} x "
            f"{header.height_px})",
            fix=_fix_resolution(int(edge_px)),
            files=tuple(printable(name) for name in self.found.names),
        )


def usable_edge_px(header: Header, *, is_cropped: bool) -> float:
    """Edge of the largest square without enlarging: cut out, or of the same area."""
    if is_cropped:
        return float(min(header.width_px, header.height_px))
    return float((header.width_px * header.height_px) ** 0.5)


def _fix_resolution(edge_px: int) -> str:
    # SD3 is trained in steps of 64 px.
    fitting_px = edge_px // 64 * 64
    if fitting_px == 0:
        return "remove the small images"
    return f"set resolution_px of the dataset to {fitting_px}, or remove the small images"


@dataclass(slots=True)
class ConvertedImages:
    """D12: what is trained on differs from the file, so say how."""

    found: Found = field(default_factory=Found)
    kinds: Counter[str] = field(default_factory=Counter)

    def see(self, image: ImageRecord) -> None:
        """Ask whether the trainer would read an image rightly."""
        if image.header is None or image.fault is not None:
            return
        kind = conversion_of(image.header)
        if kind is not None:
            self.found.add(image.name)
            self.kinds[kind] += 1

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Count the conversions by their reasons."""
        if not self.kinds:
            return None
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        wording = Wording(
            f"{self.found.count('image')} converted to RGB in a private copy ({kinds})",
            "nothing; to decide yourself how they look, save them as opaque RGB",
            Severity.NOTICE,
        )
        return problem_about("D12", self.found, dataset, wording)


def blurred_images(_: AuditPolicy) -> Rule:
    """D20: the model learns blur as readily as anything else."""

    def applies(image: ImageRecord) -> str | None:
        facts = image.pixels
        is_known = facts is not None and facts.fault is None
        return "" if is_known and facts is not None and is_blurred(facts) else None

    def words(found: Found, _: Dataset) -> Wording:
        return Wording(
            f"{found.count('image')} blurred",
            "look at them, and remove those that are not meant to be soft",
            Severity.WARNING,
        )

    return ImageRule("D20", applies, words)


def is_blurred(facts: PixelFacts) -> bool:
    """Whether even the most abrupt changes are soft."""
    return facts.contrast >= _MIN_CONTRAST and facts.sharpness < _MIN_SHARPNESS


def dark_images(_: AuditPolicy) -> Rule:
    """D21: there is nothing to learn from a black, white or empty picture."""

    def applies(image: ImageRecord) -> str | None:
        facts = image.pixels
        return describe_exposure(facts) if facts is not None and facts.fault is None else None

    def words(found: Found, _: Dataset) -> Wording:
        return Wording(
            f"{found.count('image')} nearly of one color",
            "look at them, and remove those that show nothing",
            Severity.WARNING,
        )

    return ImageRule("D21", applies, words)


def describe_exposure(facts: PixelFacts) -> str | None:
    """Say what an image is when there is nearly nothing to see; None for all others."""
    if facts.contrast < _MIN_EXPOSED_CONTRAST and facts.brightness < _MAX_BLACK:
        return "nearly black"
    if facts.contrast < _MIN_EXPOSED_CONTRAST and facts.brightness > _MIN_WHITE:
        return "nearly white"
    # Shapes of one luminance differ in their colors only.
    is_flat = facts.contrast < _MIN_CONTRAST and _color_spread(facts) < _MIN_COLOR_SPREAD
    return "nearly one color" if is_flat else None


def _color_spread(facts: PixelFacts) -> int:
    channels = [facts.color_layout[channel::3] for channel in range(3)]
    return max(max(values) - min(values) for values in channels if values)


def extreme_shapes(policy: AuditPolicy) -> Rule:
    """D28: a long strip loses most of itself to the crop, or lies outside of what SD3 knows."""

    def applies(image: ImageRecord) -> str | None:
        header = image.header
        if header is None or image.fault is not None:
            return None
        long, short = sorted((header.width_px, header.height_px), reverse=True)
        return f"{header.width_px} x {header.height_px}" if long > _MAX_SHAPE * short else None

    def words(found: Found, _: Dataset) -> Wording:
        consequence = (
            "so the square crop cuts off more than half"
            if policy.is_cropped
            else "a shape that the model has hardly seen"
        )
        return Wording(
            f"{found.count('image')} longer than 2:1, {consequence}",
            "cut out what matters, or leave them if it is in the middle",
            Severity.WARNING,
        )

    return ImageRule("D28", applies, words)


IMAGE_RULES: RuleTable = (
    unreadable_images,
    SmallImages,
    lambda _: ConvertedImages(),
    blurred_images,
    dark_images,
    extreme_shapes,
)
