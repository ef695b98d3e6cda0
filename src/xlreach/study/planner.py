"""Planning: from a configuration to the stages that it asks for, each once, in an order that can be run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xlreach.adapt.encoder import fingerprint, resolve_base
from xlreach.adapt.recipe import STEPS, Recipe, Step
from xlreach.adapt.stages import PARITY_WITH, AdaptStage, DiagnoseStage, TextStage
from xlreach.corpora.collection import Collection
from xlreach.errors import ConfigError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.factory import check_factory
from xlreach.retrieval.retrievers import RETRIEVERS
from xlreach.retrieval.stages import AlignStage, IndexStage
from xlreach.scoring.stages import ScoreStage
from xlreach.stage import ExternalInput, Node, Stage, checksum
from xlreach.study.config import StudyConfig
from xlreach.study.data import StudyData
from xlreach.study.plan import CostRow, Plan, Variant
from xlreach.system import UNTREATED, System
from xlreach.tagging.number_format import encoder_width, resolved_precision
from xlreach.tagging.presets import preset_for
from xlreach.tagging.stages import TagStage
from xlreach.tagging.tasks import TASKS, Task


@dataclass(frozen=True)
class _Encoder:
    """An encoder on its way through the plan, specialised for some languages.

    Its width is None where only the finished encoder tells; static word vectors are no encoder.
    """

    node: Stage
    variant: Variant
    languages: tuple[str, ...]
    width: int | None
    static: bool


def plan_study(config: StudyConfig, data: StudyData) -> Plan:
    """Plans what `config` asks for.

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
        self._tasks = [TASKS.parse(text) for text in config.tagging]
        self._widths: dict[str, int | None] = {}
        # For which languages (in order) a recipe is left with which steps, without which others.
        self._left_out: dict[tuple[str, str, str], dict[str, None]] = {}
        retrievers = {name: RETRIEVERS.parse(text) for name, text in config.retrievers.items()}
        self._dense = {name: retriever for name, retriever in retrievers.items() if retriever.uses_encoder}
        self._others = {name: retriever for name, retriever in retrievers.items() if not retriever.uses_encoder}

    def plan(self) -> Plan:
        self._plan.unavailable += self.data.unavailable(self._tasks, self._recipes)
        low = self.config.languages.low
        targets = [(code,) for code in low] if self.config.specialise == "each" else [low]
        for name, text in self.config.base.items():
            with self.config.at("base", name):
                base = self._base(name, text)
            for recipe in self._recipes:
                for target in targets:
                    for seed in self.config.seeds:
                        self._branch(self._specialise(base, name, recipe, target, seed), seed)
            for target in targets:
                for collection in self._collections:
                    self._retrieve(Variant(System(name), "+".join(target)), target, collection)
        for (recipe, taken, left_out), languages in self._left_out.items():
            self._plan.unavailable.append(
                f"{recipe} is {taken} for {', '.join(languages)}: {left_out} changes nothing there."
            )
        self._plan.credits = self.data.credits()
        return self._plan

    def _branch(self, encoder: _Encoder, seed: int) -> None:
        """Plans everything that is measured of one specialised encoder."""
        if encoder.static:
            self._tag(encoder, seed)
            return
        for language in self._alone(encoder):
            if self.data.text(language):
                self._diagnose(encoder, language)
        self._tag(encoder, seed)
        if self._collections and self._dense:
            for alignment in self.config.alignments:
                aligned = self._align(encoder, alignment, seed)
                self._plan.encoders.setdefault(aligned.variant, aligned.node)
                for collection in self._collections:
                    self._retrieve(aligned.variant, aligned.languages, collection, aligned)

    def _diagnose(self, encoder: _Encoder, language: str) -> None:
        parallel = self.data.parallel_with(PARITY_WITH, language)
        stage = DiagnoseStage(
            title=f"{language}: {encoder.variant.title('diagnose')}",
            root=self.data.root,
            encoder=encoder.node,
            text=self._text(language),
            language=language,
            parallel=None if parallel is None else parallel.name,
            files=None if parallel is None else checksum(parallel.files((language, PARITY_WITH))),
        )
        self._measure(stage, replace(encoder.variant, language=language))

    def _tag(self, encoder: _Encoder, seed: int) -> None:
        for language in self._alone(encoder):
            for task in self._tasks:
                for corpus in self.data.tagged(task, language):
                    self._train(encoder, task, [corpus], language, seed)
                for pair in self._transfers(task, language):
                    self._train(encoder, task, pair, language, seed)

    def _train(self, encoder: _Encoder, task: Task, corpora: Sequence[Any], language: str, seed: int) -> None:
        """Plans a tagger, trained on the first of the corpora and tested on the last."""
        (corpus, *others), tested = corpora, corpora[-1].name
        trained_on, learnt = (corpus.name, f" after {corpus.name}") if others else (None, "")
        preset = preset_for(self.config.preset, task.name, corpus.language, encoder.static)
        if encoder.width is not None and not encoder.static:
            preset = replace(preset, precision=resolved_precision(encoder.width, preset))
        stage = TagStage(
            title=f"{task} on {tested}{learnt}: {replace(encoder.variant, seed=seed).title('tag')}",
            root=self.data.root,
            encoder=encoder.node,
            task=task,
            corpus=corpus.name,
            target=tested if others else None,
            files=checksum(path for data in corpora for path in data.files((data.language,))),
            preset=preset,
            seed=seed,
        )
        variant = replace(encoder.variant, language=language, seed=seed)
        self._measure(stage, variant)
        sentences = task.limit if not others and len(self._like(task)) > 1 else None
        if sentences is not None:
            self._plan.sentences[stage.key] = sentences
        self._plan.costs.setdefault(CostRow(variant, "tag", task.name, tested, trained_on, sentences), (stage,))

    def _like(self, task: Task) -> list[Task]:
        """The tasks of the study that differ from this one in nothing but the number of training sentences."""
        bare = replace(task, limit=None)
        return [other for other in self._tasks if replace(other, limit=None) == bare]

    def _transfers(self, task: Task, language: str) -> Iterator[tuple[Any, Any]]:
        """What a task is trained and tested on across languages; with the largest number of sentences asked for."""
        largest = max(other.limit or math.inf for other in self._like(task))
        if language not in self.config.languages.low or (task.limit or math.inf) < largest:
            return
        for source in (corpus for code in self.config.transfer for corpus in self.data.tagged(task, code)):
            for target in self.data.tagged(task, language, ("test",)):
                yield source, target

    def _base(self, name: str, text: str) -> Node:
        if not STEPS.begins(text):
            folder = resolve_base(text)
            self._widths[name] = encoder_width(folder)
            return ExternalInput(folder, fingerprint(folder))
        recipe = Recipe.parse(text)
        if not recipe.starts or recipe.static:
            raise ConfigError(
                f"{text!r} {'gives no encoder' if recipe.static else 'changes an encoder'}.",
                expected="A base is an encoder, or scratch(...).",
            )
        self._widths[name] = _width(recipe)
        node: Node | None = None
        for number, step in enumerate(recipe.steps, 1):
            languages = tuple(getattr(step, "languages", ())) or self.config.languages.high
            node = self._step(step, node, languages, 0, name, str(Recipe(recipe.steps[:number])))
        assert node is not None
        return node

    def _specialise(self, base: Node, name: str, recipe_name: str, target: tuple[str, ...], seed: int) -> _Encoder:
        recipe = self._recipes[recipe_name]
        taken = self._taken(recipe_name, target)
        node: Node | None = None if recipe.starts else base
        steps: list[Stage] = []
        for number, step in enumerate(taken, 1):
            node = self._step(step, node, target, seed, name, str(Recipe(taken[:number])))
            steps.append(node)
        drawn = seed if any(step.uses_seed for step in taken) else None
        variant = Variant(System(name, recipe_name), "+".join(target), drawn)
        self._plan.costs.setdefault(CostRow(variant, "adapt"), tuple(steps))
        # Steps that go on from an encoder leave its width as it is.
        width = _width(recipe) if recipe.starts else self._widths[name]
        return _Encoder(steps[-1], variant, target, width, recipe.static)

    def _taken(self, name: str, target: tuple[str, ...]) -> tuple[Step, ...]:
        """The steps of a recipe that change anything for these languages."""
        recipe = self._recipes[name]
        lines = {code: self.data.lines(code) for code in target}
        left_out = [step for step in recipe.steps if step.spares(lines, self.data.tables(target))]
        if not left_out:
            return recipe.steps
        taken = tuple(step for step in recipe.steps if step not in left_out) or (STEPS.parse(UNTREATED),)
        languages = self._left_out.setdefault((name, str(Recipe(taken)), ", ".join(map(str, left_out))), {})
        languages["+".join(target)] = None
        return taken

    def _step(
        self, step: Step, source: Node | None, languages: tuple[str, ...], seed: int, base: str, recipe: str
    ) -> Stage:
        """One step; `recipe` is the chain of steps up to it, for the title."""
        others = [code for code in self.config.languages.all if code not in languages and self.data.text(code)]
        tables = self.data.tables(languages) if step.uses_tables else {}
        sources = {source.name: source for code in step.seen(languages, others) for source in self.data.text(code)}
        seeded = f", seed {seed}" if step.uses_seed else ""
        return self._add(
            AdaptStage(
                title=f"{base}, {recipe} for {'+'.join(languages)}{seeded}",
                root=self.data.root,
                step=step,
                source=source,
                text={code: self._text(code) for code in (languages if step.uses_text else ())},
                others={code: self._text(code) for code in (others if step.uses_others else ())},
                languages=languages if step.uses_text or step.uses_tables else (),
                tables=tables,
                files=checksum([*tables.values(), *step.files()]),
                seed=seed if step.uses_seed else None,
                base=base,
                sources=tuple({"name": name, "license": source.license} for name, source in sources.items()),
            )
        )

    def _text(self, language: str) -> Stage:
        sources = self.data.text(language)
        if not sources:
            raise ConfigError(
                f"The data in {self.data.root} hold no unlabelled text of {language!r}, which a recipe of this study "
                "needs.",
                fix=f"Put a file raw/<source>/{language}.txt there, or take the recipe or the language out.",
            )
        return self._add(
            TextStage(
                title=f"{language}: unlabelled text without what is scored",
                root=self.data.root,
                language=language,
                sources=tuple(source.name for source in sources),
                files=checksum(path for source in sources for path in source.files((language,))),
                evaluation=self.data.evaluation(language),
                text_lines=self.config.text_lines,
            )
        )

    def _pool(self, target: tuple[str, ...]) -> tuple[str, ...]:
        """The languages that an encoder is measured in: those it is specialised for, and the high-resource ones."""
        return tuple(code for code in self.config.languages.all if code in target or code in self.config.languages.high)

    def _alone(self, encoder: _Encoder) -> tuple[str, ...]:
        """The languages that an encoder is tagged and diagnosed in.

        Where every low-resource language has its own encoder, the high-resource ones are measured with the base
        itself: otherwise each would have as many figures as there are encoders.
        """
        if self.config.specialise == "joint" or not encoder.variant.system.is_adapted:
            return self._pool(encoder.languages)
        return encoder.languages

    def _align(self, encoder: _Encoder, name: str, seed: int) -> _Encoder:
        alignment = ALIGNMENTS.parse(self.config.alignments[name])
        variant = replace(encoder.variant, system=replace(encoder.variant.system, alignment=name))
        if not alignment.changes:
            return replace(encoder, variant=variant)
        languages = self._pool(encoder.languages)
        sources = self._pairs if alignment.trains else []
        if alignment.trains:
            variant = replace(variant, seed=seed)
            if not any(source.uses_text or set(source.languages) & set(languages) for source in sources):
                with self.config.at("pairs"):
                    raise ConfigError(
                        f"There are no training pairs for {alignment} in {', '.join(languages)}.",
                        fix="Name sources of pairs: parallel text, a retrieval collection, or crops.",
                    )
        low = tuple(code for code in languages if code in self.config.languages.low)
        evaluation = tuple(dict.fromkeys(scored for code in languages for scored in self.data.evaluation(code)))
        reads = alignment.pooling.fitted or any(source.uses_text for source in sources)
        stage = self._add(
            AlignStage(
                title=f"{'+'.join(languages)}: {variant.title('align')}",
                root=self.data.root,
                encoder=encoder.node,
                alignment=alignment,
                identity=alignment.identity(),
                languages=languages if alignment.trains or reads else (),
                low=low if getattr(alignment, "validate", 0) else (),
                pairs=tuple(map(str, sources)),
                files=checksum(path for source in sources for path in source.files(languages)),
                evaluation=evaluation if alignment.trains else (),
                text={code: self._text(code) for code in languages} if reads else {},
                seed=seed if alignment.trains else None,
            )
        )
        self._plan.costs.setdefault(CostRow(variant, "align"), (stage,))
        return replace(encoder, node=stage, variant=variant)

    def _retrieve(
        self, variant: Variant, target: tuple[str, ...], collection: Collection, encoder: _Encoder | None = None
    ) -> None:
        """Plans the search of a collection with an encoder and its indexes, or else with what ranks without one.

        The latter has the same pools, because the tables list it among the systems of a base.
        """
        languages = self._searched(target, collection)
        if not languages:
            return
        searched = tuple(collection.searched(languages))
        indexes: dict[str, Node] = {}
        if encoder is not None:
            if encoder.width is not None:
                with self.config.at("index"):
                    check_factory(self.config.index, encoder.width)
            for language in searched:
                stage = IndexStage(
                    title=f"{collection.name} in {language}: {variant.title('align')}",
                    root=self.data.root,
                    encoder=encoder.node,
                    collection=collection.name,
                    language=language,
                    factory=self.config.index,
                    files=checksum(collection.files((language,))),
                )
                indexes[language] = self._add(stage)
            self._plan.indexes.setdefault(variant, {})[collection.name] = indexes
        for name, retriever in (self._others if encoder is None else self._dense).items():
            scored = replace(variant, system=replace(variant.system, retriever=name))
            title = str(retriever) if encoder is None else scored.title("score")
            score = ScoreStage(
                title=f"{collection.name} in {'+'.join(languages)}: {title}",
                root=self.data.root,
                encoder=None if encoder is None else encoder.node,
                collection=collection.name,
                files=checksum(collection.files(tuple(dict.fromkeys([*languages, *searched])))),
                query_languages=languages,
                searched=searched,
                indexes=indexes,
                retriever=retriever,
                fused=retriever.parts,
                settings=self.config.settings,
                measures=self.config.measures,
                depth=self.config.depth,
            )
            self._measure(score, scored)

    def _searched(self, target: tuple[str, ...], collection: Collection) -> tuple[str, ...]:
        """The languages of a collection that an encoder is scored in; none where nothing in them is judged."""
        languages = tuple(code for code in self._pool(target) if code in collection.languages)
        return languages if self.data.judged(collection, languages) else ()

    def _add(self, stage: Stage) -> Stage:
        return self._plan.stages.setdefault(stage.key, stage)

    def _measure(self, stage: Stage, variant: Variant) -> None:
        self._plan.measured.setdefault((variant, stage.key), self._add(stage))


def _width(recipe: Recipe) -> int | None:
    """The size of the vectors of an encoder that a recipe makes from nothing, where its first step says so."""
    return getattr(recipe.steps[0], "hidden", None)
