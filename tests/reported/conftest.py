"""A tiny encoder that every case can use; no network."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """A BERT-shaped encoder of 32 numbers whose pieces are letters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "".join(map(chr, range(33, 127))) + "ċġħżıİşğçöü"
    vocabulary = {piece: id_ for id_, piece in enumerate([*special, *letters, *(f"##{c}" for c in letters)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48
    )
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    BertForMaskedLM(config).save_pretrained(folder)
    roles = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=128, mask_token="[MASK]", **roles
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def command() -> Callable[..., tuple[int, str]]:
    """Runs the command line in this process; gives the exit code and all that was printed."""

    def run(*arguments: object) -> tuple[int, str]:
        from xlreach.cli import main

        printed, before, code = io.StringIO(), sys.argv, 0
        sys.argv = ["xlreach", *map(str, arguments)]
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                main()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        finally:
            sys.argv = before
        return code, printed.getvalue()

    return run
