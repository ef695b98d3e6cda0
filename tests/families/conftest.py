"""Tiny encoders, each shaped as a family of real models lies on the hub; no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    Gemma3TextConfig,
    Gemma3TextModel,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

LINES = [
    "Il-belt kbira qed tikber kull sena.",
    "Malti qal li l-kelb jiekol il-laħam, u mar id-dar.",
    "The river runs through the old town.",
    "Il-qattus qal xejn; it-tifel mar l-iskola.",
] * 20
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
_BERT = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
_ROBERTA = {
    "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
    "pad_token": "<pad>", "mask_token": "<mask>",
}  # fmt: skip


def _wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(LINES, trainers.WordPieceTrainer(vocab_size=150, special_tokens=special))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def _unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def _byte_level(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.post_processor = processors.BertProcessing((special[3], 3), (special[2], 2))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _gemma() -> Tokenizer:
    """BPE with byte fallback over text whose blanks are replaced by `▁`; no splitting into words before."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=450, special_tokens=special))
    tokenizer.post_processor = processors.BertProcessing(("<eos>", 1), ("<bos>", 2))
    return tokenizer


def _build(family: str, out: Path) -> None:
    torch.manual_seed(0)
    if family == "bert":
        tokenizer, roles = _wordpiece(), _BERT
        model = BertForMaskedLM(BertConfig(vocab_size=tokenizer.get_vocab_size(), pad_token_id=0, **_SIZES))
    elif family == "xlm-r":
        tokenizer, roles = _unigram(), _ROBERTA
        size = tokenizer.get_vocab_size()
        config = XLMRobertaConfig(vocab_size=size, pad_token_id=1, max_position_embeddings=514, **_SIZES)
        model = XLMRobertaForMaskedLM(config)
    elif family == "modernbert":
        tokenizer, roles = _byte_level(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]), _BERT
        special = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
        model = ModernBertForMaskedLM(ModernBertConfig(vocab_size=tokenizer.get_vocab_size(), **special, **_SIZES))
    elif family == "roberta":
        tokenizer, roles = _byte_level(["<unk>", "<pad>", "<s>", "</s>", "<mask>"]), _ROBERTA
        size = tokenizer.get_vocab_size()
        model = RobertaForMaskedLM(
            RobertaConfig(vocab_size=size, pad_token_id=1, max_position_embeddings=514, **_SIZES)
        )
    else:
        tokenizer = _gemma()
        roles = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
        config = Gemma3TextConfig(
            vocab_size=tokenizer.get_vocab_size(), num_key_value_heads=1, head_dim=16, pad_token_id=0, **_SIZES
        )
        model = Gemma3TextModel(config)
    model.save_pretrained(out)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **roles).save_pretrained(out)


FAMILIES = ("bert", "xlm-r", "modernbert", "roberta", "gemma")


@pytest.fixture(scope="session")
def family(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of a family's encoder; tests copy it before they change it."""
    root = tmp_path_factory.mktemp("families")

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            _build(name, root / name)
        return root / name

    return folder


@pytest.fixture(scope="session", params=FAMILIES)
def encoder(request, family) -> Path:
    """The encoder of each family."""
    return family(request.param)
