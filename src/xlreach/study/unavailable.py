"""What a study asks for but its data do not contain, found before any stage runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlreach.adapt.recipe import Recipe
from xlreach.errors import ConfigError
from xlreach.study.config import StudyConfig
from xlreach.study.data import StudyData
from xlreach.tagging.tasks import Task


def find_unavailable(
    config: StudyConfig, data: StudyData, tasks: Sequence[Task], recipes: Mapping[str, Recipe]
) -> list[str]:
    """Returns a sentence for each thing that is not measured, the tagging tasks in the order of the configuration.

    Raises:
        ConfigError: A task has no data in any language.
    """
    sentences = []
    for position, task in enumerate(tasks):
        lacking = [code for code in config.languages.all if not data.tagged(task, code)]
        needed = "treebank" if task.kind == "treebank" else "entity corpus"
        if len(lacking) == len(config.languages.all):
            with config.at("tagging", position):
                raise ConfigError(f"The data hold no {needed} with train and test splits for {task}.")
        if lacking:
            sentences.append(f"{task} is not measured in {', '.join(lacking)}: the data hold no {needed}.")
        if sources := [code for code in config.transfer if code in lacking]:
            sentences.append(f"{task} is not learnt in {', '.join(sources)}: the data hold no {needed}.")
    for name in (name for name, recipe in recipes.items() if recipe.static):
        what = "is tagged with only: static word vectors have no pieces to diagnose and are no retrieval encoder"
        sentences.append(f"{name} {what}.")
    for collection in data.collections():
        if lacking := [code for code in config.languages.all if code not in collection.languages]:
            sentences.append(f"{collection.name} has nothing in {', '.join(lacking)}.")
    return sentences
