"""The verb that trains a tagger or parser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import xlreach as xl
from xlreach.cli.app import verb
from xlreach.cli.options import Data, EncoderName, Json, Out, Seed, show
from xlreach.front.inputs import output


@verb(
    "tag",
    "xlreach tag e5-mt ud:mt_mudt --task parse --out parser-mt",
    "xlreach tag e5-wo ner:masakhaner2/wol --task ner --preset fast --out ner-wo --save-model tagger-wo",
)
def tag(
    encoder: EncoderName,
    dataset: Annotated[str, typer.Argument(help="Such as ud:mt_mudt or ner:masakhaner2/wol, or a folder.")],
    out: Out,
    task: Annotated[str, typer.Option(help="pos, parse or ner.")] = "pos",
    preset: Annotated[str, typer.Option(help="How to train: paper, fast or quick.")] = "paper",
    save_model: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also save the tagger with all its weights here (XLM-R base: 1.1 GB)."),
    ] = None,
    data: Data = None,
    seed: Seed = 1,
    json_: Json = False,
) -> None:
    """Train a tagger or parser on an encoder, and score it."""
    if save_model is not None:
        output(save_model, "tagger")  # refuses an existing folder before the training
    tagger = xl.tag(encoder, dataset, task=task, preset=preset, out=out, seed=seed, data=data)
    show(tagger.scores, json_)
    typer.echo(f"Written: {out}", err=json_)
    if save_model is not None:
        typer.echo(f"Tagger: {tagger.save(save_model).folder}", err=json_)
