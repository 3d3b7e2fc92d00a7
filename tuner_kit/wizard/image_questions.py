"""The questions about the images: where they are, what they show, what they are called."""

from collections.abc import Sequence
from pathlib import Path

from tuner_kit.wizard.question import Kind, Option, Question, Situation, Suggestion, Value

_RARE_WORD = "ohwx"
"""No word of any language, and few tokens: the base model has nothing to forget for it."""


def _nothing_to_suggest(_: Situation) -> None:
    return None


def find_no_folder(value: Value, _: Situation) -> str | None:
    """Say that a folder isn't there; a dataset on the Hub is looked at later."""
    text = str(value)
    if text.startswith("hf:") or _is_dir(text):
        return None
    return f"There is no folder {text}; Tab completes what you type"


def _is_dir(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # `~nobody`, NUL, a name that is too long
        return False


# ------------------------------------------------------------------------------- layout


def _fits_several(situation: Situation) -> bool:
    has_prompt = situation.answers.instance_prompt is not None
    return situation.folder is not None and len(situation.folder.layouts) > 1 and not has_prompt


def _layouts(situation: Situation) -> Sequence[Option]:
    layouts = () if situation.folder is None else situation.folder.layouts
    return [Option(layout.name, layout.name, layout.title) for layout in layouts]


def _suggest_layout(situation: Situation) -> Suggestion | None:
    options = _layouts(situation)
    return Suggestion(options[0].value, "the most usual of these") if options else None


# ------------------------------------------------------------------------------ purpose

_PURPOSES = (
    Option("style", "style", "how pictures look: ink drawings, an artist, a film"),
    Option("subject", "subject", "one person, animal or thing"),
    Option("concept", "concept", "a kind of thing, pose or scene"),
)


def _suggest_purpose(_: Situation) -> Suggestion:
    return Suggestion("style", "what most people train first")


# ------------------------------------------------------------------------- trigger word


def _suggest_trigger(situation: Situation) -> Suggestion:
    folder, purpose = situation.folder, situation.answers.purpose
    if situation.answers.instance_prompt is not None:
        return Suggestion(None, "your prompt is the caption of every image")
    if folder is not None and folder.common_words:
        return Suggestion(folder.common_words[0], "all your captions have it")
    if purpose == "style":
        return Suggestion(None, "the style shall show in every picture")
    return Suggestion(_RARE_WORD, f"a {purpose} needs a word that means nothing else")


# ----------------------------------------------------------------------------- captions


def _misses_captions(situation: Situation) -> bool:
    folder, answers = situation.folder, situation.answers
    if folder is None or answers.instance_prompt is not None:
        return False
    return folder.num_captions < folder.num_images


def _suggest_caption(situation: Situation) -> Suggestion:
    folder, answers = situation.folder, situation.answers
    if folder is None or folder.num_captions == 0:
        return Suggestion(None, "no image has a caption: write some first, or type one for all")
    missing = folder.num_images - folder.num_captions
    verb = "has" if missing == 1 else "have"
    subject = answers.trigger_word if answers.purpose == "subject" else None
    text = f"a photo of {subject}" if subject else "an image"
    return Suggestion(text, f"{missing} of {folder.num_images} images {verb} none")


IMAGE_QUESTIONS: tuple[Question, ...] = (
    Question(
        id="data",
        label="images",
        title="Where are your images?",
        help="A folder of images with their captions; 15 to 50 good ones are enough to begin. "
        "It is only read. Or a dataset on the Hub: hf://datasets/user/name.",
        kind=Kind.FOLDER,
        suggest=_nothing_to_suggest,
        object_to=find_no_folder,
        expected="Type the name of a folder, for instance photos",
    ),
    Question(
        id="layout",
        label="layout",
        title="This folder can be read in several ways. Where are the captions?",
        help="Each way finds other captions for the same images.",
        kind=Kind.CHOICE,
        suggest=_suggest_layout,
        expected="Choose one of the ways",
        applies=_fits_several,
        options=_layouts,
    ),
    Question(
        id="purpose",
        label="purpose",
        title="What do the images have in common?",
        help="It decides how much is learned, and how often each image is shown.",
        kind=Kind.CHOICE,
        suggest=_suggest_purpose,
        expected="Choose style, subject or concept",
        options=lambda _: _PURPOSES,
    ),
    Question(
        id="trigger_word",
        label="trigger word",
        title="Which word shall call it up in a prompt?",
        help="It is put in front of each caption that doesn't contain it. Without a word, "
        "every picture shows what was learned.",
        kind=Kind.TEXT,
        suggest=_suggest_trigger,
        expected="Use at most 64 characters",
        is_optional=True,
    ),
    Question(
        id="fallback_caption",
        label="missing captions",
        title="What is the caption of images that have none?",
        help="One text for all of them; the trigger word is added to it. "
        "Without one, `tuner-kit check` names the images, and you write the captions.",
        kind=Kind.TEXT,
        suggest=_suggest_caption,
        expected="Type some text",
        applies=_misses_captions,
        is_optional=True,
    ),
)
"""In the order in which they are asked."""
