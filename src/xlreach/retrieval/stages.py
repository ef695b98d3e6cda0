"""The stages of a study that make a retrieval encoder, and the index of a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlreach.adapt.stages import text_file
from xlreach.corpora.evaluation import EvaluationSet, evaluation_texts
from xlreach.corpora.registry import open_dataset
from xlreach.retrieval.alignment import Alignment
from xlreach.retrieval.pair_sources import open_pairs
from xlreach.stage import Node, Stage
from xlreach.store import Workspace


@dataclass(frozen=True, eq=False, kw_only=True)
class AlignStage(Stage):
    """A retrieval encoder: trained on pairs that are in no `evaluation` set, or with another pooling.

    `identity` has the fingerprints of the models that the alignment names. `text` is that of each language, where pairs
    are cut from it or the pooling is fitted on it. `seed` is None if the alignment does not train.
    """

    kind: ClassVar[str] = "align"
    grouped_by: ClassVar[str] = "alignment"

    encoder: Node
    alignment: Alignment
    identity: Mapping[str, str]
    languages: tuple[str, ...]
    low: tuple[str, ...]
    pairs: tuple[str, ...]
    files: str
    evaluation: tuple[EvaluationSet, ...]
    text: Mapping[str, Node]
    seed: int | None

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.adapt.clean_text import ContaminationFilter
        from xlreach.retrieval.alignment_training import train_alignment
        from xlreach.retrieval.decontamination import Decontaminated

        text = {code: text_file(paths[f"text {code}"], code) for code in self.text}
        scored = ContaminationFilter(evaluation_texts(self.evaluation, self.root))
        clean = [Decontaminated(open_pairs(name, self.root).bind(text), scored) for name in self.pairs]
        train_alignment(
            self.alignment,
            paths["encoder"],
            clean,
            self.languages,
            seed=1 if self.seed is None else self.seed,
            out=workspace.out,
            low=self.low,
            text=text,
            checkpoint=workspace.checkpoint,
            cost=workspace.cost,
        )
        workspace.cost["scored_pairs"] = sum(source.dropped for source in clean)


@dataclass(frozen=True, eq=False, kw_only=True)
class IndexStage(Stage):
    """The index of one language of a collection; `factory` is a FAISS factory string."""

    kind: ClassVar[str] = "index"
    version: ClassVar[int] = 5
    encodes: ClassVar[bool] = True

    encoder: Node
    collection: str
    language: str
    factory: str
    files: str

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.retrieval.index import build_index

        collection: Any = open_dataset(self.collection, self.root)
        build_index(
            paths["encoder"],
            collection.documents(self.language),
            workspace.out,
            factory=self.factory,
            language=self.language,
            checkpoint=workspace.checkpoint,
        )
