"""Verbs about retrieval: train, index, search, score."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from xlreach.cli.app import app
from xlreach.cli.arguments import codes, documents_by_language, files_by_language, fresh, open_as
from xlreach.cli.options import (
    HERE,
    MEASURES,
    NONE,
    SETTINGS,
    Data,
    Dtype,
    Encoder,
    Json,
    Lang,
    Out,
    Pooling,
    Runner,
    Seed,
    one_line,
    print_json,
    print_rows,
    shortened,
)
from xlreach.errors import XLReachError


@app.command()
def train(
    encoder: Encoder,
    alignment: Annotated[
        str, typer.Argument(help="Such as mono, cross, hybrid(alpha=0.5), or none(pooling=cls): pooling only.")
    ],
    out: Out,
    pairs: Annotated[
        list[str], typer.Option(help="Training pairs: a data set, crops(TEXT) or triples(FILE); may be repeated.")
    ] = NONE,
    lang: Lang = NONE,
    low: Annotated[list[str], typer.Option(help="A low-resource language among them, for validation.")] = NONE,
    text: Annotated[
        list[str], typer.Option(help="Unlabelled text, LANGUAGE=FILE, for a pooling that is fitted on it.")
    ] = NONE,
    data: Data = HERE,
    seed: Seed = 1,
) -> None:
    """Turn an encoder into a retrieval encoder."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.retrieval.alignment import ALIGNMENTS
    from xlreach.retrieval.alignment_training import train_alignment
    from xlreach.retrieval.pair_sources import open_pairs

    chosen, sources = ALIGNMENTS.parse(alignment), [open_pairs(name, data) for name in pairs]
    if chosen.trains and not (pairs and lang):
        raise XLReachError(f"{chosen} is trained on pairs.", fix="Give --pairs and --lang.")
    files, languages = files_by_language(text), codes(lang)
    train_alignment(
        chosen, resolve_base(encoder), sources, languages, seed=seed, out=fresh(out), low=codes(low), text=files
    )
    typer.echo(f"Retrieval encoder: {out}")


@app.command()
def index(
    encoder: Encoder,
    lang: Annotated[
        list[str], typer.Option(help="LANGUAGE=FILE, a document a line; with --dataset, LANGUAGE, or none for all.")
    ] = NONE,
    dataset: Annotated[str | None, typer.Option(help="Index the documents of a collection instead of files.")] = None,
    factory: Annotated[str, typer.Option(help="A FAISS factory string; exact vectors rank what codes find.")] = "Flat",
    add: Annotated[bool, typer.Option("--add", help="Add the documents to the indexes that are there.")] = False,
    remove: Annotated[
        list[str], typer.Option(help="LANGUAGE=FILE, an id a line: take these documents out of the index.")
    ] = NONE,
    out: Annotated[Path | None, typer.Option(help="Where they are; by default indexes/<encoder>.")] = None,
    pooling: Pooling = None,
    dtype: Dtype = "auto",
    runner: Runner = "local",
    data: Data = HERE,
) -> None:
    """Build one FAISS index a language, or add and remove documents."""
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.items import read_ids
    from xlreach.retrieval.encoding import TextEncoder
    from xlreach.retrieval.index import build_index, open_index
    from xlreach.retrieval.index_update import update_index
    from xlreach.spec import folder_name
    from xlreach.study.runner import parse_runner

    if lang and remove and not add:
        raise XLReachError("Documents are given beside --remove.", fix="Say --add if they are to be added.")
    on_ray, address = parse_runner(runner)
    if on_ray and (add or remove or pooling or dtype != "auto"):
        raise XLReachError(
            "A cluster only builds indexes, with the encoder as its folder declares it.",
            fix="Leave --runner out, or --add, --remove, --pooling and --dtype.",
        )
    gone = {code: read_ids(path) for code, path in files_by_language(remove).items()}
    documents = documents_by_language(lang, dataset, data) if lang or not gone else {}
    opened = TextEncoder(resolve_base(encoder), pooling=pooling, dtype=dtype)
    place = out or Path("indexes") / folder_name(opened.path.resolve().name)
    try:
        for code in dict.fromkeys([*documents, *gone]):
            folder, read = place / folder_name(code), documents.get(code, ())
            if add or gone:
                update_index(folder, opened, read, gone.get(code, ()))
            elif on_ray:
                from xlreach.retrieval.sharded import build_sharded_index

                build_sharded_index(opened.path, read, folder, factory, code, address=address)
            else:
                build_index(opened, read, folder, factory=factory, language=code)
            built = open_index(folder, opened, verify=False)
            found = built.manifest.get("recall@10")
            typer.echo(f"Index: {folder}" + ("" if found is None else f" (recall@10 {found:.3f} of exact search)"))
            kind = built.manifest["factory"]
            if built.estimates:
                typer.echo(
                    f"xlreach: its scores estimate cosines, with an error of {built.manifest['score_error']:.3f} on "
                    f"average; {kind.partition(',Refine')[0]!r} ranks by exact vectors.",
                    err=True,
                )
            elif kind != factory and not (add or gone):
                typer.echo(
                    f"xlreach: {factory!r} keeps codes alone, whose scores are no cosines; built as {kind!r}, in which "
                    "exact vectors rank what they find.",
                    err=True,
                )
    finally:
        if place.is_dir() and not any(place.iterdir()):  # after a mistake in the first
            place.rmdir()


@app.command()
def search(
    encoder: Encoder,
    indexes: Annotated[Path, typer.Argument(help="An index folder, or a folder of them.")],
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    lang: Lang = NONE,
    k: Annotated[int, typer.Option("-k", help="How many documents.", min=1)] = 10,
    queries: Annotated[Path | None, typer.Option(help="A file of queries, one a line, or queries.jsonl.")] = None,
    trec: Annotated[
        Path | None, typer.Option(help="Write a TREC run; a query's own id is left out of its ranking.")
    ] = None,
    pooling: Pooling = None,
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
    opened = TextEncoder(resolve_base(encoder), pooling=pooling)
    folders = find_indexes(indexes, codes(lang))
    chosen = [open_index(folder, opened) for folder in folders.values()]
    rough = [built.language for built in chosen if built.estimates]
    if rough and len(chosen) > 1:
        typer.echo(
            f"xlreach: scores of {', '.join(rough)} only estimate cosines, so languages do not quite compare.",
            err=True,
        )
    if queries is not None and trec is not None:
        asked = read_queries(queries)
        fresh(trec)
        names = [name for name, _ in asked]
        ranked = rank(opened.encode([text for _, text in asked], "query"), chosen, k, own=names)
        write_search_run(trec, names, ranked)
        return typer.echo(f"Run of {len(asked)} queries in {', '.join(folders)}: {trec}")
    hits = find(opened, [query or ""], chosen, k)[0]
    if json_:
        return print_json([dataclasses.asdict(hit) for hit in hits])
    for place, hit in enumerate(hits, 1):
        text = f"{hit.title}: {hit.text}" if hit.title else hit.text
        typer.echo(f"{place:>3}  {hit.score:.4f}  {hit.language:<4} {one_line(hit.id)}  {shortened(one_line(text))}")
    return None


@app.command()
def score(
    encoder: Encoder,
    dataset: Annotated[str, typer.Argument(help="A retrieval collection, such as xquad-r, or a folder.")],
    out: Out,
    lang: Lang = NONE,
    measure: Annotated[list[str], typer.Option(help="An ir-measures string; may be repeated.")] = MEASURES,
    setting: Annotated[list[str], typer.Option(help="mono, cross or multi; may be repeated.")] = SETTINGS,
    factory: Annotated[str, typer.Option(help="A FAISS factory string.")] = "Flat",
    depth: Annotated[int, typer.Option(help="Documents that each search returns.", min=1)] = 1000,
    retriever: Annotated[str, typer.Option(help="dense, bm25, random, rrf(dense,bm25), …")] = "dense",
    pooling: Pooling = None,
    dtype: Dtype = "auto",
    data: Data = HERE,
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
    opened = TextEncoder(resolve_base(encoder), pooling=pooling, dtype=dtype)
    with replacing(fresh(out)) as folder:
        built = {
            code: build_index(
                opened, collection.documents(code), folder / "indexes" / code, factory=factory, language=code
            )
            for code in collection.searched(languages)
        }
        rows = evaluate(
            opened,
            collection,
            built,
            measures=measure,
            settings=setting,
            depth=depth,
            out=folder,
            query_languages=languages,
            retriever=retriever,
        )
    print_rows(rows, out, json_)
