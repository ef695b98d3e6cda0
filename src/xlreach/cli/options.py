"""What several verbs take, and how they print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlreach.errors import XLReachError

if TYPE_CHECKING:
    from xlreach.front.encoders import Encoder
    from xlreach.front.table import Table

Root = Annotated[Path, typer.Option(help="The folder of runs/, artifacts/, encoders/ and indexes/.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Data = Annotated[
    Path | None,
    typer.Option(envvar="XLREACH_DATA", help="The folder of corpora that data set names refer to.", show_default="."),
]
Out = Annotated[Path, typer.Option(help="The folder to write; it must not exist yet.")]
Seed = Annotated[int, typer.Option(help="The seed of everything random.", min=0, max=2**32 - 1)]
EncoderName = Annotated[str, typer.Argument(metavar="ENCODER", help="A folder, package:NAME/FOLDER, or a hub id.")]
Pooling = Annotated[str | None, typer.Option(help="Such as cls or mean(layers=8), in place of what ENCODER declares.")]
QueryPrompt = Annotated[str | None, typer.Option(help="What is put before a query, in place of what ENCODER declares.")]
DocumentPrompt = Annotated[str | None, typer.Option(help="The same for documents.")]
Dtype = Annotated[str, typer.Option(help="What the encoder computes in: auto, fp32, bf16, or int8 (by OpenVINO).")]
Lang = Annotated[list[str], typer.Option(metavar="CODE", help="A language; may be repeated.")]
Text = Annotated[list[str], typer.Option(metavar="CODE=FILE", help="A file in a language; may be repeated.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart.")]
Runner = Annotated[
    str, typer.Option(help="What does the work: local, ray (on this machine), or ray=ADDRESS of a cluster.")
]
NONE: list[str] = []


def files(given: Sequence[str]) -> dict[str, Path]:
    """The files of `CODE=FILE` arguments, by language.

    Raises:
        XLReachError: An argument is not of that form, a language is unknown or given twice, a file is missing.
    """
    from xlreach.front.inputs import by_language, existing

    pairs = []
    for argument in given:
        code, equals, path = argument.partition("=")
        if not equals:
            raise XLReachError(f"{argument!r} names no file.", expected="Expected CODE=FILE, such as mt=maltese.txt.")
        pairs.append((code, path))
    return {code: existing(path) for code, path in by_language(pairs).items()}


def encoder_of(
    name: str, pooling: str | None, query_prompt: str | None, document_prompt: str | None, dtype: str = "auto"
) -> Encoder:
    """The encoder of that name, with the settings of the options."""
    from xlreach.front.encoders import Encoder

    return Encoder(name, pooling=pooling, query_prompt=query_prompt, document_prompt=document_prompt, dtype=dtype)


def show(table: Table[Any], as_json: bool) -> None:
    """Prints a table: for people as it prints itself, for scripts its rows as JSON, with its notes beside them."""
    if not as_json:
        return typer.echo(str(table))
    for note in table.notes:
        typer.echo(f"xlreach: {note}", err=True)
    return print_json(table.records())


def print_json(value: Any) -> None:
    """Prints a value as JSON, in the letters of every script."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
