"""Verbs about retrieval: train, index, search, score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import xlreach as xl
from xlreach.cli.app import verb
from xlreach.cli.options import (
    NONE,
    Data,
    DocumentPrompt,
    Dtype,
    EncoderName,
    Json,
    Lang,
    Out,
    Pooling,
    QueryPrompt,
    Runner,
    Seed,
    Text,
    encoder_of,
    files,
    show,
)
from xlreach.errors import XLReachError
from xlreach.front.scores import MEASURES, SETTINGS


@verb(
    "retrieve",
    "xlreach train e5-mt 'hybrid(alpha=0.5)' --pairs ntrex --lang mt --lang en --low mt --out e5-mt-ir",
    "xlreach train xlmr 'none(pooling=cls)' --out xlmr-cls",
)
def train(
    encoder: EncoderName,
    alignment: Annotated[
        str, typer.Argument(help="Such as mono, cross, hybrid(alpha=0.5), or none(pooling=cls) for pooling only.")
    ],
    out: Out,
    pairs: Annotated[
        list[str], typer.Option(help="Training pairs: a data set, crops(TEXT) or triples(FILE); may be repeated.")
    ] = NONE,
    lang: Lang = NONE,
    low: Annotated[
        list[str], typer.Option(metavar="CODE", help="A low-resource language among them, for validation.")
    ] = NONE,
    text: Text = NONE,
    data: Data = None,
    seed: Seed = 1,
) -> None:
    """Train an encoder for retrieval.

    --text is unlabeled text for a pooling that is fitted on it, such as none(pooling=whitening).
    """
    trained = xl.train(
        encoder, alignment, pairs=pairs, languages=lang, low=low, text=files(text), out=out, seed=seed, data=data
    )
    typer.echo(f"Retrieval encoder: {trained.path}")


@verb(
    "retrieve",
    "xlreach index e5-mt --text mt=articles.txt --text en=news.jsonl --document-prompt 'passage: ' --out indexes/news",
    "xlreach index e5-mt --dataset xquad-r --lang ar --lang th",
)
def index(
    encoder: EncoderName,
    text: Text = NONE,
    dataset: Annotated[str | None, typer.Option(help="Index the documents of a collection instead of files.")] = None,
    lang: Lang = NONE,
    factory: Annotated[
        str, typer.Option(help="A FAISS factory string; candidates are ranked again by their exact vectors.")
    ] = "Flat",
    add: Annotated[bool, typer.Option("--add", help="Add the documents to the indexes that are there.")] = False,
    remove: Annotated[
        list[str],
        typer.Option(
            metavar="CODE=FILE",
            help="A file with one id per line: remove these documents from an index; may be repeated.",
        ),
    ] = NONE,
    out: Annotated[Path | None, typer.Option(help="The folder of the indexes; by default indexes/<encoder>.")] = None,
    pooling: Pooling = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    dtype: Dtype = "auto",
    runner: Runner = "local",
    data: Data = None,
) -> None:
    """Build an index for each language, or change one.

    A text file has one document per line; JSON lines, TSV and CSV have _id, text and perhaps title. --lang chooses
    languages of --dataset; without it all are indexed. An index keeps the pooling and prompts of its encoder.
    """
    from xlreach.spec import folder_name

    if (text or dataset) and remove and not add:
        raise XLReachError("Documents are given beside --remove.", fix="Say --add if they are to be added.")
    configured = pooling or query_prompt is not None or document_prompt is not None or dtype != "auto"
    if runner != "local" and (add or remove or configured):
        raise XLReachError(
            "A cluster only builds indexes, with the encoder as its folder declares it.",
            fix="Leave --runner out, or --add, --remove, --dtype, --pooling and the prompts.",
        )
    opened = encoder_of(encoder, pooling, query_prompt, document_prompt, dtype)
    folder = out or Path("indexes") / folder_name(opened.path.name)
    documents, gone = files(text), files(remove)
    if not add and not gone:
        built = xl.Index.build(
            opened, documents, dataset=dataset, languages=lang, out=folder, factory=factory, runner=runner, data=data
        )
        return show(built.contents, False)
    changed = xl.Index.open(opened, folder, [*documents, *gone])
    for code in changed.languages:
        changed.add(code, documents.get(code, ()), remove=gone.get(code, ()))
    return show(changed.contents, False)


@verb(
    "retrieve",
    "xlreach search e5-mt indexes/news 'il-bidla fil-klima' -k 5",
    "xlreach search e5-mt indexes/news --lang mt --queries questions.txt --trec questions.run",
)
def search(
    encoder: EncoderName,
    indexes: Annotated[Path, typer.Argument(help="An index folder, or a folder of them.")],
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    lang: Lang = NONE,
    k: Annotated[int, typer.Option("-k", help="How many documents.", min=1)] = 10,
    queries: Annotated[Path | None, typer.Option(help="A file of queries, one per line, or queries.jsonl.")] = None,
    trec: Annotated[Path | None, typer.Option(help="Write a TREC run.")] = None,
    self_retrieving: Annotated[
        bool, typer.Option("--self-retrieving", help="Queries are among the documents: leave out a query's own id.")
    ] = False,
    json_: Json = False,
) -> None:
    """Search one, several or all languages, in one ranking.

    Pooling and prompts are those that the index was built with.
    """
    if (query is None) == (queries is None) or (queries is None) != (trec is None):
        raise XLReachError("Give one query, or --queries FILE with --trec FILE.")
    opened = xl.Index.open(encoder, indexes, lang)
    if queries is not None and trec is not None:
        count = opened.write_run(trec, queries, k, self_retrieving=self_retrieving)
        return typer.echo(f"Run of {count} queries in {', '.join(opened.languages)}: {trec}")
    return show(opened.search(query or "", k), json_)


@verb(
    "retrieve",
    "xlreach score e5-mt xquad-r --lang ar --lang en --lang th --out scores/e5-mt",
    "xlreach score e5-mt ntrex --setting cross --measure nDCG@10 --retriever 'rrf(dense,bm25)' --out scores/rrf",
)
def score(
    encoder: EncoderName,
    dataset: Annotated[str, typer.Argument(help="A retrieval collection, such as xquad-r, or a folder.")],
    out: Out,
    lang: Lang = NONE,
    measure: Annotated[list[str], typer.Option(help="An ir-measures string; may be repeated.")] = MEASURES,
    setting: Annotated[list[str], typer.Option(help="mono, cross or multi; may be repeated.")] = SETTINGS,
    factory: Annotated[str, typer.Option(help="A FAISS factory string.")] = "Flat",
    depth: Annotated[int, typer.Option(help="How many documents an approximate index finds.", min=1)] = 1000,
    retriever: Annotated[str, typer.Option(help="dense, bm25, random, rrf(dense,bm25), …")] = "dense",
    pooling: Pooling = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    dtype: Dtype = "auto",
    data: Data = None,
    json_: Json = False,
) -> None:
    """Index a collection and score an encoder's retrieval on it."""
    scores = xl.score(
        encoder_of(encoder, pooling, query_prompt, document_prompt, dtype),
        dataset,
        languages=lang,
        measures=measure,
        settings=setting,
        factory=factory,
        depth=depth,
        retriever=retriever,
        out=out,
        data=data,
    )
    show(scores, json_)
    typer.echo(f"Written: {out}", err=json_)
