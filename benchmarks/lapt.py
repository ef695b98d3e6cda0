"""Masked language modelling: our loop against the Trainer of transformers with its defaults, in speed and memory.

XLM-R base's shape with random weights (speed does not depend on them), XLM-R's own tokenizer, Maltese text. Each side
runs in a process of its own, whose peak resident memory is compared; the first step is not timed. Tokens are pieces of
text with their special tokens, never padding. Theirs is the Trainer as it comes: fp32, 8 lines a step, padded to the
longest of the batch, all positions through the head, all rows of the embeddings trained. Two comparisons:

* full lines: sentences joined to 128 pieces, 8 lines a step on both sides, so that both compute the same shapes;
* sentences: a line each, both sides on their own defaults (ours takes lines for 32 x 128 pieces a step).

Before that, one masked batch goes through both in fp32: the loss, and the gradients of all that ours trains (the rows
of the text's pieces, and everything that is not a row), must agree to 1e-4.

Needs XLREACH_DATA and some 10 GB of memory. `--quick` ends within a minute or so.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from xlreach.adapt import Recipe, mlm
from xlreach.adapt.mlm import JobState, Training, train
from xlreach.adapt.mlm_data import Batch, EncodedText, Masking, batches
from xlreach.compute.precision import choose_dtype
from xlreach.compute.sparse_embeddings import SparseEmbeddings
from xlreach.corpora.registry import open_dataset

LENGTH, THEIR_BATCH, JOINED = 128, 8, 40


def main() -> None:
    """Runs the benchmark, each part in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", nargs=3, metavar=("SIDE", "LINES", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (root := os.environ.get("XLREACH_DATA")):
        parser.error("XLREACH_DATA names no data root")
    if options.part:
        side, lines, steps = options.part
        print(json.dumps(run_part(side, Path(root), lines == "full", int(steps))))
        return
    difference = part("compare", "full", 1)
    plans = {"full": (2, 4)} if options.quick else {"full": (8, 16), "sentences": (20, 12)}
    rows = [
        compared(lines, part("ours", lines, ours), part("theirs", lines, theirs))
        for lines, (theirs, ours) in plans.items()
    ]
    report = {
        "benchmark": "lapt",
        **rows[0],
        "equal": max(difference.values()) <= 1e-4,
        "largest difference": difference,
        "dtype": {"ours": str(choose_dtype("auto", "cpu")), "theirs": "torch.float32"},
        "threads": torch.get_num_threads(),
        "rows": rows,
    }
    print(json.dumps(report))


def part(side: str, lines: str, steps: int) -> dict[str, float]:
    """What a process of its own measured."""
    command = [sys.executable, __file__, "--part", side, lines, str(steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compared(lines: str, ours: dict[str, float], theirs: dict[str, float]) -> dict[str, Any]:
    """One comparison."""
    return {
        "ratio": round(ours["rate"] / theirs["rate"], 2),
        "ours": round(ours["rate"], 1),
        "theirs": round(theirs["rate"], 1),
        "unit": "tokens/s",
        "against": "transformers.Trainer, defaults",
        "lines": lines,
        "memory ratio": round(ours["memory"] / theirs["memory"], 3),
        "peak memory": {"ours": round(ours["memory"], 2), "theirs": round(theirs["memory"], 2), "unit": "GB"},
        "tokens a step": {"ours": round(ours["each"]), "theirs": round(theirs["each"])},
        "steps": {"ours": int(ours["steps"]), "theirs": int(theirs["steps"])},
    }


def run_part(side: str, root: Path, full: bool, steps: int) -> dict[str, float]:
    """One side in this process."""
    file = root / "tokenizer/xlmr/tokenizer.rebuilt.json"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        text = read_text(root, file, place, full)
        model = new_model(text.vocabulary)
        if side == "compare":
            return compare(model, text, place)
        if side == "ours":
            starts, tokens = our_steps(model, text, steps, place)
        else:
            starts, tokens = their_steps(model, text, file, steps, place)
    seconds, counted = starts[-1] - starts[1], sum(tokens[1 : len(starts) - 1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB on Linux
    return {"rate": counted / seconds, "memory": peak, "each": counted / (len(starts) - 2), "steps": len(starts) - 2}


def read_text(root: Path, file: Path, place: Path, full: bool) -> EncodedText:
    """All of the Maltese text, a sentence a line or joined to lines of 128 pieces."""
    lines = list(open_dataset("text:lapt9/mt", root).lines("mt"))
    if full:
        lines = [" ".join(lines[i : i + JOINED]) for i in range(0, len(lines), JOINED)]
    path = place / "mt.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    text = EncodedText.read({"mt": path}, json.loads(file.read_text("utf-8")), None, LENGTH)
    if not full:
        return text
    return text._part(np.array([i for i, line in enumerate(text.lines) if len(line) == LENGTH]))


def new_model(vocabulary: int) -> Any:
    """XLM-R base's shape."""
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=vocabulary, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    return XLMRobertaForMaskedLM(config)


def compare(model: Any, text: EncodedText, place: Path) -> dict[str, float]:
    """Largest differences of loss and gradients between our loss and the library's own, in fp32."""
    model.eval()
    rows = text.in_use()
    small = text.renumbered(rows)
    masking = Masking.of(small, 0.15)
    batch = next(batches(small, 2 * LENGTH, np.random.default_rng(1)))
    ids, chosen, labels = masking.apply(batch, np.random.default_rng(2))
    full = np.full(ids.size, -100)
    full[chosen] = rows[labels]
    theirs = model(
        input_ids=torch.from_numpy(rows[ids]),
        attention_mask=torch.from_numpy(batch.attention),
        labels=torch.from_numpy(full.reshape(ids.shape)),
    ).loss
    theirs.backward()
    expected = {name: p.grad for name, p in model.named_parameters(remove_duplicate=False)}
    model.zero_grad(set_to_none=True)
    table = SparseEmbeddings(model, rows, torch.float32, place)
    run = mlm._Run(model, ours_training(), masking, torch.device("cpu"), torch.float32, table.rest)
    ours, _ = run.loss(batch, np.random.default_rng(2))
    ours.backward()
    largest, kept = 0.0, torch.from_numpy(rows)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            other = expected[name]
            other = other if other.shape == parameter.grad.shape else other[kept]
            largest = max(largest, float((parameter.grad - other).abs().max()))
    return {"loss": abs(ours.item() - theirs.item()), "gradients": largest}


def ours_training(**changes: Any) -> Training:
    """The defaults of the step `lapt`, for one epoch."""
    step = Recipe.parse("lapt").steps[0]
    names = {field.name for field in dataclasses.fields(Training)}
    values = {field.name: getattr(step, field.name) for field in dataclasses.fields(step) if field.name in names}
    return Training(**{**values, "epochs": 1, "valid": 0.0, "seed": 1, **changes})


class EnoughError(Exception):
    """So many steps were made."""


def our_steps(model: Any, text: EncodedText, steps: int, place: Path) -> tuple[list[float], list[int]]:
    """When each step began, the one after the last too, and the tokens of each."""
    model.set_attn_implementation("eager")  # as `load_masked_lm` does on CPUs
    full = len(text.lines[0]) == LENGTH
    training = ours_training(batch=THEIR_BATCH) if full else ours_training()
    starts: list[float] = []
    tokens: list[int] = []
    backward = mlm._Run.backward

    def timed(self: Any, batch: Batch, rng: np.random.Generator) -> float:
        starts.append(time.perf_counter())
        tokens.append(batch.tokens)
        if len(starts) > steps:
            raise EnoughError
        return backward(self, batch, rng)

    mlm._Run.backward = timed  # type: ignore[method-assign]
    with contextlib.suppress(EnoughError):
        train(model, text, training, JobState(place, {}, "benchmark"))
    return starts, tokens


def their_steps(model: Any, text: EncodedText, file: Path, steps: int, place: Path) -> tuple[list[float], list[int]]:
    """As `our_steps`, of the Trainer."""
    starts: list[float] = []
    tokens: list[int] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            starts.append(time.perf_counter())

        def on_train_end(self, *args: Any, **kwargs: Any) -> None:
            starts.append(time.perf_counter())

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(file), pad_token="<pad>", mask_token="<mask>", unk_token="<unk>", cls_token="<s>"
    )
    collator = DataCollatorForLanguageModeling(tokenizer)

    def counted(rows: list[dict[str, Any]]) -> Any:
        tokens.append(sum(len(row["input_ids"]) for row in rows))
        return collator(rows)

    settings = TrainingArguments(
        str(place / "trainer"),
        max_steps=steps,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    rows = [{"input_ids": line.tolist()} for line in text.lines]
    Trainer(model, settings, train_dataset=rows, data_collator=counted, callbacks=[Clock()]).train()
    return starts, tokens


if __name__ == "__main__":
    main()
