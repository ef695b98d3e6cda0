"""Recipes: what is done to an encoder, as steps joined by `+`, left to right (`translit(ug)+va(99)+lapt`).

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
    """What a step is given to work with.

    Attributes:
        out: An existing folder; the step leaves a whole encoder folder in it.
        checkpoint: A folder that survives a kill.
        text: For each language, one clean text file with a line per sentence or paragraph (`prepare_text`).
        seed: For the steps that draw at random.
        cost: The step adds what it spent: `tokens`, `steps`.
        base: What the study calls the base encoder; recorded.
        tables: Transliteration tables by language; they go before the built-in ones.
        others: Text of languages that a changed vocabulary should leave alone, and that `lapt(mix=…)` mixes in, by
            language.
        data: Name and licence of what the step's texts were made from; recorded.
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
        version: Raised when the same inputs give another encoder than before; part of the cache key.
        uses_seed: Whether `Job.seed` changes the result.
        uses_text: Whether `Job.text` changes the result.
        uses_tables: Whether `Job.tables` changes the result.
        starts: Whether the step makes an encoder from nothing rather than from another one.
        static: Whether it leaves static word vectors, which taggers read and nothing else; no step can follow it.
        awaits: The step that must come later in the recipe for this one to have its effect; empty for none.
    """

    version: ClassVar[int] = 1
    uses_seed: ClassVar[bool] = False
    uses_text: ClassVar[bool] = False
    uses_tables: ClassVar[bool] = False
    starts: ClassVar[bool] = False
    static: ClassVar[bool] = False
    awaits: ClassVar[str] = ""

    @property
    def uses_others(self) -> bool:
        """Whether `Job.others` changes the result."""
        return False

    def seen(self, languages: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
        """The languages whose text the step sees, of those of `Job.text` and of `Job.others`."""
        return (*(languages if self.uses_text else ()), *(others if self.uses_others else ()))

    @abc.abstractmethod
    def apply(self, source: Path | None, job: Job) -> None:
        """Reads the encoder folder `source` (None where the step `starts`) and fills `job.out`.

        Raises:
            XLReachError: The encoder, the text or the parameters do not allow it.
        """

    def files(self) -> tuple[Path, ...]:
        """Files that the parameters name; their content changes the result."""
        return ()

    def spares(self, lines: Mapping[str, Iterable[str]], tables: Mapping[str, Path]) -> bool:
        """Whether the step would leave every encoder as it is; a study then goes on without it.

        Args:
            lines: Text of the languages that the encoder is specialised for, by language.
            tables: Transliteration tables that the data bring, by language.
        """
        return False


STEPS: Registry[Step] = Registry("recipe step")


@dataclass(frozen=True)
class Recipe:
    """Steps in order; equal and hashed by the printed form."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """The recipe that `text` names.

        Raises:
            SpecError: A step is unknown or wrong, `none` has company, a step that starts an encoder is not first,
                a step that prepares another is not followed by it, or one follows static vectors.
        """
        steps = STEPS.parse_chain(text)
        if len(steps) > 1 and any(step.name == "none" for step in steps):
            raise SpecError(f"The recipe {text!r} joins 'none' with other steps.", expected="'none' stands alone.")
        late = [step.name for step in steps[1:] if step.starts]
        if late:
            raise SpecError(f"In {text!r}, {late[0]!r} starts a new encoder.", expected="It can only stand first.")
        if further := [step.name for step, before in zip(steps[1:], steps, strict=False) if before.static]:
            raise SpecError(
                f"In {text!r}, {further[0]!r} stands behind static word vectors, which no step can go on from.",
                fix="Make it a recipe of its own.",
            )
        for place, step in enumerate(steps):
            if step.awaits and step.awaits not in (later.name for later in steps[place + 1 :]):
                raise SpecError(
                    f"In {text!r}, {step.name!r} is not followed by {step.awaits!r}, without which it does nothing.",
                    fix=f"Write {step}+{step.awaits}.",
                )
        return cls(steps)

    @property
    def starts(self) -> bool:
        """Whether the recipe makes its own encoder and takes no base."""
        return self.steps[0].starts

    @property
    def static(self) -> bool:
        """Whether it gives static word vectors rather than an encoder: for taggers only."""
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
