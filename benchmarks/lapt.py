"""Masked language modelling: our loop against the Trainer of transformers with its defaults, tokens a second.

XLM-R base's shape with random weights (speed does not depend on them), XLM-R's own tokenizer, Maltese text. Before
that, one masked batch goes through both ways in fp32: loss and gradients must agree to 1e-4.

Needs XLREACH_DATA and some 8 GB of memory. `--quick` ends within a minute or so.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from xlreach.adapt.lines import EncodedText, Masking, batches
from xlreach.adapt.mlm import Training, _Run, choose_dtype
from xlreach.corpora.registry import open_dataset

LENGTH, BATCH = 128, 8


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (root := os.environ.get("XLREACH_DATA")):
        parser.error("XLREACH_DATA names no data root")
    file = Path(root) / "tokenizer/xlmr/tokenizer.rebuilt.json"
    steps = 1 if options.quick else 8
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mt.txt"
        lines = list(islice(open_dataset("text:lapt9/mt", Path(root)).lines("mt"), 500, 500 + 40 * steps * BATCH))
        # As many sentences to a line as fill it, so that both sides compute the same shapes.
        path.write_text("\n".join(" ".join(lines[i : i + 40]) for i in range(0, len(lines), 40)) + "\n", "utf-8")
        text = EncodedText.read({"mt": path}, json.loads(file.read_text("utf-8")), None, LENGTH)
        text = dataclasses.replace(text, lines=[line for line in text.lines if len(line) == LENGTH])
        model = new_model(text.vocabulary)
        difference = compare(model, text)
        theirs = trainer_rate(model, text, file, steps, Path(folder))
        ours = our_rate(model, text, steps)
    report = {
        "benchmark": "lapt",
        "ratio": round(ours / theirs, 2),
        "ours": round(ours, 1),
        "theirs": round(theirs, 1),
        "unit": "tokens/s",
        "against": "transformers.Trainer, defaults",
        "equal": max(difference.values()) <= 1e-4,
        "largest difference": difference,
        "dtype": {"ours": str(choose_dtype("auto", torch.device("cpu"))), "theirs": "torch.float32"},
        "threads": torch.get_num_threads(),
        "steps": steps,
    }
    print(json.dumps(report))


def new_model(vocabulary: int) -> Any:
    """XLM-R base's shape."""
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=vocabulary, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    return XLMRobertaForMaskedLM._from_config(config, attn_implementation="eager")


def new_run(model: Any, text: EncodedText, dtype: torch.dtype) -> _Run:
    """Our loop around a model."""
    training = Training(1, 2e-5, BATCH, LENGTH, 0.15, 0, 0.1, "auto", 1)
    return _Run(model, training, Masking.of(text, 0.15), torch.device("cpu"), dtype)


def compare(model: Any, text: EncodedText) -> dict[str, float]:
    """Largest differences of loss and gradients between masked positions only and the library's own loss."""
    model.eval()
    run = new_run(model, text, torch.float32)
    batch = next(batches(text, 2 * LENGTH, np.random.default_rng(1)))
    loss, _ = run.loss(batch, np.random.default_rng(2))
    loss.backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    ids, chosen, labels = run.masking.apply(batch, np.random.default_rng(2))
    full = np.full(ids.size, -100)
    full[chosen] = labels
    theirs = model(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(batch.attention),
        labels=torch.from_numpy(full.reshape(ids.shape)),
    ).loss
    theirs.backward()
    gradients = max(
        float((ours[name] - p.grad).abs().max()) for name, p in model.named_parameters() if p.grad is not None
    )
    model.zero_grad(set_to_none=True)
    return {"loss": abs(loss.item() - theirs.item()), "gradients": gradients}


def trainer_rate(model: Any, text: EncodedText, file: Path, steps: int, folder: Path) -> float:
    """Tokens a second of the Trainer: batches of 8 as they come, all positions through the head."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(file), pad_token="<pad>", mask_token="<mask>", unk_token="<unk>", cls_token="<s>"
    )
    rows = [{"input_ids": line.tolist()} for line in text.lines[: steps * BATCH]]
    settings = TrainingArguments(
        str(folder / "trainer"),
        max_steps=steps,
        per_device_train_batch_size=BATCH,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model, settings, train_dataset=rows, data_collator=DataCollatorForLanguageModeling(tokenizer))
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    trainer.optimizer = None
    model.zero_grad(set_to_none=True)
    return sum(len(row["input_ids"]) for row in rows) / seconds


def our_rate(model: Any, text: EncodedText, steps: int) -> float:
    """The same lines through our loop."""
    model.train()
    some = EncodedText(text.lines[: steps * BATCH], text.pad, text.mask, text.special, text.vocabulary)
    run = new_run(model, some, choose_dtype("auto", torch.device("cpu")))
    rng, tokens, start = np.random.default_rng(1), 0, time.perf_counter()
    for batch in batches(some, BATCH * LENGTH, rng):
        loss, _ = run.loss(batch, rng)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(run.named.values(), 1.0)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        tokens += batch.tokens
    return tokens / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
