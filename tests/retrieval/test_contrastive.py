"""What contrastive training can do beside drawing batches: hard negatives, gradient caching, validation, masked LM."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForMaskedLM

from xlreach.adapt.masked_lm import load_masked_lm
from xlreach.adapt.mlm_data import Batch, Masking
from xlreach.errors import DataError, ModelError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.alignment_training import train_alignment
from xlreach.retrieval.batches import gather_pairs
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.hard_negatives import add_hard_negatives
from xlreach.retrieval.loading import load_encoder
from xlreach.retrieval.losses import WithMaskedLM, info_nce
from xlreach.retrieval.pair_sources import pairs_of
from xlreach.retrieval.resumable_trainer import Trainer
from xlreach.retrieval.validation import hold_out, mean_reciprocal_rank

LANGUAGES = ["en", "de", "mt"]


def train(text, encoder, pairs, out, *, seed=1, languages=LANGUAGES, **kwargs):
    return train_alignment(ALIGNMENTS.parse(text), encoder, pairs, languages, seed=seed, out=out, **kwargs)


def record(folder: Path) -> dict:
    return json.loads((folder / "alignment.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def still(encoder_folder, tmp_path_factory) -> Path:
    """The encoder with a masked-language-model head and without dropout."""
    folder = tmp_path_factory.mktemp("still")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((encoder_folder / name).read_bytes())
    config = BertConfig.from_pretrained(encoder_folder)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    torch.manual_seed(3)
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("columns", [2, 4])
@pytest.mark.parametrize("mini", [1, 3, 7])
def test_cached_gradients_are_plain_gradients(still, columns, mini):
    texts = [[f"{code}{n} {code}{n + 1} " * (1 + n % 3) for n in range(7)] for code in ("xx", "yy", "zz", "xx")]
    texts[3] = [text + " zz9" for text in texts[3]]
    found = []
    for text in ("cross(temperature=0.1)", f"cross(temperature=0.1,mini_batch={mini})"):
        model = load_encoder(still, device="cpu").train()
        loss = info_nce(model, ALIGNMENTS.parse(text))
        loss([model.preprocess(column) for column in texts[:columns]], torch.zeros(7)).backward()
        found.append({name: one.grad for name, one in model.named_parameters() if one.grad is not None})
    assert found[0].keys() == found[1].keys() and len(found[0]) > 20
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], atol=1e-6), name
    assert max(float(one.abs().max()) for one in found[0].values()) > 1e-3


def test_hard_negatives_are_near_and_of_other_groups(encoder_folder, parallel):
    table = gather_pairs([pairs_of(parallel)], LANGUAGES, mono=False, cross=True, seed=1)
    table.given[5] = ("given by its source",)
    add_hard_negatives(table, ALIGNMENTS.parse("cross(hard=3,margin=0.9)"), encoder_folder, 1)
    assert {len(texts) for texts in table.negatives} == {3} and len(table.negatives) == len(table)
    assert table.negatives[5][0] == "given by its source"
    group = {text: int(number) for text, number in zip(table.passages, table.groups, strict=True)}
    for row, texts in enumerate(table.negatives):
        known = [group[text] for text in texts if text in group]
        assert int(table.groups[row]) not in known and set(known) == table.against[row]
        assert len({text[:2] for text in texts if text in group}) == 1  # of the passage's language
    add_hard_negatives(table, ALIGNMENTS.parse("cross(hard=2,margin=1)"), encoder_folder, 1)
    encoder = TextEncoder(encoder_folder)
    queries, passages = encoder.encode(table.queries), encoder.encode(table.passages)
    checked = 0
    for row in range(6, len(table), 7):
        own = queries[row] @ passages[row]
        language = table.passages[row][:2]
        fair = {
            text: float(queries[row] @ passages[at])
            for at, text in enumerate(table.passages)
            if text[:2] == language and table.groups[at] != table.groups[row] and queries[row] @ passages[at] <= own
        }
        ranked = sorted(fair, key=fair.__getitem__, reverse=True)
        if len(ranked) > 70:  # else the own passage is so far down that the search may not reach below it
            assert table.negatives[row] == tuple(ranked[:2])
            checked += 1
    assert checked > 10
    with pytest.raises(DataError, match="hard negatives"):
        add_hard_negatives(table, ALIGNMENTS.parse("cross(hard=500)"), encoder_folder, 1)


def test_training_with_hard_negatives(still, parallel, tmp_path):
    out = train("cross(steps=3,batch=8,hard=2,prefixes=true,mini_batch=4)", still, [parallel], tmp_path / "out")
    assert len(record(out)["loss"]) == 3
    plain = train("cross(steps=3,batch=8,prefixes=true)", still, [parallel], tmp_path / "plain")
    assert record(out)["loss"][0] > record(plain)["loss"][0]  # more negatives, larger denominator


def test_whole_groups_are_held_out(parallel):
    table = gather_pairs([pairs_of(parallel)], LANGUAGES, mono=False, cross=True, seed=1)
    held = hold_out(table, ["mt"], seed=1)
    assert {one.name for one in held} == {f"toy {a}-{b}" for a in LANGUAGES for b in LANGUAGES if a != b}
    assert {one.name for one in held if one.low} == {one.name for one in held if "mt" in one.name}
    trained = {int(table.groups[row]) for _, _, _, rows in table.pools() for row in rows}
    left = set(map(int, table.groups)) - trained
    assert len(left) == 6 and len(trained) == 114
    texts = {table.queries[row] for _, _, _, rows in table.pools() for row in rows}
    assert not texts & {query for one in held for query in one.queries}


def test_reciprocal_ranks_count_ties_against():
    scores = torch.tensor([[0.9, 0.1, 0.9], [0.5, 0.4, 0.1], [0.1, 0.2, 0.3]]).numpy()
    assert mean_reciprocal_rank(scores) == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)


def test_the_best_validated_weights_are_kept(still, parallel, tmp_path, monkeypatch):
    text = "cross(steps=12,batch=16,lr=0.003,validate=3)"
    out = train(text, still, [parallel], tmp_path / "out", low=["mt"])
    found = record(out)
    assert [one["step"] for one in found["validation"]] == [3, 6, 9, 12]
    assert set(found["validation"][0]) == {"step", "low", "high", "mrr"}
    for one in found["validation"]:
        assert one["mrr"] == pytest.approx((one["low"] + one["high"]) / 2, abs=1e-4)
    # a run whose later validations are spoilt keeps the weights of the first
    from xlreach.retrieval import validation

    calls = []

    def worse(scores):
        calls.append(1)
        return 1 / len(calls)

    states = []
    monkeypatch.setattr(validation, "mean_reciprocal_rank", worse)
    original = Trainer.evaluate
    monkeypatch.setattr(
        Trainer, "evaluate", lambda self, *a, **k: states.append(weights(self.model)) or original(self, *a, **k)
    )
    spoilt = train(text, still, [parallel], tmp_path / "spoilt", low=["mt"], checkpoint=tmp_path / "work")
    assert record(spoilt)["best_step"] == 3 and len(states) == 4
    kept = load_file(spoilt / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert torch.equal(kept, states[0]) and not torch.equal(kept, states[-1])


def weights(model) -> torch.Tensor:
    return model[0].auto_model.embeddings.word_embeddings.weight.detach().clone()


class StoppedError(Exception):
    pass


def test_a_killed_run_still_knows_its_best_weights(still, parallel, tmp_path, monkeypatch):
    text = "cross(steps=9,batch=8,validate=2,lr=0.003,mlm=0.1)"
    whole = train(text, still, [parallel], tmp_path / "whole")
    calls = []
    original = Trainer.compute_loss

    def stopping(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 8:
            raise StoppedError
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "compute_loss", stopping)
    more = {"checkpoint": tmp_path / "work", "checkpoint_seconds": 0}
    with pytest.raises(StoppedError):
        train(text, still, [parallel], tmp_path / "out", **more)
    calls[:] = [1] * 100
    out = train(text, still, [parallel], tmp_path / "out", **more)
    assert len(calls) == 100 + 9 - 7
    assert record(out)["validation"] == record(whole)["validation"]
    assert record(out)["best_step"] == record(whole)["best_step"]
    assert TextEncoder(out).fingerprint == TextEncoder(whole).fingerprint


def test_too_little_to_validate_is_said(still, tmp_path, parallel):
    short = [list(pairs_of(parallel).pairs("en", "de", 1))[:10]]
    from xlreach.corpora.parallel_text import AlignedFiles, ParallelText

    paths = {}
    for at, code in enumerate(("en", "de")):
        paths[code] = tmp_path / f"{code}.txt"
        paths[code].write_text("\n".join(pair[at] for pair in short[0]) + "\n", "utf-8")
    with pytest.raises(DataError, match=r"validate=0"):
        train(
            "cross(steps=2,batch=4,validate=1)", still, [ParallelText("s", [AlignedFiles("", paths)])], tmp_path / "out"
        )


def test_the_masked_lm_term(still, encoder_folder, parallel, tmp_path, monkeypatch):
    model = load_encoder(still, device="cpu").train()
    alone = info_nce(model, ALIGNMENTS.parse("cross"))
    both = WithMaskedLM(model, info_nce(model, ALIGNMENTS.parse("cross")), 0.5, still)
    names = {name for name, _ in both.named_parameters()}
    assert not any("head" in name or "cls." in name for name in names)
    columns = [[f"{code}{n} {code}{n + 1} {code}{n + 2}" for n in range(9)] for code in ("xx", "yy")]

    def features():
        return [model.preprocess(column) for column in columns]

    torch.manual_seed(1)
    masked = float(both(features(), torch.zeros(9)).detach()) - float(alone(features(), torch.zeros(9)).detach())
    whole, _ = load_masked_lm(still, 0)
    assert masked / 0.5 == pytest.approx(math.log(whole.config.vocab_size), rel=0.2)
    # its gradients are those of the folder's own masked-language model on the same inputs
    monkeypatch.setattr(Masking, "apply", _every_third)
    inputs = features()[1]
    both._masked_lm(dict(inputs)).backward()
    hidden, chosen, targets = _every_third(None, Batch(inputs["input_ids"].numpy(), None, 0), None)
    labels = torch.full(hidden.shape, -100).flatten()
    labels[torch.as_tensor(chosen)] = torch.as_tensor(targets)
    inputs = {"input_ids": torch.as_tensor(hidden), "attention_mask": inputs["attention_mask"]}
    whole.eval()(**inputs, labels=labels.view(hidden.shape)).loss.backward()
    expected = dict(whole.bert.named_parameters())
    for name, one in model[0].auto_model.named_parameters():
        if one.grad is not None:
            assert torch.allclose(one.grad, expected[name].grad, atol=1e-6), name
    with pytest.raises(ModelError, match="no masked-language-model head"):
        train("cross(steps=1,batch=4,mlm=0.1)", encoder_folder, [parallel], tmp_path / "none")


def _every_third(masking, batch, generator):
    hidden, chosen = batch.ids.copy(), np.arange(1, batch.ids.size, 3)
    hidden.reshape(-1)[chosen] = 4
    return hidden, chosen, batch.ids.reshape(-1)[chosen]


_PROCESS = """
import os, sys
from pathlib import Path
from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.alignment_training import train_alignment
encoder, folder, out, text = sys.argv[1:]
data = ParallelText("toy", [AlignedFiles("", {code: Path(folder) / f"{code}.txt" for code in ("en", "de", "mt")})])
train_alignment(ALIGNMENTS.parse(text), Path(encoder), [data], ["en", "de", "mt"], seed=1,
                out=Path(out), low=["mt"])
"""


@pytest.mark.parametrize("text", ["cross(steps=4,batch=8,lr=0.001,hard=1,mini_batch=2,validate=2)"])
def test_two_processes_train_as_one_does(still, parallel, tmp_path, text):
    script = tmp_path / "one.py"
    script.write_text(_PROCESS, "utf-8")
    folder = parallel.bundles[0].paths["en"].parent
    whole = train(text, still, [parallel], tmp_path / "whole", low=["mt"])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(still), str(folder), str(tmp_path / "out"), text],
        capture_output=True, text=True, env=environment, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    expected = load_file(whole / "model.safetensors")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.allclose(found[name], tensor, atol=2e-4), name
    assert record(tmp_path / "out")["loss"] == pytest.approx(record(whole)["loss"], abs=1e-4)
    assert record(tmp_path / "out")["best_step"] == record(whole)["best_step"]
    untrained = load_file(still / "model.safetensors")["bert.embeddings.word_embeddings.weight"]
    assert (expected["embeddings.word_embeddings.weight"] - untrained).abs().max() > 2e-3
