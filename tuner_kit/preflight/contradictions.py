"""Answers that contradict each other, each as a sentence with a way out."""

from collections.abc import Iterator
from pathlib import Path

from tuner_kit.catalog.gpus import find_gpu
from tuner_kit.config.answers import THIS_GPU, Answers


def find_contradictions(answers: Answers) -> tuple[str, ...]:
    """Find what can't be meant together; the answers themselves are of the right kind."""
    return (*_subject(answers), *_class_images(answers), *_captions(answers), *_machine(answers))


def _subject(answers: Answers) -> Iterator[str]:
    """Judge the prompt that names the subject."""
    if not answers.method.startswith("dreambooth"):
        return
    prompt, word = answers.instance_prompt, answers.trigger_word
    if prompt is None:
        yield (
            "DreamBooth needs one prompt that names your subject: set instance_prompt, for "
            f"instance to `a photo of {word or 'sks'} dog`."
        )
    elif word is not None and word not in prompt:
        yield (
            f"The trigger word {word} is not in the prompt of your images (`{prompt}`): write it "
            "into instance_prompt, or leave trigger_word out."
        )


def _class_images(answers: Answers) -> Iterator[str]:
    wants = answers.method == "dreambooth-class"
    if answers.class_images is not None and not wants:
        yield (
            "Class images are only used by DreamBooth: choose the method dreambooth-class, or "
            "leave class_images out."
        )
    if wants and answers.class_images is None:
        yield (
            "DreamBooth with class images needs a folder of them: set class_images, or choose the "
            "method dreambooth."
        )
    if wants and answers.class_prompt is None:
        yield "The class images need a prompt: set class_prompt, for instance to `a photo of a dog`."
    if (
        wants
        and answers.class_prompt is not None
        and answers.class_prompt == answers.instance_prompt
    ):
        yield (
            "Subject and class images have the same prompt, so nothing tells them apart: put a rare "
            "word into instance_prompt."
        )
    if answers.class_images is not None and _is_same_folder(answers.class_images, answers.data):
        yield "The class images are in the folder of your own images: name another folder."


def _is_same_folder(one: str, other: str | None) -> bool:
    if other is None or one.startswith("hf:") or other.startswith("hf:"):
        return one == other
    return Path(one).expanduser().resolve() == Path(other).expanduser().resolve()


def _captions(answers: Answers) -> Iterator[str]:
    if answers.instance_prompt is not None and answers.fallback_caption is not None:
        yield (
            "One prompt for all images leaves none without a caption: leave fallback_caption out, "
            "or instance_prompt."
        )
    if answers.instance_prompt is not None and answers.layout not in ("auto", "instance-prompt"):
        yield (
            f"One prompt for all images replaces the captions that layout {answers.layout} reads: "
            "leave one of them out."
        )


def _machine(answers: Answers) -> Iterator[str]:
    if answers.gpu != THIS_GPU and find_gpu(answers.gpu) is None:
        yield (
            f"There is no GPU called {answers.gpu} in the table: name its memory instead, for "
            "instance 24 GB."
        )
    if answers.num_gpus > 1 and (answers.base or "").startswith("embedded:"):
        yield "The embedded model trains on a CPU: set num_gpus to 1, or choose another base model."
