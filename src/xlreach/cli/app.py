"""The application that the verbs join, in the groups that its help shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import typer

Group = Literal["adapt", "tag", "retrieve", "study", "look"]
GROUPS = get_args(Group)

app = typer.Typer(
    name="xlreach",
    help="How far does a multilingual encoder reach into low-resource languages, and what does adapting it buy?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def verb(group: Group, *examples: str, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function a verb.

    Args:
        name: The verb; None takes the function's name.
    """
    return app.command(name, rich_help_panel=group, epilog="\n\n".join(["Examples:", *examples]))
