"""Recipes: the steps that adapt an encoder, joined by `+` and applied from left to right (`translit(ug)+va(99)+lapt`).

A step is a `Spec` with declared parameters. It reads one encoder folder and writes another; a user adds one by
subclassing `Step` and registering it with `STEPS`.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from xlreach.adapt.encoder import check_encoder
from xlreach.errors import ModelError, SpecError
from xlreach.spec import Registry, Spec


@dataclass
class Job:
    """What a step works with.

    Attributes:
        out: An existing folder; the step writes a whole encoder folder into it.
        checkpoint: A folder that outlives a killed process; the next process resumes from it.
        text: Files of clean text by language, one sentence or paragraph per line (`prepare_text`).
        cost: The step adds what it spent: `tokens`, `steps`.
        tables: Files of transliteration tables by language, preferred to the built-in ones.
        others: Files of other languages, which a changed vocabulary splits as before and `lapt(mix=…)` trains on.
        data: Name and license of the sources of the texts; recorded.
    """

    out: Path
    checkpoint: Path
    text: Mapping[str, Path] = field(default_factory=dict)
    seed: int = 1
    cost: dict[str, float] = field(default_factory=dict)
    base: str = ""
    tables: Mapping[str, Path] = field(default_factory=dict)
    others: Mapping[str, Path] = field(default_factory=dict)
    data: Sequence[Mapping[str, str]] = ()


class Step(Spec, abc.ABC):
    """One step of a recipe.

    Attributes:
        version: Raised when a change of the code changes the result; part of the cache key.
        uses_seed: Whether `Job.seed` changes the result.
        uses_text: Whether `Job.text` changes the result.
        uses_tables: Whether `Job.tables` changes the result.
        starts: Whether the step makes a new encoder and needs no base.
        static: Whether it makes static word vectors, which only taggers read; no step can follow it.
        awaits: The step that must follow in the recipe, without which this one has no effect; empty for none.
    """

    version: ClassVar[int] = 1
    uses_seed: ClassVar[bool] = False
    uses_text: ClassVar[bool] = False
    uses_tables: ClassVar[bool] = False
    starts: ClassVar[bool] = False
    static: ClassVar[bool] = False
    awaits: ClassVar[str] = ""

    @property
    def new_weights(self) -> int:
        """How many weights the layers of a model have that the step makes."""
        return 0

    @property
    def uses_others(self) -> bool:
        """Whether `Job.others` changes the result."""
        return False

    def seen(self, languages: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
        """The languages whose text the step reads, out of those of `Job.text` and those of `Job.others`."""
        return (*(languages if self.uses_text else ()), *(others if self.uses_others else ()))

    @abc.abstractmethod
    def apply(self, source: Path | None, job: Job) -> None:
        """Reads the encoder folder `source` (None where the step `starts`) and writes another one into `job.out`.

        Diagnostics and model card are written by `pipeline.apply_step`.
        """

    def files(self) -> tuple[Path, ...]:
        """The files that the parameters name; their content changes the result."""
        return ()

    def spares(self, lines: Mapping[str, Iterable[str]], tables: Mapping[str, Path]) -> bool:
        """Whether the step would leave every encoder unchanged; a study then leaves it out."""
        return False


STEPS: Registry[Step] = Registry("recipe step")


@dataclass(frozen=True)
class Recipe:
    """Steps in order; two recipes are equal if their printed forms are."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Parses a printed recipe.

        Raises:
            SpecError: A step is unknown or wrong, `none` is joined with other steps, a step that starts a new encoder
                is not the first one, a step is not followed by the one it awaits, or a step follows static vectors.
        """
        steps = STEPS.parse_chain(text)
        if len(steps) > 1 and any(step.name == "none" for step in steps):
            raise SpecError(
                f"The recipe {text!r} joins 'none' with other steps.",
                expected="Expected 'none' alone.",
                fix="Leave 'none' out.",
            )
        late = [step.name for step in steps[1:] if step.starts]
        if late:
            raise SpecError(
                f"In {text!r}, {late[0]!r} starts a new encoder.",
                expected="Expected it as the first step.",
                fix="Leave out what comes before it.",
            )
        if further := [step.name for step, before in zip(steps[1:], steps, strict=False) if before.static]:
            raise SpecError(
                f"In {text!r}, {further[0]!r} follows static word vectors.",
                expected="Expected no further step: none can adapt static vectors.",
                fix="Make two recipes of it.",
            )
        for position, step in enumerate(steps):
            if step.awaits and step.awaits not in (later.name for later in steps[position + 1 :]):
                raise SpecError(
                    f"In {text!r}, {step.name!r} is not followed by {step.awaits!r}, without which it has no effect.",
                    fix=f"Write {step}+{step.awaits}.",
                )
        return cls(steps)

    @property
    def starts(self) -> bool:
        """Whether the recipe makes a new encoder and needs no base."""
        return self.steps[0].starts

    @property
    def static(self) -> bool:
        """Whether it makes static word vectors, which only taggers read, and no encoder."""
        return self.steps[-1].static

    def __str__(self) -> str:
        return "+".join(str(step) for step in self.steps)


def require_source(source: Path | None, step: Step) -> Path:
    """The encoder folder that a step starts from, checked.

    Raises:
        ModelError: There is none, or it is no usable encoder.
    """
    if source is None:
        raise ModelError(f"The step {step} needs an encoder to start from.", fix="Name a base.")
    check_encoder(source, transforms=True)
    return source
