"""The stage of a study that searches a collection and scores the rankings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlreach.corpora.registry import open_dataset
from xlreach.retrieval.retrievers import Retriever
from xlreach.stage import Node, Stage
from xlreach.store import Workspace


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoreStage(Stage):
    """Scores a retriever on a collection, in every setting.

    Attributes:
        encoder: The encoder; None for a retriever that uses none.
        indexes: Indexes by language, for a retriever that uses an encoder.
        depth: The number of documents that a search returns for each query.
    """

    kind: ClassVar[str] = "score"
    version: ClassVar[int] = 4  # 4: a document with a query's id is left out only where it is the query
    grouped_by: ClassVar[str] = "retriever"
    encodes: ClassVar[bool] = True

    encoder: Node | None
    collection: str
    files: str
    query_languages: tuple[str, ...]
    searched: tuple[str, ...]
    indexes: Mapping[str, Node]
    retriever: Retriever
    fused: tuple[Retriever, ...]
    settings: tuple[str, ...]
    measures: tuple[str, ...]
    depth: int

    def run(self, workspace: Workspace, paths: Mapping[str, Path]) -> None:
        from xlreach.scoring.evaluation import evaluate

        collection: Any = open_dataset(self.collection, self.root)
        evaluate(
            paths.get("encoder"),
            collection,
            {code: paths[f"indexes {code}"] for code in self.indexes} or list(self.searched),
            measures=self.measures,
            settings=self.settings,
            depth=self.depth,
            out=workspace.out,
            cost=workspace.cost,
            query_languages=self.query_languages,
            retriever=self.retriever,
        )
