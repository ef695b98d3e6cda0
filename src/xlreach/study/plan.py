"""The plan: from a configuration to the stages that it asks for, each once, in an order that can be run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xlreach.adapt.encoder import fingerprint, resolve_base
from xlreach.adapt.no_adaptation import NoAdaptation
from xlreach.adapt.recipe import STEPS, Recipe, Step
from xlreach.errors import ConfigError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.factory import check_factory
from xlreach.retrieval.retrievers import RETRIEVERS
from xlreach.store import Store
from xlreach.study.config import StudyConfig
from xlreach.study.data import StudyData
from xlreach.study.stage import Given, Node, Stage
from xlreach.study.stages import (
    align_stage,
    diagnose_stage,
    index_stage,
    score_stage,
    step_stage,
    tag_stage,
    text_stage,
)
from xlreach.system import DENSE, UNTREATED
from xlreach.tagging.precision import encoder_width, resolved_precision
from xlreach.tagging.presets import preset_for
from xlreach.tagging.tasks import TASKS, Task


@dataclass(frozen=True)
class About:
    """What the measurements of a stage share; a field that does not apply is None."""

    base: str | None = None
    recipe: str | None = None
    alignment: str | None = None
    retriever: str | None = None
    language: str | None = None
    seed: int | None = None

    def __str__(self) -> str:
        fields = (self.base, self.recipe, self.alignment, self.retriever, self.language)
        named = [one for one in fields if one not in (None, DENSE)]
        return "~".join(named + ([f"seed{self.seed}"] if self.seed is not None else []))

    @property
    def words(self) -> str:
        """For people: base, recipe and languages, alignment, seed."""
        named = [self.base, f"{self.recipe} for {self.language}", self.alignment, self.retriever]
        seed = [] if self.seed is None else [f"seed {self.seed}"]
        return ", ".join([*(name for name in named if name and name != DENSE), *seed])


@dataclass(frozen=True)
class Cost:
    """What the stages of one encoder or tagger are accounted under; the fields are those of a measurement."""

    about: About
    stage: str
    task: str | None = None
    dataset: str | None = None
    trained_on: str | None = None
    sentences: int | None = None


@dataclass(frozen=True)
class Built:
    """An index in the plan: whose, of which collection and language."""

    about: About
    collection: str
    language: str
    stage: Stage


@dataclass
class Plan:
    """Every stage of a study.

    Attributes:
        stages: By key, upstream first.
        measured: Stages that leave `measurements.jsonl`, with what their rows share, in the order of the results.
        costs: The stages that an encoder or tagger took, with what the rows of their costs share.
        encoders: What retrieval is measured of, to be found by name.
        indexes: The indexes, to be found by name.
        sentences: By the key of a tagging stage, at most how many sentences it is trained on, where the study trains
            one task on several numbers of them (a learning curve).
        lacks: What the study asks for and the data cannot give, a sentence each.
        credits: Name, licence and citation of every data set read.
    """

    stages: dict[str, Stage] = field(default_factory=dict)
    measured: dict[tuple[About, str], Stage] = field(default_factory=dict)
    costs: dict[Cost, tuple[Stage, ...]] = field(default_factory=dict)
    encoders: dict[About, Stage] = field(default_factory=dict)
    indexes: dict[tuple[About, str, str], Built] = field(default_factory=dict)
    sentences: dict[str, int] = field(default_factory=dict)
    lacks: list[str] = field(default_factory=list)
    credits: list[dict[str, str]] = field(default_factory=list)

    def left(self, store: Store) -> list[Stage]:
        """The stages that are not in the store yet."""
        return [stage for stage in self.stages.values() if not stage.done(store)]

    def rows(self, store: Store) -> list[dict[str, Any]]:
        """Each stage: what it makes, what for, its key, and whether it is in the store."""
        return [
            {"stage": stage.kind, "title": stage.title, "key": stage.key, "done": stage.done(store)}
            for stage in self.stages.values()
        ]


@dataclass(frozen=True)
class _Encoder:
    """An encoder on its way through the plan.

    Attributes:
        languages: Those it is specialised for.
        steps: The stages that specialised it.
        width: The size of its vectors; None where only the finished encoder tells.
        static: Whether it is static word vectors and no encoder.
    """

    node: Stage
    about: About
    languages: tuple[str, ...]
    steps: tuple[Stage, ...]
    width: int | None
    static: bool


def plan_study(config: StudyConfig, data: StudyData) -> Plan:
    """What `config` asks for.

    Raises:
        ConfigError: A part of it cannot be done with the data at hand; says which and why.
    """
    return _Planner(config, data).plan()


class _Planner:
    def __init__(self, config: StudyConfig, data: StudyData) -> None:
        self.config, self.data, self._plan = config, data, Plan()
        self._collections = data.collections()
        self._pairs = data.pairs()
        self._recipes = {name: Recipe.parse(text) for name, text in config.recipes.items()}
        self._widths: dict[str, int | None] = {}
        self._spared: dict[
            tuple[str, str, str], dict[str, None]
        ] = {}  # recipe, what is left of it, what is not: targets
        retrievers = {name: RETRIEVERS.parse(text) for name, text in config.retrievers.items()}
        self._dense = {name: retriever for name, retriever in retrievers.items() if retriever.uses_encoder}
        self._others = {name: retriever for name, retriever in retrievers.items() if not retriever.uses_encoder}

    def plan(self) -> Plan:
        self._find_lacks()
        low = self.config.languages.low
        targets = [(code,) for code in low] if self.config.specialise == "each" else [low]
        for name, text in self.config.base.items():
            with self.config.at("base", name):
                base = self._base(name, text)
            for recipe_name, recipe in self._recipes.items():
                for target in targets:
                    for seed in self.config.seeds:
                        self._branch(self._specialise(base, name, recipe_name, recipe, target, seed), seed)
            for target in targets:
                self._retrieve_without(name, target)
        for (whole, taken, idle), spared in self._spared.items():
            self._plan.lacks.append(f"{whole} is {taken} for {', '.join(spared)}: {idle} changes nothing there.")
        self._plan.credits = self.data.credits()
        return self._plan

    def _branch(self, encoder: _Encoder, seed: int) -> None:
        """Everything that is measured of one specialised encoder."""
        if encoder.static:
            self._tag(encoder, seed)
            return
        for language in self._alone(encoder):
            if self.data.text(language):
                about = replace(encoder.about, language=language)
                parallel = self.data.parallel_with("en", language)
                stage = diagnose_stage(encoder.node, language, self._text(language), parallel, encoder.about.words)
                self._measure(stage, about)
        self._tag(encoder, seed)
        if self._collections and self._dense:
            for alignment in self.config.alignments:
                aligned = self._align(encoder, alignment, seed)
                self._plan.encoders.setdefault(aligned.about, aligned.node)
                for collection in self._collections:
                    self._retrieve(aligned, collection)

    def _tag(self, encoder: _Encoder, seed: int) -> None:
        for language in self._alone(encoder):
            for task in map(TASKS.parse, self.config.tagging):
                for corpus in self.data.tagged(task, language):
                    self._train(encoder, task, corpus, None, language, seed)
                for source, target in self._transfers(task, language):
                    self._train(encoder, task, source, target, language, seed)

    def _train(self, encoder: _Encoder, task: Task, corpus: Any, target: Any, language: str, seed: int) -> None:
        preset = preset_for(self.config.preset, task.name, corpus.language, encoder.static)
        if encoder.width is not None and not encoder.static:
            preset = replace(preset, precision=resolved_precision(encoder.width, preset))
        about = replace(encoder.about, language=language, seed=seed)
        whose = replace(encoder.about, seed=seed).words
        stage = self._measure(tag_stage(encoder.node, task, corpus, preset, seed, whose, target), about)
        sentences = task.limit if target is None and len(self._like(task)) > 1 else None
        if sentences is not None:
            self._plan.sentences[stage.key] = sentences
        tested, trained_on = (corpus.name, None) if target is None else (target.name, corpus.name)
        self._plan.costs.setdefault(Cost(about, "tag", task.name, tested, trained_on, sentences), (stage,))

    def _like(self, task: Task) -> list[Task]:
        """The tasks of the study that are this one but for how many sentences they learn from."""
        bare = replace(task, limit=None)
        return [one for one in map(TASKS.parse, self.config.tagging) if replace(one, limit=None) == bare]

    def _transfers(self, task: Task, language: str) -> Iterator[tuple[Any, Any]]:
        """What a task is learnt from and tested on across languages; with the most sentences asked for."""
        if language not in self.config.languages.low or _most(task) < max(map(_most, self._like(task))):
            return
        for source in (one for code in self.config.transfer for one in self.data.tagged(task, code)):
            for target in self.data.tagged(task, language, ("test",)):
                yield source, target

    def _find_lacks(self) -> None:
        """What cannot be measured, said before anything is run.

        Raises:
            ConfigError: A task has no data in any language.
        """
        for position, task in enumerate(map(TASKS.parse, self.config.tagging)):
            lacking = [code for code in self.config.languages.all if not self.data.tagged(task, code)]
            needed = "treebank" if task.kind == "treebank" else "entity corpus"
            if len(lacking) == len(self.config.languages.all):
                with self.config.at("tagging", position):
                    raise ConfigError(f"The data hold no {needed} with train and test splits for {task}.")
            if lacking:
                self._plan.lacks.append(f"{task} is not measured in {', '.join(lacking)}: the data hold no {needed}.")
            if sources := [code for code in self.config.transfer if code in lacking]:
                self._plan.lacks.append(f"{task} is not learnt in {', '.join(sources)}: the data hold no {needed}.")
        for name in (name for name, recipe in self._recipes.items() if recipe.static):
            what = "is tagged with only: static word vectors have no pieces to diagnose and are no retrieval encoder"
            self._plan.lacks.append(f"{name} {what}.")
        for collection in self._collections:
            if lacking := [code for code in self.config.languages.all if code not in collection.languages]:
                self._plan.lacks.append(f"{collection.name} has nothing in {', '.join(lacking)}.")

    def _base(self, name: str, text: str) -> Node:
        if text.partition("(")[0] not in STEPS:
            folder = resolve_base(text)
            self._widths[name] = encoder_width(folder)
            return Given(folder, fingerprint(folder))
        node: Node | None = None
        recipe = Recipe.parse(text)
        if not recipe.starts or recipe.static:
            raise ConfigError(
                f"{text!r} {'gives no encoder' if recipe.static else 'changes an encoder'}.",
                expected="A base is an encoder, or scratch(...).",
            )
        self._widths[name] = _width(recipe)
        for number, step in enumerate(recipe.steps, 1):
            languages = tuple(getattr(step, "languages", ())) or self.config.languages.high
            others = tuple(code for code in self.config.languages.all if code not in languages)
            node = self._step(step, node, languages, others, 0, name, str(Recipe(recipe.steps[:number])))
        assert node is not None
        return node

    def _specialise(
        self, base: Node, name: str, recipe_name: str, recipe: Recipe, target: tuple[str, ...], seed: int
    ) -> _Encoder:
        about = About(base=name, recipe=recipe_name, language="+".join(target))
        others = tuple(code for code in self.config.languages.all if code not in target)
        node: Node | None = None if recipe.starts else base
        steps: list[Stage] = []
        taken = self._taken(recipe_name, recipe, target)
        for number, step in enumerate(taken, 1):
            if step.uses_seed:
                about = replace(about, seed=seed)
            so_far = str(Recipe(taken[:number]))
            steps.append(self._step(step, node, target, others, seed, name, so_far))
            node = steps[-1]
        self._plan.costs.setdefault(Cost(about, "adapt"), tuple(steps))
        # Steps that go on from an encoder leave its width as it is.
        width = _width(recipe) if recipe.starts else self._widths[name]
        return _Encoder(steps[-1], about, target, tuple(steps), width, recipe.static)

    def _taken(self, name: str, recipe: Recipe, target: tuple[str, ...]) -> tuple[Step, ...]:
        """The steps of a recipe that change anything for these languages."""
        lines = {code: self.data.lines(code) for code in target}
        spared = [step for step in recipe.steps if step.spares(lines, self.data.tables(target))]
        if not spared:
            return recipe.steps
        taken = tuple(step for step in recipe.steps if step not in spared) or (NoAdaptation(),)
        self._spared.setdefault((name, str(Recipe(taken)), ", ".join(map(str, spared))), {})["+".join(target)] = None
        return taken

    def _step(
        self,
        step: Any,
        source: Node | None,
        target: Sequence[str],
        others: Sequence[str],
        seed: int,
        base: str,
        recipe: str,
    ) -> Stage:
        others = tuple(code for code in others if self.data.text(code))
        wanted = (*(target if step.uses_text else ()), *(others if step.uses_others else ()))
        text = {code: self._text(code) for code in wanted}
        return self._add(step_stage(step, source, self.data, target, others, seed, base, text, recipe))

    def _text(self, language: str) -> Stage:
        return self._add(text_stage(self.data, language))

    def _pool(self, target: tuple[str, ...]) -> tuple[str, ...]:
        """The languages that an encoder is measured on: those it is specialised for, and the high-resource ones."""
        return tuple(code for code in self.config.languages.all if code in target or code in self.config.languages.high)

    def _alone(self, encoder: _Encoder) -> tuple[str, ...]:
        """The languages that an encoder is tagged and diagnosed in.

        Where every low-resource language has its own encoder, the high-resource ones are measured with the base
        itself: otherwise each would have as many figures as there are encoders.
        """
        if self.config.specialise == "joint" or encoder.about.recipe == "none":
            return self._pool(encoder.languages)
        return encoder.languages

    def _align(self, encoder: _Encoder, name: str, seed: int) -> _Encoder:
        alignment = ALIGNMENTS.parse(self.config.alignments[name])
        about = replace(encoder.about, alignment=name)
        if not alignment.changes:
            return replace(encoder, about=about)
        languages = self._pool(encoder.languages)
        sources = self._pairs if alignment.trains else []
        if alignment.trains:
            about = replace(about, seed=seed)
            if not any(source.uses_text or set(source.languages) & set(languages) for source in sources):
                with self.config.at("pairs"):
                    raise ConfigError(
                        f"There are no training pairs for {alignment} in {', '.join(languages)}.",
                        fix="Name sources of pairs: parallel text, a retrieval collection, or crops.",
                    )
        reads = alignment.pooling.fitted or any(source.uses_text for source in sources)
        text = {code: self._text(code) for code in languages} if reads else {}
        stage = self._add(align_stage(encoder.node, alignment, sources, languages, self.data, seed, text, about.words))
        self._plan.costs.setdefault(Cost(about, "align"), (stage,))
        return replace(encoder, node=stage, about=about)

    def _retrieve(self, encoder: _Encoder, collection: Any) -> None:
        languages = self._searched(encoder.languages, collection)
        whose = encoder.about.words
        indexes: dict[str, Node] = {}
        if encoder.width is not None and languages:
            with self.config.at("index"):
                check_factory(self.config.index, encoder.width)
        for language in collection.searched(languages):
            stage = self._add(index_stage(encoder.node, collection, language, self.config.index, whose))
            built = Built(encoder.about, collection.name, language, stage)
            self._plan.indexes[(encoder.about, collection.name, language)] = built
            indexes[language] = stage
        for name, retriever in self._dense.items() if languages else ():
            about = replace(encoder.about, retriever=name)
            self._measure(
                score_stage(encoder.node, collection, languages, indexes, self.config, about.words, retriever), about
            )

    def _retrieve_without(self, base: str, target: tuple[str, ...]) -> None:
        """What ranks without an encoder, in the same pools: in the tables it stands among a base's systems."""
        for collection in self._collections:
            languages = self._searched(target, collection)
            for name, retriever in self._others.items() if languages else ():
                about = About(base, UNTREATED, UNTREATED, name, "+".join(target))
                searched = collection.searched(languages)
                self._measure(
                    score_stage(None, collection, languages, searched, self.config, str(retriever), retriever), about
                )

    def _searched(self, target: tuple[str, ...], collection: Any) -> tuple[str, ...]:
        """The languages of a collection that an encoder is scored in; none where nothing in them is judged."""
        languages = tuple(code for code in self._pool(target) if code in collection.languages)
        return languages if self.data.judged(collection, languages) else ()

    def _add(self, stage: Stage) -> Stage:
        return self._plan.stages.setdefault(stage.key, stage)

    def _measure(self, stage: Stage, about: About) -> Stage:
        known = self._add(stage)
        return self._plan.measured.setdefault((about, stage.key), known)


def _width(recipe: Recipe) -> int | None:
    """The size of the vectors of an encoder that a recipe makes from nothing, where its first step says so."""
    return getattr(recipe.steps[0], "hidden", None)


def _most(task: Task) -> float:
    return math.inf if task.limit is None else task.limit
