"""Verbs about languages and this machine."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from xlreach.cli.app import app
from xlreach.cli.options import (
    HERE,
    NONE,
    Data,
    Json,
    print_json,
)


@app.command()
def languages(
    code: Annotated[list[str], typer.Argument(help="Codes to look up; all when none is given.")] = NONE,
    data: Data = HERE,
    json_: Json = False,
) -> None:
    """List languages: script, resource class, size in pretraining."""
    from xlreach.languages import extend_languages, get_language, known_languages

    if (data / "languages.yaml").is_file():
        extend_languages(data / "languages.yaml")
    rows = [get_language(one) for one in code] if code else known_languages()
    if json_:
        return print_json([dataclasses.asdict(row) for row in rows])
    typer.echo(f"{'code':<6}{'ISO':<5}{'name':<24}{'script':<8}{'class':>6}{'CC-100 Mtok':>13}{'XLM-R':>7}{'mBERT':>7}")
    for row in rows:
        size = "?" if row.cc100_tokens_m is None else f"{row.cc100_tokens_m:g}"
        seen = ["?" if one is None else "yes" if one else "no" for one in (row.in_xlmr, row.in_mbert)]
        joshi = "?" if row.joshi_class is None else row.joshi_class
        typer.echo(
            f"{row.code:<6}{row.iso3:<5}{row.name:<24}{row.script:<8}{joshi!s:>6}{size:>13}{seen[0]:>7}{seen[1]:>7}"
        )
    return None


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="steps, alignments, poolings, tasks, datasets, pairs or retrievers.")],
    json_: Json = False,
) -> None:
    """List what configurations can name, with parameters and defaults."""
    from xlreach.study.catalogue import describe_kind

    found = describe_kind(kind)
    if json_:
        return print_json(found)
    for one in found:
        typer.echo(f"{one['name']:<14}{one['summary']}")
        for row in one["parameters"]:
            typer.echo(f"    {row['name']:<14}{row['type']:<28}{row['default']:<14}{row['help']}")
    return None


@app.command()
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
