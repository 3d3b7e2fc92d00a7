"""Rules about what a folder holds besides images and their captions."""

from collections.abc import Iterator
from dataclasses import replace

from tuner_kit.data.audit.rule import AuditPolicy, Dataset, Found, Wording, problem_about
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import SkippedFile, SkipReason
from tuner_kit.errors import Problem, Severity

# People who have these in the folder expect them to be trained on.
_MEDIA_SUFFIXES = (
    *(".gif", ".jp2", ".psd", ".mp4", ".mov", ".webm", ".mkv", ".avi", ".svg", ".pdf"),
    *(".dng", ".cr2", ".nef", ".arw"),
)
_BY_ID = {
    SkipReason.NOT_AN_IMAGE: "D11",
    SkipReason.LONE_CAPTION: "D11",
    SkipReason.VISITED: "D11",
    SkipReason.SPECIAL: "D11",
    SkipReason.NO_REPEATS: "D11",
    SkipReason.HIDDEN: "D27",
    SkipReason.SIDE_FOLDER: "D27",
    SkipReason.MASK: "D27",
    SkipReason.BROKEN_LINK: "D29",
    SkipReason.UNLISTABLE: "D29",
    SkipReason.NO_DECODER: "D31",
}


def check_left_out(
    inventory: Inventory, dataset: Dataset, policy: AuditPolicy
) -> Iterator[Problem]:
    """Say what is left out, by the kind of reason.

    D11 files that are not trained on, D27 what is left out by its name, D29 what can't be
    opened, D31 formats without decoder.
    """
    found: dict[str, Found] = {}
    has_media = False
    for item in inventory.skipped():
        is_unused = item.reason is SkipReason.NOT_AN_IMAGE
        has_media = has_media or (is_unused and item.name.lower().endswith(_MEDIA_SUFFIXES))
        found.setdefault(_BY_ID[item.reason], Found()).add(item.name, _detail(item))
    for problem_id, files in sorted(found.items()):
        wording = _WORDINGS[problem_id](files)
        if problem_id == "D11" and has_media:
            wording = replace(wording, severity=Severity.WARNING)
        if policy.is_repaired and wording.severity is Severity.ERROR:
            wording = Wording(wording.what, "nothing; they are left out", Severity.WARNING)
        yield problem_about(problem_id, files, dataset, wording)


def _detail(item: SkippedFile) -> str:
    return "" if item.reason in {SkipReason.NOT_AN_IMAGE, SkipReason.HIDDEN} else item.reason.value


def _not_trained_on(found: Found) -> Wording:
    return Wording(
        f"{found.count('file')} left out of the training",
        "nothing, if that is meant; otherwise save pictures as .png or .jpg, and name a "
        "caption as its image",
        Severity.NOTICE,
    )


def _left_out_by_name(found: Found) -> Wording:
    return Wording(
        f"{found.count('hidden or side file or folder')} left out",
        "nothing, if that is meant; otherwise give them another name, or train on them as a "
        "dataset of their own",
        Severity.NOTICE,
    )


def _cannot_be_opened(found: Found) -> Wording:
    return Wording(
        f"{found.count('link or folder')} impossible to open",
        "repair the links (ls -l shows where they lead) and the rights (chmod -R u+rX), or remove "
        "them",
    )


def _no_decoder(found: Found) -> Wording:
    return Wording(
        f"{found.count('image')} in a format that can't be decoded on this machine",
        "save them as .png or .jpg; for .jxl: poetry run pip install pillow-jxl-plugin",
    )


_WORDINGS = {
    "D11": _not_trained_on,
    "D27": _left_out_by_name,
    "D29": _cannot_be_opened,
    "D31": _no_decoder,
}
