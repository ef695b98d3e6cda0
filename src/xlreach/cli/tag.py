"""The verb that trains a tagger or parser."""

from __future__ import annotations

from typing import Annotated

import typer

import xlreach as xl
from xlreach.cli.app import verb
from xlreach.cli.options import Data, EncoderName, Json, Out, Seed, show


@verb(
    "tag",
    "xlreach tag e5-mt ud:mt_mudt --task parse --out parser-mt",
    "xlreach tag e5-wo ner:masakhaner2/wol --task ner --preset fast --out ner-wo",
)
def tag(
    encoder: EncoderName,
    dataset: Annotated[str, typer.Argument(help="Such as ud:mt_mudt or ner:masakhaner2/wol, or a folder.")],
    out: Out,
    task: Annotated[str, typer.Option(help="pos, parse or ner.")] = "pos",
    preset: Annotated[str, typer.Option(help="How to train: paper, fast or quick.")] = "paper",
    data: Data = None,
    seed: Seed = 1,
    json_: Json = False,
) -> None:
    """Train a tagger or parser on an encoder, and score it."""
    tagger = xl.tag(encoder, dataset, task=task, preset=preset, out=out, seed=seed, data=data)
    show(tagger.scores, json_)
    typer.echo(f"Written: {out}", err=json_)
