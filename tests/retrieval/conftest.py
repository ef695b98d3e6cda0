"""A toy encoder with two invented languages that translate each other word by word."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from xlreach.corpora.collection import Document
from xlreach.corpora.parallel_text import AlignedFiles, ParallelText

WORDS = 60
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PROMPT = ["Query", "Passage", ":"]


def line(language: str, numbers: list[int]) -> str:
    return " ".join(f"{language}{number}" for number in numbers)


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain transformers folder: BERT, 2 layers, 32 wide."""
    folder = tmp_path_factory.mktemp("encoder")
    pieces = SPECIAL + PROMPT + [f"{code}{n}" for code in ("xx", "yy", "zz") for n in range(WORDS)]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=48, **names
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=48,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> ParallelText:
    folder = tmp_path_factory.mktemp("parallel")
    rng = random.Random(1)
    rows = [[rng.randrange(WORDS) for _ in range(rng.randint(3, 9))] for _ in range(120)]
    paths = {}
    for code, letters in (("en", "xx"), ("de", "yy"), ("mt", "zz")):
        paths[code] = folder / f"{code}.txt"
        paths[code].write_text("".join(line(letters, row) + "\n" for row in rows), "utf-8")
    return ParallelText("toy", [AlignedFiles("", paths)])


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    rng = random.Random(2)
    texts = dict.fromkeys(line("xx", [rng.randrange(WORDS) for _ in range(rng.randint(4, 12))]) for _ in range(400))
    return [Document(f"d{number}", "en", text) for number, text in enumerate(texts)]
