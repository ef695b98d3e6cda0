"""The command line: a file for each group of verbs. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import atexit
import errno
import signal
import sys
from typing import Annotated

import typer

from xlreach import __version__
from xlreach.cli import adapt, look, retrieve, study, tag
from xlreach.cli.app import GROUPS, app
from xlreach.errors import XLReachError

__all__ = ["adapt", "app", "look", "main", "retrieve", "study", "tag"]

app.registered_commands.sort(key=lambda command: GROUPS.index(command.rich_help_panel))

# What the machine refuses, as opposed to what a defect of ours runs into.
_REFUSED = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
}  # fmt: skip


def main() -> None:
    """Runs a verb: a user's mistake is one paragraph and exit code 2, an interruption is exit code 130."""
    try:
        app(prog_name="xlreach")
    except XLReachError as error:
        typer.echo(f"xlreach: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        typer.echo(f"xlreach: {error.filename or 'the disk'}: {error.strerror}.", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(130)
    except SystemExit as leaving:
        if leaving.code == 130:  # typer's own for an interruption, without a word
            _say_interrupted()
        raise
    finally:
        # What was asked for is done or given up. Python gives Ctrl-C back to the system while it tears its libraries
        # down, which takes a while: a finished study would end as if killed.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"xlreach {__version__}")
        raise typer.Exit


@app.callback()
def _every_verb(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _say_interrupted() -> None:
    typer.echo(
        "xlreach: interrupted. Nothing half-done is left. A study goes on where it was with the same command.", err=True
    )
