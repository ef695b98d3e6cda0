"""Every kind of stage: what its key is made of, and which room does the work. Nothing here decides what is run.

A `version` of a stage is raised when the same inputs come to give another result. Rooms are imported when a stage
runs, so that planning is quick. `whose` says which encoder a stage is for, in its title: encoders that turn out the
same share the stage, and it is titled by the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from xlreach.errors import ConfigError
from xlreach.measurement import Measurement, write_measurements
from xlreach.store import Workspace
from xlreach.study.config import StudyConfig
from xlreach.study.data import StudyData, checksum
from xlreach.study.stage import Node, Stage
from xlreach.tagging.presets import Preset

MEASUREMENTS = "measurements.jsonl"
_DIAGNOSED_LINES = 2000
_UNSEEN = 0.05  # of a text, held out by every training that holds out as much or more
_PARITY_WITH = "en"
Paths = Mapping[str, Path]


def text_stage(data: StudyData, language: str) -> Stage:
    """The unlabelled text of a language: squeezed, without duplicates, without what the study scores."""
    sources = data.text(language)
    if not sources:
        raise ConfigError(
            f"The data in {data.root} hold no unlabelled text of {language!r}, which a recipe of this study needs.",
            fix=f"Put a file raw/<source>/{language}.txt there, or take the recipe or the language out.",
        )
    inputs = {
        "sources": [source.name for source in sources],
        "files": checksum(path for source in sources for path in source.files((language,))),
        "evaluation": data.evaluation(language),
        "most_lines": data.config.text_lines,
        "version": 2,
    }

    def make(space: Workspace, _: Paths) -> None:
        from xlreach.adapt.clean_text import prepare_text

        most = data.config.text_lines
        some = data.lines(language) if most is None else _spread(partial(data.lines, language), most)
        prepare_text({language: some}, space.out, data.evaluation_texts(language))

    return Stage("text", f"{language}: unlabelled text without what is scored", inputs, make, light=True)


def step_stage(
    step: Any,
    source: Node | None,
    data: StudyData,
    languages: Sequence[str],
    others: Sequence[str],
    seed: int,
    base: str,
    text: Mapping[str, Node],
    recipe: str,
) -> Stage:
    """One step of a recipe: an encoder folder from an encoder folder (or from nothing, for a step that starts).

    `recipe` is the chain of steps up to this one, for the title.
    """
    tables = data.tables(languages) if step.uses_tables else {}
    needs: dict[str, Node] = {} if source is None else {"source": source}
    if step.uses_text:
        needs |= {code: text[code] for code in languages}
    if step.uses_others:
        needs |= {f"other {code}": text[code] for code in others}
    inputs: dict[str, Any] = {
        "step": str(step),
        "languages": list(languages) if step.uses_text or step.uses_tables else [],
        "tables": {code: checksum([path]) for code, path in tables.items()},
        "files": checksum(step.files()),
        "version": step.version,
    }
    if step.uses_seed:
        inputs["seed"] = seed
    sources = {source.name: source for code in step.seen(languages, others) for source in data.text(code)}
    credits = [{"name": name, "licence": source.licence} for name, source in sources.items()]

    def make(space: Workspace, paths: Paths) -> None:
        from xlreach.adapt.pipeline import apply_step
        from xlreach.adapt.recipe import Job

        job = Job(
            out=space.out,
            checkpoint=space.checkpoint,
            text={code: _text_in(paths[code], code) for code in languages if code in paths},
            others={code: _text_in(paths[f"other {code}"], code) for code in others if f"other {code}" in paths},
            tables=tables,
            seed=seed,
            cost=space.cost,
            base=base,
            data=credits,
        )
        apply_step(step, paths.get("source"), job)

    seeded = f", seed {seed}" if step.uses_seed else ""
    return Stage("adapt", f"{base}, {recipe} for {'+'.join(languages)}{seeded}", inputs, make, needs)


def diagnose_stage(encoder: Node, language: str, text: Node, parallel: Any | None, whose: str) -> Stage:
    """What the encoder makes of a language: its tokenizer on lines spread over the text, and against English where
    there is parallel text; how well it foresees words of lines that no training has seen; its own validation loss.
    """
    inputs: dict[str, Any] = {"language": language, "most_lines": _DIAGNOSED_LINES, "version": 2}
    if parallel is not None:
        files = checksum(parallel.files((language, _PARITY_WITH)))
        inputs |= {"parallel": parallel.name, "files": files}

    def make(space: Workspace, paths: Paths) -> None:
        from xlreach.adapt.clean_text import held_out_lines
        from xlreach.adapt.diagnostics import diagnose, parity, pseudo_perplexity, training_loss
        from xlreach.corpora.formats.lines import read_lines

        path = _text_in(paths["text"], language)

        def row(measure: str, value: float, n: int | None = None, dataset: str | None = None) -> Measurement:
            return Measurement(kind="diagnostic", language=language, measure=measure, value=value, n=n, dataset=dataset)

        found = diagnose(paths["encoder"], _spread(lambda: read_lines(path), _DIAGNOSED_LINES))
        rows = [row(name, value) for name, value in (found | training_loss(paths["encoder"])).items()]
        if parallel is not None:
            value, n = parity(paths["encoder"], parallel.pairs(language, _PARITY_WITH), _DIAGNOSED_LINES)
            rows.append(row(f"parity_with_{_PARITY_WITH}", value, n, parallel.name))
        foreseen, words = pseudo_perplexity(paths["encoder"], held_out_lines(path, _UNSEEN))
        rows += [row(name, value, words) for name, value in foreseen.items()]
        write_measurements(space.out / MEASUREMENTS, rows)

    return Stage("diagnose", f"{language}: {whose}", inputs, make, {"encoder": encoder, "text": text})


def tag_stage(
    encoder: Node, task: Any, corpus: Any, preset: Preset, seed: int, whose: str, target: Any = None
) -> Stage:
    """A tagger trained on a treebank or entity corpus, and its figures.

    Args:
        encoder: What it is trained on.
        task: What it learns.
        corpus: What it is trained on, and tested on unless there is a `target`.
        preset: How, with the precision of this machine, which is thereby in the key.
        seed: Of the training.
        whose: Which encoder, for the title.
        target: The corpus of another language that it is tested on.
    """
    tested = [] if target is None else [target]
    inputs = {
        "task": str(task),
        "preset": asdict(preset),
        "data": ">".join(one.name for one in (corpus, *tested)),
        "files": checksum(path for one in (corpus, *tested) for path in one.files((one.language,))),
        "seed": seed,
        "version": task.version,
    }

    def make(space: Workspace, paths: Paths) -> None:
        from xlreach.tagging.tagging_run import run_tagging

        run_tagging(
            task,
            paths["encoder"],
            corpus,
            preset=preset,
            seed=seed,
            out=space.out,
            checkpoint=space.checkpoint,
            cost=space.cost,
            test_data=target,
        )

    return Stage("tag", f"{task} on {inputs['data']}: {whose}", inputs, make, {"encoder": encoder})


def align_stage(
    encoder: Node,
    alignment: Any,
    sources: Sequence[Any],
    languages: Sequence[str],
    data: StudyData,
    seed: int,
    text: Mapping[str, Node],
    whose: str,
) -> Stage:
    """A retrieval encoder from an encoder: trained on pairs that are not in what is scored, or with another pooling."""
    inputs = {
        "alignment": str(alignment),
        "languages": list(languages) if alignment.trains or text else [],
        "pairs": [str(source) for source in sources],
        "files": checksum(path for source in sources for path in source.files(languages)),
        "evaluation": {code: data.evaluation(code) for code in languages} if alignment.trains else {},
        "seed": seed if alignment.trains else None,
        "version": alignment.version,
        **alignment.identity(),
    }
    low = [code for code in languages if code in data.config.languages.low]
    if getattr(alignment, "validate", 0):
        inputs["low"] = low

    def make(space: Workspace, paths: Paths) -> None:
        from xlreach.adapt.clean_text import ContaminationFilter
        from xlreach.retrieval.alignment_training import train_alignment
        from xlreach.retrieval.decontamination import Decontaminated

        prepared = {code: _text_in(paths[code], code) for code in text}
        scored = ContaminationFilter(one for code in languages for one in data.evaluation_texts(code))
        clean = [Decontaminated(source.bind(prepared), scored) for source in sources]
        train_alignment(
            alignment,
            paths["encoder"],
            clean,
            languages,
            seed=seed,
            out=space.out,
            low=low,
            text=prepared,
            checkpoint=space.checkpoint,
            cost=space.cost,
        )
        space.cost["scored_pairs"] = sum(source.dropped for source in clean)

    title = f"{'+'.join(languages)}: {whose}"
    return Stage("align", title, inputs, make, {"encoder": encoder, **text})


def index_stage(encoder: Node, collection: Any, language: str, factory: str, whose: str) -> Stage:
    """The index of one language of a collection."""
    inputs = {
        "collection": collection.name,
        "language": language,
        "files": checksum(collection.files((language,))),
        "factory": factory,
        "version": 4,
    }

    def make(space: Workspace, paths: Paths) -> None:
        from xlreach.retrieval.index import build_index

        documents = collection.documents(language)
        build_index(
            paths["encoder"], documents, space.out, factory=factory, language=language, checkpoint=space.checkpoint
        )

    return Stage("index", f"{collection.name} in {language}: {whose}", inputs, make, {"encoder": encoder})


def score_stage(
    encoder: Node | None,
    collection: Any,
    languages: Sequence[str],
    indexes: Mapping[str, Node] | Sequence[str],
    config: StudyConfig,
    whose: str,
    retriever: Any,
) -> Stage:
    """Asks in `languages`, searches what `indexes` hold in every setting, and scores what is found.

    For a retriever that uses no encoder, `encoder` is None and `indexes` are the languages searched alone.
    """
    built = indexes if isinstance(indexes, Mapping) else {}
    inputs = {
        "collection": collection.name,
        "asked": list(languages),
        "searched": list(indexes),
        "files": checksum(collection.files(tuple(dict.fromkeys([*languages, *indexes])))),
        "retriever": {str(one): one.version for one in (retriever, *retriever.parts)},
        "settings": list(config.settings),
        "measures": list(config.measures),
        "depth": config.depth,
        "version": 2,
    }

    def make(space: Workspace, paths: Paths) -> None:
        from xlreach.scoring import evaluate

        evaluate(
            paths.get("encoder"),
            collection,
            {code: paths[code] for code in built} or list(indexes),
            measures=config.measures,
            settings=config.settings,
            depth=config.depth,
            out=space.out,
            cost=space.cost,
            query_languages=languages,
            retriever=retriever,
        )

    title = f"{collection.name} in {'+'.join(languages)}: {whose}"
    return Stage("score", title, inputs, make, {**({} if encoder is None else {"encoder": encoder}), **built})


def _spread(lines: Callable[[], Iterator[str]], most: int) -> Iterator[str]:
    """At most so many lines, evenly over all of them, and the blank ones; the text is read twice and never held."""
    total = sum(1 for line in lines() if line.strip())
    share, at = min(most, total), 0
    for line in lines():
        if not line.strip():
            yield line
            continue
        if at * share // total < (at + 1) * share // total:
            yield line
        at += 1


def _text_in(folder: Path, language: str) -> Path:
    return folder / f"{language}.txt"
