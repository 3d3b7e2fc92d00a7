"""DreamBooth: one prompt for all images, and maybe class images that keep what is known.

    dog/
      a.jpg                  all of them get the instance prompt
      b.jpg

    dog/
      instance_images/       also: instance, instance_data, and so on
        a.jpg
      class_images/          optional: regularization with the class prompt
        1.jpg

Where no instance prompt is given, and the folders' names say what it is, captions beside
the images are used.
"""

import re
from collections.abc import Iterator

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.few import Few
from tuner_kit.data.layouts.layout import (
    FolderShape,
    Layout,
    LayoutOptions,
    Reading,
    leave_out_lone_texts,
    leave_out_others,
)
from tuner_kit.data.records import Caption, DatasetPart
from tuner_kit.errors import Problem, Severity

_CONTENT = r"([ _-]?(images?|imgs?|photos?|pictures?|data|dir))?"
_INSTANCE_FOLDER = re.compile(f"instance{_CONTENT}", re.IGNORECASE)
_CLASS_FOLDER = re.compile(f"class{_CONTENT}", re.IGNORECASE)
_CLASS_PART = "class"


def is_in_instance_folder(name: str) -> bool:
    """Whether an image is below a top-level folder like `instance_images`."""
    return _is_below(_INSTANCE_FOLDER, name)


def is_in_class_folder(name: str) -> bool:
    """Whether an image is below a top-level folder like `class_images`."""
    return _is_below(_CLASS_FOLDER, name)


def _is_below(folder: re.Pattern[str], name: str) -> bool:
    top, slash, _ = name.partition("/")
    return bool(slash) and folder.fullmatch(top) is not None


def fits(shape: FolderShape, options: LayoutOptions) -> bool:
    """Recognize it by the person's prompt, or by the folders' names."""
    return options.instance_prompt is not None or shape.in_instance_folder.count > 0


def read(inventory: Inventory, options: LayoutOptions) -> Reading:
    """Give the instance images one prompt and the class images another."""
    instance_part = DatasetPart(prompt=options.instance_prompt)
    class_part = DatasetPart(name=_CLASS_PART, prompt=options.class_prompt, is_regularization=True)
    class_images = Few()
    inventory.assign((name, _CLASS_PART) for name in _class_images(inventory, class_images))
    inventory.pair(_captions(inventory, instance_part, class_part))
    leave_out_lone_texts(inventory)
    leave_out_others(inventory)
    parts = (instance_part, class_part) if class_images.count else (instance_part,)
    return Reading(parts, tuple(_find_problems(inventory, options, class_images)))


def _class_images(inventory: Inventory, seen: Few) -> Iterator[str]:
    for name in inventory.image_names():
        if is_in_class_folder(name):
            seen.add(name)
            yield name


def _captions(
    inventory: Inventory, instance_part: DatasetPart, class_part: DatasetPart
) -> Iterator[tuple[str, Caption]]:
    """Give the texts beside the images of parts that have no prompt."""
    for text in inventory.text_files():
        part = class_part if is_in_class_folder(text.name) else instance_part
        if part.prompt is None:
            for image in inventory.images_of_stem(text.stem):
                yield image, text.caption


def _find_problems(
    inventory: Inventory, options: LayoutOptions, class_images: Few
) -> Iterator[Problem]:
    if options.class_prompt is not None and class_images.count == 0:
        yield Problem(
            id="D16",
            severity=Severity.WARNING,
            what="there is a class_prompt, but the dataset folder has no class images",
            where=str(inventory.root),
            fix="put them into a folder class_images there, or remove class_prompt",
        )
    unused = Few()
    for name in inventory.images_with_text():
        if not inventory.has_caption(name):
            unused.add(name)
    if unused.count:
        yield _unused_captions(inventory, unused)


def _unused_captions(inventory: Inventory, images: Few) -> Problem:
    return Problem(
        id="D16",
        severity=Severity.NOTICE,
        what=f"captions beside {images.count_of('image')} are not used, because one prompt for "
        f"all is given: {images.listed}",
        where=f"{inventory.root} (first: {images.first})",
        fix="nothing, if that is meant; otherwise remove instance_prompt and class_prompt of "
        "the dataset",
    )


def evidence(shape: FolderShape) -> str:
    """Count the images in the folder of instance images."""
    found = shape.in_instance_folder
    return f"{found.count_of('image')} in a folder of instance images: {found.listed}"


INSTANCE_PROMPT = Layout(
    name="instance-prompt",
    title="one prompt for all images, maybe with class images (DreamBooth)",
    fits=fits,
    read=read,
    evidence=evidence,
)
