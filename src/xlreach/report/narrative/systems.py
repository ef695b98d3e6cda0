"""What systems are called."""

from __future__ import annotations

from xlreach.system import System


def system_name(system: System, *, within_sentence: bool = False) -> str:
    """A system by the names that the study gave, without its base; within a sentence, `none` is "the unchanged base".

    >>> system_name(System(recipe="lapt")), system_name(System(alignment="hybrid"))
    ('lapt', 'none with hybrid')
    >>> system_name(System(alignment="hybrid"), within_sentence=True), system_name(System(), within_sentence=True)
    ('the base with hybrid', 'the unchanged base')
    >>> system_name(System(retriever="bm25")), system_name(System(recipe="lapt", retriever="fused"))
    ('bm25', 'lapt, ranked by fused')
    """
    if not system.is_dense and not system.is_adapted and not system.is_aligned:
        return system.retriever
    name = system.recipe
    if within_sentence and not system.is_adapted:
        name = "the base" if system.is_aligned else "the unchanged base"
    if system.is_aligned:
        name += f" with {system.alignment}"
    return name if system.is_dense else f"{name}, ranked by {system.retriever}"
