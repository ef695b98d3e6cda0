"""Verbs that change or examine one encoder: adapt, diagnose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import xlreach as xl
from xlreach.cli.app import verb
from xlreach.cli.options import NONE, EncoderName, Json, Out, Seed, Text, files, print_json


@verb(
    "adapt",
    "xlreach adapt intfloat/multilingual-e5-small 'va(2000)+lapt' --text mt=maltese.txt --out e5-mt",
    "xlreach adapt e5 'lapt(mix=0.2)' --text mt=maltese.txt --other en=english.txt --out e5-mt",
)
def adapt(
    base: EncoderName,
    recipe: Annotated[str, typer.Argument(help="Such as lapt, va(99)+lapt(epochs=5) or translit(auto)+lapt.")],
    text: Text,
    out: Out,
    other: Annotated[
        list[str],
        typer.Option(metavar="CODE=FILE", help="A file in a language that the encoder must not lose; may be repeated."),
    ] = NONE,
    seed: Seed = 1,
) -> None:
    """Specialize an encoder for languages."""
    adapted = xl.adapt(base, recipe, files(text), out=out, other=files(other), seed=seed)
    typer.echo(f"Encoder: {adapted.path}")


@verb(
    "adapt",
    "xlreach diagnose e5-mt maltese.txt",
    "xlreach diagnose e5-mt maltese.txt --parallel english.txt --json",
)
def diagnose(
    encoder: EncoderName,
    text: Annotated[Path, typer.Argument(metavar="FILE", help="A text file, one sentence or paragraph per line.")],
    parallel: Annotated[
        Path | None, typer.Option(help="The same text line by line in another language, most often English.")
    ] = None,
    json_: Json = False,
) -> None:
    """Measure how an encoder splits and predicts a text.

    Words with an unknown piece (unk_words) are left out of pseudo_nll_per_word and pseudo_perplexity_per_word.
    """
    diagnosis = xl.diagnose(encoder, text, parallel=parallel)
    print_json({row.measure: row.value for row in diagnosis}) if json_ else typer.echo(str(diagnosis))
