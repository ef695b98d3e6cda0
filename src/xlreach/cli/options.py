"""What several verbs take, and how they print."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from xlreach.measurement import Measurement

Root = Annotated[Path, typer.Option(help="Where runs/, artifacts/ and indexes/ are.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Data = Annotated[Path, typer.Option(envvar="XLREACH_DATA", help="The folder of corpora that data set names refer to.")]
Out = Annotated[Path, typer.Option(help="The folder to write; it must not exist yet.")]
Seed = Annotated[int, typer.Option(help="The seed of everything random.", min=0, max=2**32 - 1)]
Encoder = Annotated[str, typer.Argument(help="An encoder folder, package:NAME/FOLDER, or a hub id.")]
Pooling = Annotated[
    str | None, typer.Option(help="Such as cls or mean(layers=8); when not given, what the encoder's folder declares.")
]
Dtype = Annotated[str, typer.Option(help="What the encoder computes in: auto, fp32, bf16, or int8 (by OpenVINO).")]
Lang = Annotated[list[str], typer.Option(help="A language code; may be repeated.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart.")]
Runner = Annotated[str, typer.Option(help="Who does the work: local, ray (here), or ray=ADDRESS of a cluster.")]
HERE = Path()
NONE: list[str] = []
MEASURES = ["nDCG@10", "AP", "R@100", "RR"]
SETTINGS = ["mono", "cross", "multi"]


def print_json(value: Any) -> None:
    """Prints a value as JSON, any script in its own letters."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


def one_line(text: str) -> str:
    """A text from data as it may stand in a line of the terminal: without line breaks and control characters."""
    kept = (" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join("".join(kept).split())


def shortened(text: str, length: int = 300) -> str:
    """A text of at most so many characters, cut between words where it has any; `--json` has it whole."""
    if len(text) <= length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0] + "…"


def print_rows(rows: Sequence[Measurement], out: Path, as_json: bool) -> None:
    """Prints measurements, a line each, and where the files are."""
    if as_json:
        return print_json([dataclasses.asdict(row) for row in rows])
    for row in rows:
        if row.kind == "diagnostic":  # in the files; too many to read here
            continue
        pair = "→".join(one for one in (row.query_language, row.document_language) if one) or row.language
        typer.echo(f"{row.dataset or '':<24} {row.setting or '':<6} {pair or '':<9} {row.measure:<24} {row.value:.4f}")
    return typer.echo(f"Written: {out}")
