"""The questions about training: which model, how, on what, how long."""

from collections.abc import Sequence

from tuner_kit.catalog.base_models import BASE_MODELS, EMBEDDED_PREFIX, TINY_SD3
from tuner_kit.catalog.gpus import GPUS, find_gpu
from tuner_kit.config.answers import THIS_GPU
from tuner_kit.config.suggest import did_you_mean
from tuner_kit.preflight.base_choice import choose_base, default_base
from tuner_kit.preflight.training_length import suggest_views
from tuner_kit.wizard.image_questions import find_no_folder
from tuner_kit.wizard.preview import cost_of, effect_of_length, preview
from tuner_kit.wizard.question import OTHER, Kind, Option, Question, Situation, Suggestion, Value

# --------------------------------------------------------------------------- base model


def _base_options(situation: Situation) -> Sequence[Option]:
    known = [
        Option(model.id, model.title, _memory_of(situation, model.id))
        for model in sorted(BASE_MODELS, key=lambda model: model.id != default_base())
        if not model.id.startswith(EMBEDDED_PREFIX) or model.id == TINY_SD3
    ]
    return [*known, Option(OTHER, "another one", "a folder in diffusers layout, or a hub id")]


def _memory_of(situation: Situation, base: str) -> str:
    """Say what the GPU needs with a base model, planned for the GPU that there is."""
    if base.startswith(EMBEDDED_PREFIX):
        return "on the CPU in two minutes, to see it all"
    planned = preview(situation.given(base=base))
    memory = cost_of(planned, "GPU memory") if planned is not None else None
    return "" if memory is None else f"{memory.partition(',')[0]} of GPU memory"


def _suggest_base(_: Situation) -> Suggestion:
    return Suggestion(default_base(), "the best that most GPUs can train")


def _object_to_base(value: Value, _: Situation) -> str | None:
    return choose_base(str(value)).obstacle


def _has_real_base(situation: Situation) -> bool:
    return not (situation.answers.base or "").startswith(EMBEDDED_PREFIX)


# ------------------------------------------------------------------------------- method

_METHODS = (
    Option("lora", "LoRA", "a small file beside the model; every tool reads it"),
    Option("lokr", "LoKr", "a LyCORIS adapter: more capacity, fewer readers"),
    Option("full", "full", "the whole model: several times the memory"),
    Option("dreambooth", "DreamBooth", "a LoRA of one subject; one prompt for all images"),
    Option(
        "dreambooth-class", "DreamBooth, class", "and images of its class: not every dog is yours"
    ),
)


def _suggest_method(situation: Situation) -> Suggestion:
    folder = situation.folder
    if situation.answers.purpose == "subject" and folder is not None and not folder.num_captions:
        return Suggestion("dreambooth", "your images have no captions, and it needs none")
    return Suggestion("lora", "the least memory, and hard to spoil")


def _is_dreambooth(situation: Situation) -> bool:
    return situation.answers.method.startswith("dreambooth")


def _has_class_images(situation: Situation) -> bool:
    return situation.answers.method == "dreambooth-class"


def _suggest_instance_prompt(situation: Situation) -> Suggestion:
    word = situation.answers.trigger_word
    return Suggestion(
        f"a photo of {word or 'ohwx'}",
        "the word that is yours; put behind it what it is: a dog, a person",
    )


def _object_to_instance_prompt(value: Value, situation: Situation) -> str | None:
    word = situation.answers.trigger_word
    if word is None or word in str(value):
        return None
    return f"Write {word} into it: it is the word that shall call it up"


# ---------------------------------------------------------------------------------- GPU

_NUM_EXAMPLES = 3
"""GPUs that are named beside a size; the last ones of the table are the best known."""


def _gpu_options(situation: Situation) -> Sequence[Option]:
    here = situation.machine.profile
    this = Option(THIS_GPU, "this one", _describe_here(situation))
    later = Option(THIS_GPU, "decide later", "planned for 24 GB, which many have that are rented")
    other = Option(OTHER, "another one", "by its name or its memory")
    return [later if here is None else this, *_sizes(), other]


def _sizes() -> list[Option]:
    """Offer each memory size of the table, with the GPUs of the table that have it."""
    sizes: list[tuple[str, list[str]]] = []
    for gpu in GPUS:
        if gpu.compute_capability is None:
            sizes.append((gpu.name, []))
        else:
            sizes[-1][1].append(gpu.name)
    return [
        Option(size, size, f"such as {', '.join(names[-_NUM_EXAMPLES:])}") for size, names in sizes
    ]


def _describe_here(situation: Situation) -> str:
    here, count = situation.machine.profile, situation.machine.count
    if here is None:
        return ""
    return f"{here.name}, {here.memory_gib:.0f} GB" + (f"; there are {count}" if count > 1 else "")


def _suggest_gpu(situation: Situation) -> Suggestion:
    if situation.machine.profile is not None:
        return Suggestion(THIS_GPU, _describe_here(situation))
    return Suggestion(THIS_GPU, "there is none here")


def _object_to_gpu(value: Value, _: Situation) -> str | None:
    if value == THIS_GPU:
        return None
    if find_gpu(str(value)) is not None:
        return None
    names = [gpu.name for gpu in GPUS]
    otherwise = "name its memory, for instance 24 GB"
    return f"No GPU called {value} is known: {did_you_mean(str(value), names, otherwise=otherwise)}"


def _may_be_several(situation: Situation) -> bool:
    return situation.answers.gpu != THIS_GPU or situation.machine.count != 1


def _suggest_num_gpus(situation: Situation) -> Suggestion:
    count = situation.machine.count
    if situation.answers.gpu == THIS_GPU and count > 1:
        return Suggestion(count, f"there are {count} here")
    return Suggestion(1, "more are faster, not better")


# --------------------------------------------------------------------------------- long

_USUAL_VIEWS = {"style": (50, 100), "subject": (75, 150), "concept": (75, 150)}
"""From which number to which one, by what LoRA guides of the field say."""


def _suggest_views(situation: Situation) -> Suggestion:
    folder, purpose = situation.folder, situation.answers.purpose
    if folder is None or not _has_real_base(situation):
        return Suggestion(None, "as long as it takes to see something")
    views = suggest_views(folder.num_images, purpose)
    fewest, most = _USUAL_VIEWS[purpose]
    guide = f"a {purpose} needs {fewest} to {most}"
    if views < fewest:
        guide = f"so many are enough of {folder.num_images} images"
    effect = effect_of_length(situation, views)
    return Suggestion(views, f"{guide}; {effect}" if effect else guide)


TRAINING_QUESTIONS: tuple[Question, ...] = (
    Question(
        id="base",
        label="base model",
        title="Which model shall learn it?",
        help="Stable Diffusion 3 and 3.5 are on the Hub; their license is to be accepted there "
        "once. A folder is a model in diffusers layout on this machine.",
        kind=Kind.CHOICE,
        suggest=_suggest_base,
        expected="Name a hub id such as user/name, or a folder",
        options=_base_options,
        object_to=_object_to_base,
        is_decided_anyway=True,
    ),
    Question(
        id="method",
        label="method",
        title="How shall it learn?",
        help="LoRA trains a small file of some 50 MB that is laid over the model, and can be "
        "taken off again.",
        kind=Kind.CHOICE,
        suggest=_suggest_method,
        expected="Choose one of the methods",
        options=lambda _: _METHODS,
    ),
    Question(
        id="instance_prompt",
        label="prompt of the images",
        title="Which one prompt describes all your images?",
        help="It names your subject: the rare word, and what kind of thing it is, "
        "for instance: a photo of ohwx dog.",
        kind=Kind.TEXT,
        suggest=_suggest_instance_prompt,
        object_to=_object_to_instance_prompt,
        expected="Type a prompt",
        applies=_is_dreambooth,
    ),
    Question(
        id="class_images",
        label="class images",
        title="Where are the images of ordinary things of that kind?",
        help="A folder of about 100 pictures of other dogs, if yours is a dog.",
        kind=Kind.FOLDER,
        suggest=lambda _: None,
        object_to=find_no_folder,
        expected="Type the name of a folder",
        applies=_has_class_images,
    ),
    Question(
        id="class_prompt",
        label="prompt of the class",
        title="Which prompt describes these?",
        help="The same without the rare word, for instance: a photo of a dog.",
        kind=Kind.TEXT,
        suggest=lambda _: None,
        expected="Type a prompt, for instance: a photo of a dog",
        applies=_has_class_images,
    ),
    Question(
        id="gpu",
        label="GPU",
        title="Which GPU will train?",
        help="Its memory decides the settings. It need not be in this machine.",
        kind=Kind.CHOICE,
        suggest=_suggest_gpu,
        expected="Name a GPU such as RTX 4090, or its memory such as 24 GB",
        applies=_has_real_base,
        options=_gpu_options,
        object_to=_object_to_gpu,
        is_decided_anyway=True,
    ),
    Question(
        id="num_gpus",
        label="number of GPUs",
        title="How many GPUs of that kind?",
        help="Each has the whole model and its own images.",
        kind=Kind.NUMBER,
        suggest=_suggest_num_gpus,
        expected="Type a whole number from 1 to 64",
        applies=_has_real_base,
        is_asked=_may_be_several,
    ),
    Question(
        id="views_per_image",
        label="views per image",
        title="How often shall each image be shown?",
        help="Too few and nothing is learned; too many and the images are learned by heart.",
        kind=Kind.NUMBER,
        suggest=_suggest_views,
        expected="Type a whole number from 1 to 10000",
        is_asked=_has_real_base,
        is_optional=True,
        is_decided_anyway=True,
    ),
)
"""In the order in which they are asked."""
