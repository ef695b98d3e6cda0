"""Toy tokenizers of each family and tiny models around them; no network."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from xlreach.adapt.recipe import Job
from xlreach.adapt.unigram import new_tokenizer

HIDDEN = 16


def sentences(seed: int, syllables: str, count: int = 300, word_types: int = 60) -> list[str]:
    """Sentences of an invented language: words of two or three syllables, some words more often than others."""
    rng = random.Random(seed)
    parts = syllables.split()
    words = ["".join(rng.choices(parts, k=rng.choice((2, 3)))) for _ in range(word_types)]
    weights = [1 / (rank + 1) for rank in range(word_types)]
    lines = []
    for _ in range(count):
        line = rng.choices(words, weights, k=rng.randint(3, 9))
        lines.append(" ".join(line).capitalize() + rng.choice(".?!"))
    return lines


OLD = sentences(1, "ba bo ke ki la lo me mi na no pe po ra re si su ta to")
NEW = sentences(2, "ħa żo ġe ċi għu wa nas bla xi ta la")
FAR = sentences(3, "გა და მე ბი სუ ლო რა თი")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Several threads make toy models slower, and on a busy machine many times slower."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("text")
    paths = {}
    for code, lines in (("en", OLD), ("mt", NEW), ("ka", FAR)):
        paths[code] = folder / f"{code}.txt"
        paths[code].write_text("\n".join(lines) + "\n", "utf-8")
    return paths


@pytest.fixture(scope="session")
def unigram_tokenizer() -> dict:
    return new_tokenizer(OLD, 150)


@pytest.fixture(scope="session")
def wordpiece_tokenizer() -> dict:
    special = ["[PAD]", "[unused0]", "[unused1]", "[unused2]", "[unused3]", "[unused4]", "[unused5]"]
    special += ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted({c for line in OLD for c in line.lower() if c.isalpha()})
    vocab = [*special, *".?!'", *letters, *(f"##{c}" for c in letters), "##ta", "##la", "##ke"]
    content = {piece: i for i, piece in enumerate(vocab)}
    tokenizer = Tokenizer(models.WordPiece(content, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    ids = [(t, content[t]) for t in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    return json.loads(tokenizer.to_str())


@pytest.fixture(scope="session")
def bpe_tokenizer() -> dict:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(OLD, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return json.loads(tokenizer.to_str())


@pytest.fixture(scope="session")
def xlmr(tmp_path_factory: pytest.TempPathFactory, unigram_tokenizer: dict) -> Path:
    """A base as it comes from the hub: its own tokenizer class, no sentence-transformers modules."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    folder = tmp_path_factory.mktemp("xlmr") / "base"
    torch.manual_seed(0)
    model = XLMRobertaForMaskedLM(
        XLMRobertaConfig(
            vocab_size=len(unigram_tokenizer["model"]["vocab"]),
            hidden_size=HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=66,
            type_vocab_size=1,
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
        )
    )
    with torch.no_grad():
        model.lm_head.bias.normal_()
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(unigram_tokenizer), "utf-8")
    told = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 64, "bos_token": "<s>", "eos_token": "</s>"}
    told |= {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    told |= {"mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True}}
    (folder / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory, wordpiece_tokenizer: dict) -> Path:
    """Like MiniLM's folder: no MLM head, modules of its own, truncation and padding inside tokenizer.json."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert") / "base"
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(wordpiece_tokenizer["model"]["vocab"]),
            hidden_size=HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            pad_token_id=0,
        )
    )
    model.save_pretrained(folder)
    tokenizer = Tokenizer.from_str(json.dumps(wordpiece_tokenizer))
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(folder / "tokenizer.json"))
    told = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    told |= {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"mask_token": "[MASK]"}), "utf-8")
    kinds = ((0, "", "Transformer"), (1, "1_Pooling", "Pooling"), (2, "2_Normalize", "Normalize"))
    modules = [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{t}"} for i, p, t in kinds]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48, "do_lower_case": false}', "utf-8")
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), "utf-8")
    return folder


@pytest.fixture
def job(tmp_path: Path, texts: dict[str, Path]):
    """Makes jobs with folders of their own."""
    made = []

    def make(*languages: str, **more: object) -> Job:
        place = tmp_path / f"job{len(made)}"
        made.append(place)
        (place / "out").mkdir(parents=True)
        (place / "checkpoint").mkdir()
        return Job(place / "out", place / "checkpoint", {code: texts[code] for code in languages}, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def batch_loss():
    """The loss of a whole batch under a training, and the number of masked positions."""

    def compute(run, batch, rng):
        ids, picked, labels = run.masking.apply(batch, rng)
        return run._loss(ids, batch.attention, picked, labels), len(labels)

    return compute
