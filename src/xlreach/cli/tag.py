"""The verb that trains a tagger or parser."""

from __future__ import annotations

from typing import Annotated, Any

import typer

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
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.dataset import AnnotatedCorpus as Corpus
    from xlreach.front.inputs import data_root, open_as, output
    from xlreach.front.scores import Measurements
    from xlreach.store import replacing
    from xlreach.tagging.tagging_run import run_tagging

    corpus: Any = open_as(dataset, data_root(data), Corpus, "a treebank or an entity corpus, such as ud:mt_mudt")
    with replacing(output(out, "tagger")) as folder:
        rows = run_tagging(task, resolve_base(encoder, static=True), corpus, preset=preset, seed=seed, out=folder)
    show(Measurements(rows), json_)
    typer.echo(f"Written: {out}", err=json_)
