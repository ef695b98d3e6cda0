"""The stages of specialising an encoder: its text, the steps of its recipe, and what diagnoses it.

Lives here: what each of them is made from. The work itself is in `clean_text`, `pipeline` and `diagnostics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlreach.adapt.recipe import Job, Step
from xlreach.corpora.dataset import Text
from xlreach.corpora.evaluation import EvaluationSet, evaluation_texts
from xlreach.corpora.registry import open_dataset
from xlreach.measurement import Measurement, write_measurements
from xlreach.stage import MEASUREMENTS, Node, Stage, unkeyed
from xlreach.store import Store, Workspace

_DIAGNOSED_LINES = 2000
_UNSEEN = 0.05  # of a text; every training that holds out this much or more has not seen these lines
PARITY_WITH = "en"


@dataclass(frozen=True, eq=False, kw_only=True)
class TextStage(Stage):
    """The unlabelled text of a language: cleaned, without duplicates, without what the study scores (`evaluation`).

    At most `text_lines` lines are taken, evenly from all of them; None takes all.
    """

    kind: ClassVar[str] = "text"
    version: ClassVar[int] = 3
    light: ClassVar[bool] = True

    language: str
    sources: tuple[str, ...]
    files: str
    evaluation: tuple[EvaluationSet, ...]
    text_lines: int | None

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.adapt.clean_text import prepare_text

        lines = self._lines() if self.text_lines is None else spread_lines(self._lines, self.text_lines)
        prepare_text({self.language: lines}, workspace.out, evaluation_texts(self.evaluation, self.root))

    def _lines(self) -> Iterator[str]:
        return read_sources([open_dataset(name, self.root) for name in self.sources], self.language)


@dataclass(frozen=True, eq=False, kw_only=True)
class AdaptStage(Stage):
    """One step of a recipe: an encoder folder from an encoder folder `source`, or from nothing for a step that starts.

    `text` and `others` are files by language: of the languages that the encoder is specialised for, and of others that
    the step reads. `languages` is empty for a step that gives the same encoder for all of them, `seed` is None for a
    step that does not draw at random. `base` and `sources` (name and license of each text) are only recorded.
    """

    kind: ClassVar[str] = "adapt"
    grouped_by: ClassVar[str] = "step"

    step: Step
    source: Node | None
    text: Mapping[str, Node]
    others: Mapping[str, Node]
    languages: tuple[str, ...]
    tables: Mapping[str, Path]
    files: str
    seed: int | None
    base: str = unkeyed()
    sources: tuple[Mapping[str, str], ...] = unkeyed()

    def layer_weights(self, store: Store) -> int:
        return max(super().layer_weights(store), self.step.new_weights)

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.adapt.pipeline import apply_step

        job = Job(
            out=workspace.out,
            checkpoint=workspace.checkpoint,
            text={code: text_file(paths[f"text {code}"], code) for code in self.text},
            others={code: text_file(paths[f"others {code}"], code) for code in self.others},
            tables=self.tables,
            seed=1 if self.seed is None else self.seed,
            cost=workspace.cost,
            base=self.base,
            data=self.sources,
        )
        apply_step(self.step, paths.get("source"), job)


@dataclass(frozen=True, eq=False, kw_only=True)
class DiagnoseStage(Stage):
    """Measures what an encoder makes of a language.

    Its tokenizer on lines spread over the text, and against English where there is `parallel` text; its
    pseudo-perplexity on lines that no training has seen; its own validation loss.
    """

    kind: ClassVar[str] = "diagnose"
    version: ClassVar[int] = 3

    encoder: Node
    text: Node
    language: str
    parallel: str | None
    files: str | None

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.adapt.clean_text import held_out_lines
        from xlreach.adapt.diagnostics import diagnose, parity, pseudo_perplexity, training_loss
        from xlreach.corpora.formats.lines import read_lines

        encoder, text = paths["encoder"], text_file(paths["text"], self.language)

        def row(measure: str, value: float, n: int | None = None, dataset: str | None = None) -> Measurement:
            language = self.language
            return Measurement(kind="diagnostic", language=language, measure=measure, value=value, n=n, dataset=dataset)

        figures = diagnose(encoder, spread_lines(lambda: read_lines(text), _DIAGNOSED_LINES)) | training_loss(encoder)
        rows = [row(measure, value) for measure, value in figures.items()]
        if self.parallel is not None:
            data: Any = open_dataset(self.parallel, self.root)
            value, n = parity(encoder, data.pairs(self.language, PARITY_WITH), _DIAGNOSED_LINES)
            rows.append(row(f"parity_with_{PARITY_WITH}", value, n, self.parallel))
        perplexities, words = pseudo_perplexity(encoder, held_out_lines(text, _UNSEEN))
        rows += [row(measure, value, words) for measure, value in perplexities.items()]
        write_measurements(workspace.out / MEASUREMENTS, rows)


def read_sources(sources: list[Any], language: str) -> Iterator[str]:
    """Yields the lines of a language in several data sets; an empty line stands between documents."""
    for source in sources:
        yield from source.documents(language) if isinstance(source, Text) else source.lines(language)


def spread_lines(lines: Callable[[], Iterator[str]], most: int) -> Iterator[str]:
    """Yields at most so many lines, evenly over all, and the blank ones; reads twice and holds nothing in memory."""
    total = sum(1 for line in lines() if line.strip())
    share, number = min(most, total), 0
    for line in lines():
        if not line.strip():
            yield line
            continue
        if number * share // total < (number + 1) * share // total:
            yield line
        number += 1


def text_file(folder: Path, language: str) -> Path:
    """Returns the file of a language in the folder that a text stage made."""
    return folder / f"{language}.txt"
