"""A toy encoder that knows words by their numbers, and a collection with parallel answers in three languages."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from xlreach.corpora.collection import Document, Query
from xlreach.corpora.sources.retrieval_folder import FolderCollection, write_collection
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import build_index

LANGUAGES = ("en", "de", "mt")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    folder = tmp_path_factory.mktemp("scored_encoder")
    pieces = ["[PAD]", "[UNK]", *(f"{code}{n}" for code in LANGUAGES for n in range(40))]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder)
    return TextEncoder(folder, dtype="fp32")


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> FolderCollection:
    """50 questions, in all languages but Maltese-in-German; graded answers; texts that tie; one unanswered question."""
    folder = tmp_path_factory.mktemp("collection")
    rng = random.Random(3)
    documents, queries, qrels = [], [], {}
    for code in LANGUAGES:
        for number in range(90):
            words = [rng.randrange(40) for _ in range(rng.randint(2, 5))]
            text = " ".join(f"{code}{word}" for word in words) if number % 9 else "nobody knows this"
            documents.append(Document(f"{code}-{number}", code, text))
        for number in range(50):
            words = " ".join(f"{code}{rng.randrange(40)}" for _ in range(3))
            queries.append(Query(f"{code}-q{number}", code, words, str(number)))
            qrels[f"{code}-q{number}"] = {
                f"{other}-{at}": grade
                for other in LANGUAGES
                if {code, other} != {"de", "mt"}
                for at, grade in ((number, 1), (number + 9, 2), (number + 18, 0))
            }
    qrels["en-q49"] = {"en-3": 0}
    write_collection(folder, documents, queries, qrels)
    return FolderCollection(folder)


@pytest.fixture(scope="session")
def indexes(encoder, collection, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("indexes")
    return {code: build_index(encoder, collection.documents(code), folder / code, language=code) for code in LANGUAGES}
