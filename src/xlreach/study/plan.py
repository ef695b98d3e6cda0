"""The plan of a study: its stages, what is measured of which variant, and what it costs. Made in `planner`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from xlreach.spec import folder_name
from xlreach.stage import Node, Stage
from xlreach.store import Store
from xlreach.system import System


@dataclass(frozen=True)
class Variant:
    """A system as it was made for some languages, with a seed.

    Attributes:
        language: The language measured, or the languages that the encoder was specialised for, joined by `+`.
        seed: The seed; None where nothing draws at random.
    """

    system: System
    language: str
    seed: int | None = None

    def columns(self, stage: str) -> dict[str, Any]:
        """The fields of a measurement: an alignment only matters from there on, a retriever only for scores."""
        columns = asdict(self.system) | {"language": self.language, "seed": self.seed}
        columns["alignment"] = self.system.alignment if stage in ("align", "score") else None
        columns["retriever"] = self.system.retriever if stage == "score" else None
        return columns

    @property
    def folder(self) -> str:
        """The name of a folder for it."""
        retriever = [] if self.system.is_dense else [self.system.retriever]
        seed = [] if self.seed is None else [f"seed{self.seed}"]
        names = (self.system.base, self.system.recipe, self.system.alignment, *retriever, self.language, *seed)
        return folder_name("~".join(names))

    def title(self, stage: str) -> str:
        """Names it for people: base, recipe and languages, alignment, seed."""
        columns = self.columns(stage)
        retriever = [] if self.system.is_dense else [self.system.retriever]
        alignment = [] if columns["alignment"] is None else [self.system.alignment]
        seed = [] if self.seed is None else [f"seed {self.seed}"]
        return ", ".join([self.system.base, f"{self.system.recipe} for {self.language}", *alignment, *retriever, *seed])


@dataclass(frozen=True)
class CostRow:
    """What the stages of one encoder or tagger are accounted under; the fields are those of a measurement."""

    variant: Variant
    stage: str
    task: str | None = None
    dataset: str | None = None
    trained_on: str | None = None
    sentences: int | None = None


@dataclass
class Plan:
    """Every stage of a study.

    Attributes:
        stages: By key, each after those that it needs.
        measured: Stages that leave `measurements.jsonl`, with the variant measured, in the order of the results.
        costs: The stages that made an encoder or tagger, by what the rows of their costs share.
        encoders: The encoders that retrieval is measured with.
        indexes: What was built with each of them, by collection and language.
        sentences: The most sentences that a tagging stage (by key) is trained on, where a learning curve is asked for.
        unavailable: What the study asks for and the data cannot give, a sentence each.
        credits: Name, license and citation of every data set read.
    """

    stages: dict[str, Stage] = field(default_factory=dict)
    measured: dict[tuple[Variant, str], Stage] = field(default_factory=dict)
    costs: dict[CostRow, tuple[Stage, ...]] = field(default_factory=dict)
    encoders: dict[Variant, Stage] = field(default_factory=dict)
    indexes: dict[Variant, dict[str, dict[str, Node]]] = field(default_factory=dict)
    sentences: dict[str, int] = field(default_factory=dict)
    unavailable: list[str] = field(default_factory=list)
    credits: list[dict[str, str]] = field(default_factory=list)

    def pending(self, store: Store) -> list[Stage]:
        """Returns the stages that are not in the store yet."""
        return [stage for stage in self.stages.values() if not stage.done(store)]

    def rows(self, store: Store) -> list[dict[str, Any]]:
        """Describes each stage: what it makes, what for, its key, and whether it is in the store."""
        return [
            {"stage": stage.kind, "title": stage.title, "key": stage.key, "done": stage.done(store)}
            for stage in self.stages.values()
        ]
