"""Verbs about one encoder: adapt, diagnose, tag."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlreach.cli.app import app
from xlreach.cli.arguments import files_by_language, fresh, open_as
from xlreach.cli.options import (
    HERE,
    NONE,
    Data,
    Encoder,
    Json,
    Out,
    Seed,
    print_json,
    print_rows,
)


@app.command()
def adapt(
    base: Encoder,
    recipe: Annotated[str, typer.Argument(help="Such as lapt, va(99)+lapt(epochs=5) or translit(auto)+lapt.")],
    text: Annotated[list[str], typer.Option(help="Unlabelled text, LANGUAGE=FILE; may be repeated.")],
    out: Out,
    other: Annotated[
        list[str], typer.Option(help="Text of languages not to be lost, LANGUAGE=FILE; may be repeated.")
    ] = NONE,
    seed: Seed = 1,
) -> None:
    """Specialise an encoder for languages."""
    from xlreach.adapt.chain import adapt_encoder

    adapt_encoder(base, recipe, files_by_language(text), out=fresh(out), seed=seed, others=files_by_language(other))
    typer.echo(f"Encoder: {out}")


@app.command()
def diagnose(
    encoder: Encoder,
    text: Annotated[Path, typer.Option(help="A text file, a sentence or paragraph a line.")],
    parallel: Annotated[
        Path | None, typer.Option(help="The same text line by line in another language, usually English.")
    ] = None,
    json_: Json = False,
) -> None:
    """Measure how an encoder cuts a text and foresees its words.

    Words with an unknown piece (unk_words) are left out of pseudo_nll_per_word and pseudo_perplexity_per_word.
    """
    from xlreach.adapt.diagnostics import diagnose as measure
    from xlreach.adapt.diagnostics import parity, surprise
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.bitext import read_bitext
    from xlreach.corpora.text import read_lines

    folder = resolve_base(encoder)
    found = measure(folder, read_lines(text))
    if parallel is not None:
        found["parity"] = parity(folder, read_bitext(text, parallel))[0]
    found |= surprise(folder, read_lines(text))[0]
    if json_:
        return print_json(found)
    for name, value in found.items():
        typer.echo(f"{name:<28}{value:.4f}" if value < 1e6 else f"{name:<28}{value:.3e}")
    return None


@app.command()
def tag(
    encoder: Encoder,
    dataset: Annotated[str, typer.Argument(help="Such as ud:mt_mudt or ner:masakhaner2/wol, or a folder.")],
    out: Out,
    task: Annotated[str, typer.Option(help="pos, parse or ner.")] = "pos",
    preset: Annotated[str, typer.Option(help="How to train: paper, fast or quick.")] = "paper",
    data: Data = HERE,
    seed: Seed = 1,
    json_: Json = False,
) -> None:
    """Train a tagger or parser on an encoder, and score it."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.dataset import Annotated as Corpus
    from xlreach.store import replacing
    from xlreach.tagging.tagging_run import run_tagging

    corpus = open_as(dataset, data, Corpus, "a treebank or an entity corpus, such as ud:mt_mudt")
    with replacing(fresh(out)) as folder:
        rows = run_tagging(task, resolve_base(encoder, static=True), corpus, preset=preset, seed=seed, out=folder)
    print_rows(rows, out, json_)
