"""The command line: verbs, one screen each. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import dataclasses
import errno
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlreach import __version__
from xlreach.arguments import codes, documents_by_language, files_by_language, fresh, open_as
from xlreach.errors import XLReachError

if TYPE_CHECKING:
    from xlreach.measurement import Measurement

app = typer.Typer(
    name="xlreach",
    help="How far does a multilingual encoder reach into low-resource languages, and what does adapting it buy?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Root = Annotated[Path, typer.Option(help="Where runs/, artifacts/ and indexes/ are.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Data = Annotated[Path, typer.Option(envvar="XLREACH_DATA", help="The folder of corpora that data set names refer to.")]
Out = Annotated[Path, typer.Option(help="The folder to write; it must not exist yet.")]
Seed = Annotated[int, typer.Option(help="The seed of everything random.", min=0, max=2**32 - 1)]
Encoder = Annotated[str, typer.Argument(help="An encoder folder, package:NAME/FOLDER, or a hub id.")]
Lang = Annotated[list[str], typer.Option(help="A language code; may be repeated.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart.")]
_HERE = Path()
_NONE: list[str] = []
_MEASURES = ["nDCG@10", "AP", "R@100", "RR"]
_SETTINGS = ["mono", "cross", "multi"]


# What the machine refuses, as opposed to what a defect of ours runs into.
_REFUSED = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
}  # fmt: skip


def main() -> None:
    """Runs a verb: a user's mistake is one paragraph and exit code 2, an interruption is exit code 130."""
    try:
        app(standalone_mode=True)
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


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="A study configuration (YAML).")],
    override: Annotated[list[str], typer.Option("--set", help="Override a field: --set seeds=[1,2].")] = _NONE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and run nothing.")] = False,
    root: Root = _HERE,
    json_: Json = False,
) -> None:
    """Run a whole study, from adaptation to the report."""
    from xlreach.comparison import read_gaps, summary
    from xlreach.study.config import load_config
    from xlreach.study.run import Place, prepare, run_study

    study, place = load_config(config, override), Place(root)
    if dry_run:
        plan = prepare(study, place)
        rows = plan.rows(place.store)
        done = sum(row["done"] for row in rows)
        if json_:
            return _print_json(rows)
        for lack in plan.lacks:
            typer.echo(f"Note: {lack}")
        for row in rows:
            typer.echo(f"{'in the store' if row['done'] else 'to do':<12}  {row['stage']:<8}  {row['title']}")
        return typer.echo(f"{len(rows)} stages: {done} in the store, {len(rows) - done} left to do.")
    folder, worked = run_study(study, place, lambda line: typer.echo(line, err=json_))
    if json_:
        return _print_json({"run": str(folder), "report": str(folder / "report.html"), "worked": worked})
    if not worked:
        typer.echo("Nothing was left to do: every stage and the report are in place.")
    for line in summary(read_gaps(folder / "gaps.json")):
        typer.echo(line)
    return typer.echo(f"Report: {folder / 'report.html'}")


@app.command()
def adapt(
    base: Encoder,
    recipe: Annotated[str, typer.Argument(help="Such as lapt, va(99)+lapt(epochs=5) or translit(auto)+lapt.")],
    text: Annotated[list[str], typer.Option(help="Unlabelled text, LANGUAGE=FILE; may be repeated.")],
    out: Out,
    seed: Seed = 1,
) -> None:
    """Specialise an encoder for languages."""
    from xlreach.adapt.chain import adapt_encoder

    adapt_encoder(base, recipe, files_by_language(text), out=fresh(out), seed=seed)
    typer.echo(f"Encoder: {out}")


@app.command()
def tag(
    encoder: Encoder,
    dataset: Annotated[str, typer.Argument(help="Such as ud:mt_mudt or ner:masakhaner2/wol, or a folder.")],
    out: Out,
    task: Annotated[str, typer.Option(help="pos, parse or ner.")] = "pos",
    preset: Annotated[str, typer.Option(help="How to train: paper, fast or quick.")] = "paper",
    data: Data = _HERE,
    seed: Seed = 1,
    json_: Json = False,
) -> None:
    """Train a tagger or parser on an encoder, and score it."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.dataset import Annotated as Corpus
    from xlreach.store import replacing
    from xlreach.tagging.run import run_tagging

    corpus = open_as(dataset, data, Corpus, "a treebank or an entity corpus, such as ud:mt_mudt")
    with replacing(fresh(out)) as folder:
        rows = run_tagging(task, resolve_base(encoder), corpus, preset=preset, seed=seed, out=folder)
    _print_rows(rows, out, json_)


@app.command()
def train(
    encoder: Encoder,
    alignment: Annotated[str, typer.Argument(help="Such as mono, cross or hybrid(alpha=0.5).")],
    pairs: Annotated[list[str], typer.Option(help="Training pairs: a data set or crops(TEXT); may be repeated.")],
    lang: Lang,
    out: Out,
    data: Data = _HERE,
    seed: Seed = 1,
) -> None:
    """Turn an encoder into a retrieval encoder by contrastive training."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.retrieval.alignment import ALIGNMENTS
    from xlreach.retrieval.pairs import open_pairs
    from xlreach.retrieval.training import train_alignment
    from xlreach.store import replacing

    chosen, sources = ALIGNMENTS.parse(alignment), [open_pairs(name, data) for name in pairs]
    with replacing(fresh(out)) as folder:
        folder.mkdir()
        train_alignment(chosen, resolve_base(encoder), sources, codes(lang), seed=seed, out=folder)
    typer.echo(f"Retrieval encoder: {out}")


@app.command()
def index(
    encoder: Encoder,
    lang: Annotated[list[str], typer.Option(help="LANGUAGE=FILE, a document a line; with --dataset, LANGUAGE.")],
    dataset: Annotated[str | None, typer.Option(help="Index the documents of a collection instead of files.")] = None,
    factory: Annotated[str, typer.Option(help="A FAISS factory string.")] = "Flat",
    out: Annotated[Path | None, typer.Option(help="Where to write; by default indexes/<encoder>.")] = None,
    data: Data = _HERE,
) -> None:
    """Build one FAISS index a language."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.retrieval.encoding import TextEncoder
    from xlreach.retrieval.index import build_index
    from xlreach.spec import folder_name

    documents = documents_by_language(lang, dataset, data)
    opened = TextEncoder(resolve_base(encoder))
    place = out or Path("indexes") / folder_name(opened.path.resolve().name)
    try:
        for code, read in documents.items():
            folder = build_index(opened, read, place / folder_name(code), factory=factory, language=code)
            typer.echo(f"Index: {folder}")
    finally:
        if place.is_dir() and not any(place.iterdir()):  # after a mistake in the first
            place.rmdir()


@app.command()
def search(
    encoder: Encoder,
    indexes: Annotated[Path, typer.Argument(help="An index folder, or a folder of them.")],
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    lang: Lang = _NONE,
    k: Annotated[int, typer.Option("-k", help="How many documents.", min=1)] = 10,
    queries: Annotated[Path | None, typer.Option(help="A file of queries, one a line, or queries.jsonl.")] = None,
    trec: Annotated[Path | None, typer.Option(help="Write a TREC run of the queries.")] = None,
    json_: Json = False,
) -> None:
    """Search one, several or all languages, in one ranking."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.items import read_queries
    from xlreach.retrieval.encoding import TextEncoder
    from xlreach.retrieval.index import find_indexes, open_index
    from xlreach.retrieval.search import rank, write_search_run
    from xlreach.retrieval.search import search as find

    if (query is None) == (queries is None) or (queries is None) != (trec is None):
        raise XLReachError("Give one query, or --queries FILE with --trec FILE.")
    opened = TextEncoder(resolve_base(encoder))
    folders = find_indexes(indexes, codes(lang))
    chosen = [open_index(folder, opened) for folder in folders.values()]
    if queries is not None and trec is not None:
        asked = read_queries(queries)
        fresh(trec)
        ranked = rank(opened.encode([text for _, text in asked], "query"), chosen, k)
        write_search_run(trec, [name for name, _ in asked], ranked)
        return typer.echo(f"Run of {len(asked)} queries in {', '.join(folders)}: {trec}")
    hits = find(opened, [query or ""], chosen, k)[0]
    if json_:
        return _print_json([dataclasses.asdict(hit) for hit in hits])
    for place, hit in enumerate(hits, 1):
        text = f"{hit.title}: {hit.text}" if hit.title else hit.text
        typer.echo(f"{place:>3}  {hit.score:.4f}  {hit.language:<4} {hit.id}  {text}")
    return None


@app.command()
def score(
    encoder: Encoder,
    dataset: Annotated[str, typer.Argument(help="A retrieval collection, such as xquad-r, or a folder.")],
    out: Out,
    lang: Lang = _NONE,
    measure: Annotated[list[str], typer.Option(help="An ir-measures string; may be repeated.")] = _MEASURES,
    setting: Annotated[list[str], typer.Option(help="mono, cross or multi; may be repeated.")] = _SETTINGS,
    factory: Annotated[str, typer.Option(help="A FAISS factory string.")] = "Flat",
    depth: Annotated[int, typer.Option(help="Documents that each search returns.", min=1)] = 1000,
    data: Data = _HERE,
    json_: Json = False,
) -> None:
    """Index a collection and score an encoder's retrieval on it."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.collection import Collection
    from xlreach.retrieval.encoding import TextEncoder
    from xlreach.retrieval.index import build_index
    from xlreach.scoring import evaluate
    from xlreach.scoring.measures import parse_measures
    from xlreach.store import replacing

    parse_measures(measure)
    collection = open_as(dataset, data, Collection, "a retrieval collection or parallel text, such as xquad-r")
    languages = codes(lang) or collection.languages
    opened = TextEncoder(resolve_base(encoder))
    with replacing(fresh(out)) as folder:
        built = {
            code: build_index(
                opened, collection.documents(code), folder / "indexes" / code, factory=factory, language=code
            )
            for code in languages
        }
        rows = evaluate(opened, collection, built, measures=measure, settings=setting, depth=depth, out=folder)
    _print_rows(rows, out, json_)


@app.command()
def compare(run_folder: Run, json_: Json = False) -> None:
    """Compare low- with high-resource languages again."""
    from xlreach.comparison import read_gaps, summary
    from xlreach.study.run import compare_run

    gaps = read_gaps(compare_run(run_folder))
    if json_:
        return _print_json(gaps)
    for line in summary(gaps):
        typer.echo(line)
    return None


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart.")],
) -> None:
    """Write the report of a run again."""
    from xlreach.report import render_report

    typer.echo(f"Report: {render_report(run_folder)}")


@app.command()
def languages(
    code: Annotated[list[str], typer.Argument(help="Codes to look up; all when none is given.")] = _NONE,
    data: Data = _HERE,
    json_: Json = False,
) -> None:
    """List languages: script, resource class, size in pretraining."""
    from xlreach.languages import extend_languages, get_language, known_languages

    if (data / "languages.yaml").is_file():
        extend_languages(data / "languages.yaml")
    rows = [get_language(one) for one in code] if code else known_languages()
    if json_:
        return _print_json([dataclasses.asdict(row) for row in rows])
    typer.echo(f"{'code':<6}{'ISO':<5}{'name':<24}{'script':<8}{'class':>6}{'CC-100 Mtok':>13}{'XLM-R':>7}{'mBERT':>7}")
    for row in rows:
        size = "?" if row.cc100_tokens_m is None else f"{row.cc100_tokens_m:g}"
        seen = ["?" if one is None else "yes" if one else "no" for one in (row.in_xlmr, row.in_mbert)]
        joshi = "?" if row.joshi_class is None else row.joshi_class
        typer.echo(
            f"{row.code:<6}{row.iso3:<5}{row.name:<24}{row.script:<8}{joshi!s:>6}{size:>13}{seen[0]:>7}{seen[1]:>7}"
        )
    return None


@app.command()
def doctor(json_: Json = False) -> None:
    """Say what this machine can do, and what is missing."""
    from xlreach.doctor import examine

    findings = examine()
    if json_:
        _print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            fix = f"  → {finding.fix}" if finding.fix else ""
            typer.echo(f"{finding.state:<9}{finding.topic:<24}{finding.detail}{fix}")
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


def _say_interrupted() -> None:
    typer.echo(
        "xlreach: interrupted. Nothing half-done is left; a study that is run again goes on where it was.", err=True
    )


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


def _print_rows(rows: Sequence[Measurement], out: Path, as_json: bool) -> None:
    if as_json:
        return _print_json([dataclasses.asdict(row) for row in rows])
    for row in rows:
        if row.kind == "diagnostic":  # in the files; too many to read here
            continue
        pair = "→".join(one for one in (row.query_language, row.document_language) if one) or row.language
        typer.echo(f"{row.dataset or '':<24} {row.setting or '':<6} {pair or '':<9} {row.measure:<24} {row.value:.4f}")
    return typer.echo(f"Written: {out}")
