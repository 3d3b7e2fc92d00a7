"""What was found out once: the folders that were looked at, and the runs that were planned."""

from collections.abc import Callable

from tuner_kit.catalog.gpus import GpuProfile
from tuner_kit.catalog.layouts import AUTO_LAYOUT
from tuner_kit.config.answers import Answers
from tuner_kit.preflight.decisions import decide
from tuner_kit.preflight.folder_facts import FolderFacts, find_folder_layouts
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.preflight.training_length import Folders

type LookAtFolder = Callable[[str, str], FolderFacts]
"""Reads a folder in a layout, and shows its progress."""


class Knowledge:
    """Remembers for as long as one person is asked."""

    def __init__(self, look_at_folder: LookAtFolder) -> None:
        self._look_at_folder = look_at_folder
        self._seen: dict[tuple[str, str], FolderFacts] = {}
        self._planned: dict[object, PlannedRun] = {}

    def look(self, data: str, layout: str = AUTO_LAYOUT) -> FolderFacts:
        """Look at a folder; one that fits several layouts is read in the first for now.

        Raises:
            TunerError: it can't be read.
        """
        if (data, layout) not in self._seen:
            fitting = find_folder_layouts(data) if layout == AUTO_LAYOUT else ()
            readable = fitting[0].name if len(fitting) > 1 else layout
            self._seen[data, layout] = self._look_at_folder(data, readable)
        return self._seen[data, layout]

    def look_for(self, answers: Answers) -> FolderFacts | None:
        """Look at the folder that answers name; None where none is named yet."""
        return None if answers.data is None else self.look(answers.data, answers.layout)

    def plan(self, answers: Answers, target: GpuProfile | None) -> PlannedRun | None:
        """Plan the run of answers; None where they name no folder yet.

        Raises:
            TunerError: a folder can't be read.
        """
        # Equal answers can differ in which of them were given, and that decides who decided.
        key = (answers, frozenset(answers.model_fields_set), target)
        if key not in self._planned:
            main = self.look_for(answers)
            if main is None:
                return None
            others = [name and self.look(name) for name in _other_folders(answers)]
            folders = Folders(main, *(other or None for other in others))
            self._planned[key] = decide(answers, folders, target)
        return self._planned[key]


def _other_folders(answers: Answers) -> tuple[str | None, str | None]:
    """Name the folders beside the main one, as `Folders` has them."""
    return answers.class_images, answers.plain_images
