"""Images as values for the audit's rules, and audits of real folders."""

from collections.abc import Sequence
from pathlib import Path

from pixel_looking import remember_pixels

from tuner_kit.data.audit.audit import audit
from tuner_kit.data.audit.length_rules import TextEncoderLimit
from tuner_kit.data.audit.rule import AuditPolicy, Dataset, MakeRule, Rule
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource, read_dataset
from tuner_kit.data.records import Caption, Header, ImageRecord, PixelFacts
from tuner_kit.errors import Problem

ROOT = Path("photos")
SMALL = AuditPolicy(resolution_px=64)
REPAIRED = AuditPolicy(resolution_px=64, is_repaired=True)
SHARP = PixelFacts(None, "5a", sharpness=1.0, brightness=128.0, contrast=50.0)


def image(
    name: str = "a.png",
    *,
    text: str | None = "a cat",
    caption: Caption | None = None,
    size: tuple[int, int] = (64, 64),
    pixels: PixelFacts | None = SHARP,
    part: str = "",
) -> ImageRecord:
    """Make up an image that nothing is wrong with, but for what is said here."""
    written = None if text is None else Caption(text, f"{Path(name).stem}.txt")
    return ImageRecord(
        name=name,
        root=ROOT,
        size_bytes=1,
        header=Header(*size, "RGB", "PNG"),
        caption=caption or written,
        pixels=pixels,
        part=part,
    )


def judge(
    rule: MakeRule | Rule, *images: ImageRecord, policy: AuditPolicy = SMALL
) -> Problem | None:
    """Show images to a rule, and ask what it found."""
    made = rule(policy) if callable(rule) else rule
    for seen in images:
        made.see(seen)
    return made.conclude(Dataset(ROOT, len(images)))


def found(rule: MakeRule | Rule, *images: ImageRecord, policy: AuditPolicy = SMALL) -> Problem:
    """Show images to a rule that finds something."""
    problem = judge(rule, *images, policy=policy)
    assert problem is not None
    return problem


def audit_folder(
    root: Path,
    policy: AuditPolicy = SMALL,
    *,
    limits: Sequence[TextEncoderLimit] = (),
    options: LayoutOptions | None = None,
) -> dict[str, Problem]:
    """Read a real folder, decode its images, apply every rule, and give the findings by id."""
    remember_pixels(root)
    source = DatasetSource(root, str(root), options=options or LayoutOptions())
    with read_dataset(source) as snapshot:
        problems = audit(snapshot, policy, limits)
    by_id = {problem.id: problem for problem in problems}
    assert len(by_id) == len(problems), "one problem per rule"
    assert list(by_id) == sorted(by_id)
    return by_id
