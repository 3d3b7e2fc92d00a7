"""The sections of a report as plain values: what a template needs, and nothing else."""

from dataclasses import dataclass

from markupsafe import Markup

from tuner_kit.reporting.images import Picture


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a list of facts."""

    name: str
    value: str | None
    """Null shows a dash."""
    note: str = ""
    """Beside the value; why there is none, or what it means."""


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts under a heading."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class LabeledPicture:
    """A picture with the words below it."""

    label: str
    picture: Picture | None
    """Null where the file is missing or damaged."""


@dataclass(frozen=True, slots=True)
class PictureRow:
    """Pictures of one prompt, or of one prompt and seed."""

    label: str
    pictures: tuple[LabeledPicture, ...]


@dataclass(frozen=True, slots=True)
class PromptRows:
    """All rows of one prompt."""

    prompt: str
    rows: tuple[PictureRow, ...]


@dataclass(frozen=True, slots=True)
class StyleRow:
    """What was found in one group of pictures, as `7 of 8`."""

    label: str
    in_style: str
    shape: str
    color: str


@dataclass(frozen=True, slots=True)
class StyleSection:
    """Whether a style was learned, and answers to its trigger word alone."""

    style: str
    trigger_word: str
    num_scenes: int
    rows: tuple[StyleRow, ...]
    sheet: LabeledPicture
    folder: str
    """Where the sheet is, relative to the run."""


@dataclass(frozen=True, slots=True)
class ComparisonSection:
    """Base beside tuned, from the same noise."""

    prompts: tuple[PromptRows, ...]
    is_comparison: bool
    folder: str
    """Where the full pictures are, relative to the run."""
    num_left_out: int
    """Rows that are not shown."""
    details: str
    """How they were rendered, in a few words."""


@dataclass(frozen=True, slots=True)
class ValidationSection:
    """The same prompts from the same noise at several steps."""

    rows: tuple[PictureRow, ...]
    num_steps: int
    num_left_out: int
    """Validations that are not shown."""


@dataclass(frozen=True, slots=True)
class LossSection:
    """The loss curve and how to read it."""

    svg: Markup
    description: str
    """The curve in one sentence."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutcomeSection:
    """How it went."""

    groups: tuple[FactGroup, ...]
    attempts: tuple[Fact, ...]
    """One for each attempt; empty for a single one that finished."""


@dataclass(frozen=True, slots=True)
class RequestSection:
    """What was asked, with some of the training images."""

    groups: tuple[FactGroup, ...]
    examples: tuple[LabeledPicture, ...]
    num_images: int


@dataclass(frozen=True, slots=True)
class UsageSection:
    """How to use the adapter."""

    command: str
    snippet: str
    trigger_words: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DetailsSection:
    """The complete configuration."""

    config_yaml: str


type Section = (
    StyleSection
    | ComparisonSection
    | ValidationSection
    | LossSection
    | OutcomeSection
    | RequestSection
    | UsageSection
    | DetailsSection
)
