"""The application that the verbs join."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="xlreach",
    help="How far does a multilingual encoder reach into low-resource languages, and what does adapting it buy?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
