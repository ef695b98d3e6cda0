from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.optimize import minimize
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from xlreach.adapt import Provenance, Recipe
from xlreach.adapt.recipe import Job
from xlreach.adapt.static_vectors import focus, sparsemax
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.errors import DataError, ModelError


def _apply(recipe: str, source: Path, work: Job) -> Path:
    for step in Recipe.parse(recipe).steps:
        step.apply(source, work)
    return work.out


def _vectors(folder: Path, lines: list[str]) -> list[torch.Tensor]:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return [model(**tokenizer(line, return_tensors="pt")).last_hidden_state for line in lines]


def _rows(folder: Path) -> torch.Tensor:
    return AutoModelForMaskedLM.from_pretrained(folder).get_input_embeddings().weight.detach()


@pytest.mark.parametrize("family", ["xlmr", "bert"])
def test_trimming_changes_no_vector_of_the_text(
    family: str, job, texts: dict[str, Path], request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(family)
    out = _apply("trim", base, job("mt", others={"ka": texts["ka"]}))
    lines = [line for code in ("mt", "ka") for line in texts[code].read_text("utf-8").splitlines()[:15]]
    for before, after in zip(_vectors(base, lines), _vectors(out, lines), strict=True):
        assert before.equal(after)
    small = AutoModelForMaskedLM.from_pretrained(out)
    plain = AutoTokenizer.from_pretrained(out)
    assert small.config.vocab_size == len(plain) < len(AutoTokenizer.from_pretrained(base))
    assert small.get_output_embeddings().weight.data_ptr() == small.get_input_embeddings().weight.data_ptr()
    if family == "xlmr":  # the head too
        ids = plain(lines[0], return_tensors="pt")
        full = AutoModelForMaskedLM.from_pretrained(base)
        old_tokenizer = AutoTokenizer.from_pretrained(base)
        kept = [old_tokenizer.convert_tokens_to_ids(t) for t in plain.convert_ids_to_tokens(range(len(plain)))]
        with torch.no_grad():
            a, b = small(**ids).logits, full(**old_tokenizer(lines[0], return_tensors="pt")).logits[..., kept]
        torch.testing.assert_close(a, b)


def test_trimming_takes_marks_of_tva_along(xlmr: Path, job) -> None:
    first, second = job("mt"), job("mt")
    Recipe.parse("tva(10)+lapt").steps[0].apply(xlmr, first)
    out = _apply("trim", first.out, second)
    told = Provenance.read(out)
    plain = AutoTokenizer.from_pretrained(out)
    assert told.tier == {"rows": sorted(plain.convert_tokens_to_ids(list(told.new_pieces))), "rate": 5.0}


def test_trimming_needs_text(xlmr: Path, job) -> None:
    with pytest.raises(DataError, match="no text"):
        _apply("trim", xlmr, job())


@pytest.mark.parametrize("init", ["mean", "focus", "random"])
@pytest.mark.parametrize("family", ["xlmr", "bert"])
def test_replacing_by_a_trained_vocabulary(
    family: str, init: str, job, texts: dict[str, Path], request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(family)
    out = _apply(f"replace(vocab=120,init={init})", base, job("mt"))
    old, new = AutoTokenizer.from_pretrained(base), AutoTokenizer.from_pretrained(out)
    assert len(new) <= 120 and new.pad_token_id == old.pad_token_id
    before, after, known = _rows(base), _rows(out), old.get_vocab()
    assert len(after) == len(new)
    for piece, id_ in new.get_vocab().items():
        if piece in known:
            assert after[id_].equal(before[known[piece]]), piece
    line = texts["mt"].read_text("utf-8").splitlines()[0]
    assert len(new(line)["input_ids"]) < len(old(line)["input_ids"]) or family == "bert"
    assert new.unk_token_id not in new(line)["input_ids"]
    assert _vectors(out, [line])[0].isfinite().all()
    rows = Provenance.read(out).steps[0]["rows"]
    assert sum(rows.values()) == len(new) and rows["copied"] >= 5
    if init != "random":
        assert rows[init] > 5
    again = _apply(f"replace(vocab=120,init={init})", base, job("mt"))
    assert load_file(again / "model.safetensors").keys() == load_file(out / "model.safetensors").keys()
    assert _rows(again).equal(after)


def test_replacing_by_a_given_tokenizer(xlmr: Path, bert: Path, job, tmp_path: Path) -> None:
    given = tmp_path / "tokenizer.json"
    given.write_text(json.dumps(read_tokenizer(xlmr)), "utf-8")
    out = _apply(f"replace(tokenizer={given})", xlmr, job("mt"))
    assert _rows(out).equal(_rows(xlmr)), "its own vocabulary changes nothing"
    with pytest.raises(ModelError, match="WordPiece"):
        _apply(f"replace(tokenizer={given})", bert, job("mt"))
    foreign = json.loads(given.read_text("utf-8"))
    foreign["added_tokens"] = [one for one in foreign["added_tokens"] if one["content"] != "<mask>"]
    given.write_text(json.dumps(foreign), "utf-8")
    with pytest.raises(ModelError, match=r"Unigram tokenizer without '<mask>'.*special tokens .*<mask>"):
        _apply(f"replace(tokenizer={given})", xlmr, job("mt"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"model"', "Not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"{}", "no model"),
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b'{"model": {}}', "cannot be read"),
        (b'{"model": 3, "added_tokens": []}', "no model"),
        (None, "Cannot be read"),
    ],
)
def test_a_file_that_is_no_tokenizer_is_refused(
    xlmr: Path, job, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"tokenizer\.json(:1)?: .*{reason}"):
        _apply(f"replace(tokenizer={path})", xlmr, job("mt"))


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        scores = rng.normal(size=6)
        ours = sparsemax(scores)
        theirs = minimize(
            lambda p, scores=scores: ((p - scores) ** 2).sum(),
            np.full(6, 1 / 6),
            bounds=[(0, 1)] * 6,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            tol=1e-10,
        ).x
        assert abs(ours.sum() - 1) < 1e-12 and np.allclose(ours, theirs, atol=1e-4)


def test_focus_mixes_rows_and_draws_the_rare(xlmr: Path, job, texts: dict[str, Path]) -> None:
    out = _apply("va(n=30,init=focus)", xlmr, job("mt"))
    told, before, after = Provenance.read(out), _rows(xlmr), _rows(out)
    rows = told.steps[0]["rows"]
    assert rows["focus"] > 5 and rows["focus"] + rows["random"] == 30 and rows["mean"] == 0
    special = set(AutoTokenizer.from_pretrained(xlmr).all_special_ids)
    old = Tokenizer.from_file(str(xlmr / "tokenizer.json")).get_vocab()
    overlap = {piece: id_ for piece, id_ in old.items() if id_ not in special}
    blends = focus(read_tokenizer(out), [texts["mt"]], told.new_pieces, overlap, 1)
    assert len(blends) == rows["focus"]
    for offset, piece in enumerate(told.new_pieces):
        if piece in blends:
            ids, weights = blends[piece]
            assert sum(weights) == pytest.approx(1) and not special & set(ids)
            torch.testing.assert_close(after[len(before) + offset], torch.tensor(weights) @ before[ids])
