"""The verb that serves the explorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlreach.cli.app import app


@app.command()
def explore(
    what: Annotated[list[str], typer.Argument(metavar="RUN | ENCODER…", help="A run folder, or encoders.")],
    indexes: Annotated[
        Path | None, typer.Option(help="For one encoder: the folder of its indexes, else indexes/<encoder>.")
    ] = None,
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Ask encoders side by side in the browser, on this machine alone.

    Hits by language with their scores, what is relevant, and how each encoder reads the query.
    """
    from xlreach.explore import catalog_of_encoders, catalog_of_run
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
