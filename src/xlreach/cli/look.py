"""Verbs that look: explore, languages, list, doctor."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

import xlreach as xl
from xlreach.cli.app import verb
from xlreach.cli.options import NONE, Data, Json, print_json, show


@verb(
    "look",
    "xlreach explore runs/quickstart",
    "xlreach explore e5 e5-mt --port 8080",
)
def explore(
    what: Annotated[list[str], typer.Argument(metavar="RUN | ENCODER…", help="A run folder, or encoders.")],
    indexes: Annotated[
        Path | None, typer.Option(help="For one encoder: the folder of its indexes, else indexes/<encoder>.")
    ] = None,
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Compare encoders on a query in the browser, on this machine.

    Hits by language with their scores, what is relevant, and how each encoder reads the query.
    """
    from xlreach.explore.catalog import catalog_of_encoders, catalog_of_run
    from xlreach.explore.explorer import Explorer
    from xlreach.explore.server import ExplorerServer

    run = Path(what[0])
    is_run = len(what) == 1 and indexes is None and (run / "results.jsonl").is_file()
    catalog = catalog_of_run(run) if is_run else catalog_of_encoders(what, indexes)
    server = ExplorerServer(Explorer(catalog), port)
    typer.echo(f"Exploring {catalog.title}: {server.address}  (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        typer.echo("")
    finally:
        server.server_close()


@verb("look", "xlreach languages mt wo", "xlreach languages --json")
def languages(
    code: Annotated[list[str], typer.Argument(help="Codes to look up; all when none is given.")] = NONE,
    data: Data = None,
    json_: Json = False,
) -> None:
    """List languages: script, resource class, size in pretraining."""
    show(xl.languages(*code, data=data), json_)


@verb("look", "xlreach list steps", "xlreach list retrievers --json", name="list")
def list_(
    kind: Annotated[str, typer.Argument(help="steps, alignments, poolings, tasks, datasets, pairs or retrievers.")],
    json_: Json = False,
) -> None:
    """List what configurations can name, with parameters and defaults."""
    from xlreach.study.kinds import describe_kind

    things = describe_kind(kind)
    if json_:
        return print_json(things)
    for thing in things:
        typer.echo(f"{thing['name']:<14}{thing['summary']}")
        for row in thing["parameters"]:
            typer.echo(f"    {row['name']:<14}{row['type']:<40}{row['default']:<14}{row['help']}")
    return None


@verb("look", "xlreach doctor", "xlreach doctor --json")
def doctor(json_: Json = False) -> None:
    """Say what this machine can do, and what is missing."""
    from xlreach.doctor import examine

    findings = examine()
    if json_:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            fix = f"  → {finding.fix}" if finding.fix else ""
            typer.echo(f"{finding.state:<9}{finding.topic:<24}{finding.detail}{fix}")
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)
