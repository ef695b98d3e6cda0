"""Encoding: our engine against `SentenceTransformer.encode`, with its defaults and with its best bf16 setting.

The encoder has the shape of XLM-R base and random weights (speed does not depend on them), XLM-R's own tokenizer, and
real sentences of NTREX in languages of several scripts. Every repetition runs all contestants in turn, and the fastest
of each counts, so that a machine that slows down meanwhile slows all of them. `share of matmul` is what the encoder's
multiply-adds (padding not counted) came to per second, of what plain bf16 matrix products of its size reach.

Needs XLREACH_DATA. `--quick` ends within a minute or so.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from xlreach.compute.loading import quiet_loading
from xlreach.corpora.registry import open_dataset
from xlreach.retrieval.encoding import TextEncoder

LANGUAGES = ("en", "de", "tr", "ru", "mt", "wo", "ug", "zh")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--texts", type=int, help="how many (2,000; 128 when quick)")
    options = parser.parse_args()
    root = os.environ.get("XLREACH_DATA")
    if not root:
        parser.error("XLREACH_DATA names no data root")
    count = options.texts or (128 if options.quick else 2000)
    with tempfile.TemporaryDirectory() as folder, quiet_loading():
        encoder = make_encoder(Path(folder), Path(root))
        report = compare(encoder, sentences(Path(root), count), 2, options.quick)
    print(json.dumps(report, ensure_ascii=False))


def make_encoder(folder: Path, root: Path) -> Path:
    """A model folder of XLM-R base's shape."""
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(root / "tokenizer/xlmr/tokenizer.rebuilt.json"),
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=512,
        **names,
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def sentences(root: Path, count: int) -> list[str]:
    """Lines of NTREX, of each language the same number, mixed."""
    data = open_dataset("ntrex", root)
    known = [code for code in LANGUAGES if code in data.languages]
    each = -(-count // len(known))
    lines = [list(data.lines(code))[100 : 100 + each] for code in known]
    return [line for row in zip(*lines, strict=True) for line in row][:count]


def compare(folder: Path, texts: list[str], repeats: int, quick: bool) -> dict[str, Any]:
    """Times everybody on the same texts."""
    plain = SentenceTransformer(str(folder), device="cpu")
    half = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.bfloat16})
    # A quick run is too short for `auto` to change to bf16.
    ours = TextEncoder(folder, device="cpu", dtype="bf16" if quick else "auto")
    quiet = {"show_progress_bar": False, "normalize_embeddings": True}

    def autocast(texts: list[str]) -> np.ndarray:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return plain.encode(texts, **quiet)

    contestants: dict[str, Callable[[list[str]], np.ndarray]] = {
        "ours": ours.encode,
        "defaults": lambda texts: plain.encode(texts, **quiet),
    }
    for size in (16, 32) if quick else (16, 32, 64):
        contestants[f"bf16 weights, batch {size}"] = lambda texts, size=size: half.encode(
            texts, batch_size=size, **quiet
        )
    contestants["bf16 autocast"] = autocast
    vectors: dict[str, np.ndarray] = {}
    seconds: dict[str, float] = {}
    if not quick:  # kernels are chosen and compiled at first sight
        for make in contestants.values():
            make(texts[:128])
    for _ in range(repeats):
        for name, make in contestants.items():
            start = time.perf_counter()
            vectors[name] = make(texts).astype(np.float32)
            seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - start)
    exact = vectors["defaults"] / np.linalg.norm(vectors["defaults"], axis=1, keepdims=True)
    cosine = {name: float((unit(one) * exact).sum(1).min()) for name, one in vectors.items()}
    best = min((name for name in contestants if name.startswith("bf16")), key=seconds.__getitem__)
    rate = {name: len(texts) / value for name, value in seconds.items()}
    rows = [
        {
            "ratio": round(rate["ours"] / rate[name], 2),
            "ours": round(rate["ours"], 1),
            "theirs": round(rate[name], 1),
            "unit": "texts/s",
            "against": f"SentenceTransformer.encode, {name}",
            "equal": f"lowest cosine to fp32: ours {cosine['ours']:.6f}, theirs {cosine[name]:.6f}",
        }
        for name in ("defaults", best)
    ]
    reached = multiply_adds(ours, texts) / seconds["ours"]
    possible = matmul_rate()
    rows.append(
        {
            "ratio": round(reached / possible, 2),
            "ours": round(2 * reached / 1e9, 1),
            "theirs": round(2 * possible / 1e9, 1),
            "unit": "GFLOP/s",
            "against": "plain bf16 matrix products",
            "equal": None,
        }
    )
    others = {name: round(value, 1) for name, value in rate.items()}
    setting = {"texts": len(texts), "threads": torch.get_num_threads(), "texts/s": others}
    return {"benchmark": "encoding", **rows[0], "rows": rows, **setting}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def multiply_adds(encoder: TextEncoder, texts: list[str]) -> float:
    """What the layers must compute for these texts, each as long as it is."""
    config = encoder.model[0].auto_model.config
    lengths = np.array([len(ids) for ids in encoder.model.tokenizer(texts, truncation=True)["input_ids"]])
    weights = 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
    attention = 2 * config.hidden_size * (lengths**2).sum()
    return float(config.num_hidden_layers * (weights * lengths.sum() + attention))


def matmul_rate(seconds: float = 3.0) -> float:
    """Multiply-adds a second of products of a batch of pieces with a feed-forward layer."""
    pieces, layer = torch.randn(4096, 768).bfloat16(), torch.nn.Linear(768, 3072, bias=False).bfloat16()
    with torch.inference_mode():
        for _ in range(3):
            layer(pieces)
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            layer(pieces)
            done += 1
        return done * 4096 * 768 * 3072 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
