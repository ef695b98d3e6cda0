"""A system: what is compared with what. Identified by names that the study gave, never by the text of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

UNTREATED = "none"
DENSE = "dense"


@dataclass(frozen=True, order=True)
class System:
    """One way of making and using an encoder.

    Every field holds a name of the study. What a name stands for (`Recipe`, `Alignment`, `Retriever`) is in the
    study's configuration; nothing may be read out of the name itself.

    Attributes:
        base: The encoder that was specialised.
        recipe: How it was adapted; `none` is the base as it is.
        alignment: How it was made a retrieval encoder; `none` is pooling only.
        retriever: What ranked the documents; `dense` is the encoder alone.
    """

    base: str = ""
    recipe: str = UNTREATED
    alignment: str = UNTREATED
    retriever: str = DENSE

    @classmethod
    def of(cls, base: str | None, recipe: str | None, alignment: str | None, retriever: str | None) -> System:
        """A system from the columns of a table, where None stands for what does not apply."""
        return cls(base or "", recipe or UNTREATED, alignment or UNTREATED, retriever or DENSE)

    @property
    def is_adapted(self) -> bool:
        """Whether a recipe changed the base."""
        return self.recipe != UNTREATED

    @property
    def is_aligned(self) -> bool:
        """Whether it was trained for retrieval."""
        return self.alignment != UNTREATED

    @property
    def is_dense(self) -> bool:
        """Whether the encoder alone ranks: otherwise it is a baseline (BM25, chance) or a fusion with one."""
        return self.retriever == DENSE

    @property
    def is_untreated(self) -> bool:
        """Whether it is the base as it is: no recipe, no alignment, dense retrieval."""
        return not self.is_adapted and not self.is_aligned and self.is_dense


@dataclass(frozen=True)
class StudyNames:
    """The names that a study gave to what it compares, for whoever reads a text that uses them (a hypothesis).

    Attributes:
        recipes: The steps of each recipe, in their printed form, by its name.
        alignments: The names of the alignments.
        retrievers: The names of the retrievers.
    """

    recipes: dict[str, tuple[str, ...]]
    alignments: tuple[str, ...]
    retrievers: tuple[str, ...] = (DENSE,)
