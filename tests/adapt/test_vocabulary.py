from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM, AutoTokenizer

from xlreach.adapt import Provenance, Recipe
from xlreach.adapt.candidates import choose_pieces
from xlreach.adapt.diagnostics import diagnose
from xlreach.adapt.segmentation import Segmenter, count_words
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.adapt.trimming import trimmed
from xlreach.adapt.wordpiece import train_wordpiece
from xlreach.errors import ModelError


def longest_match(word: str, vocabulary: set[str]) -> list[str] | None:
    """WordPiece's pieces of a word by definition, or None where it is unknown."""
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocabulary:
                pieces.append(mark + word[start:end])
                start = end
                break
        else:
            return None
    return pieces


def _apply(recipe: str, base: Path, work) -> Path:
    Recipe.parse(recipe).steps[0].apply(base, work)
    return work.out


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _embeddings(folder: Path) -> torch.Tensor:
    state = load_file(folder / "model.safetensors")
    return next(value for name, value in state.items() if name.endswith("word_embeddings.weight"))


def test_unigram_pieces_are_used_and_text_comes_back(xlmr: Path, job, texts: dict[str, Path]) -> None:
    out = _apply("va(40)", xlmr, job("mt", others={"en": texts["en"]}))
    added = Provenance.read(out).new_pieces
    assert len(added) == 40
    old = Tokenizer.from_file(str(xlmr / "tokenizer.json"))
    new = Tokenizer.from_file(str(out / "tokenizer.json"))
    mine = [new.encode(line) for line in _lines(texts["mt"])]
    used = {piece for one in mine for piece in one.tokens if piece in set(added)}
    assert all(piece in used for piece in added if len(piece) > 1)
    assert len(used) > 30
    assert [new.decode(one.ids) for one in mine] == _lines(texts["mt"])
    changed = sum(old.encode(line).ids != new.encode(line).ids for line in _lines(texts["en"]))
    assert changed == 0
    assert sum(len(one.ids) for one in mine) < 0.7 * sum(len(old.encode(line).ids) for line in _lines(texts["mt"]))
    assert "<unk>" not in {t for one in mine for t in one.tokens}


def test_unigram_ids_through_plain_transformers(xlmr: Path, job, texts: dict[str, Path]) -> None:
    out = _apply("va(40)", xlmr, job("mt"))
    plain, ours = AutoTokenizer.from_pretrained(out), Tokenizer.from_file(str(out / "tokenizer.json"))
    lines = [*_lines(texts["mt"]), *_lines(texts["en"]), "balo<mask> ħażo", ""]
    assert plain(lines)["input_ids"] == [encoding.ids for encoding in ours.encode_batch(lines)]
    size = len(json.loads((xlmr / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])
    added = Provenance.read(out).new_pieces
    assert [plain.convert_tokens_to_ids(piece) for piece in added] == list(range(size, size + len(added)))
    assert plain.convert_tokens_to_ids("<mask>") == size - 1
    assert json.loads((out / "config.json").read_text("utf-8"))["vocab_size"] == size + len(added) == len(plain)


@pytest.mark.parametrize("init", ["mean", "random"])
def test_unigram_rows(xlmr: Path, job, init: str) -> None:
    out = _apply(f"va(n=20,init={init})", xlmr, job("mt"))
    before, after = _embeddings(xlmr), _embeddings(out)
    assert after[: len(before)].equal(before)
    assert len(after) == len(before) + 20
    assert torch.pdist(after[len(before) :]).min() >= 0 and after[len(before) :].std() > 0.005
    base = Segmenter(read_tokenizer(xlmr))
    told = Provenance.read(out)
    if init == "mean":
        for offset, piece in enumerate(told.new_pieces):
            ids = [i for i in base.old_ids(piece) if i != base.unknown]
            if ids:
                torch.testing.assert_close(after[len(before) + offset], before[ids].mean(0))
    assert sum(told.steps[0]["rows"].values()) == 20
    model = AutoModelForMaskedLM.from_pretrained(out)
    assert model.lm_head.decoder.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    old_bias = load_file(xlmr / "model.safetensors")["lm_head.bias"]
    assert model.lm_head.bias[: len(before)].equal(old_bias)
    assert model.lm_head.decoder.bias.equal(model.lm_head.bias)
    assert model.lm_head.bias[len(before) :].abs().sum() > 0


def test_untied_output_rows(tmp_path: Path, xlmr: Path, job) -> None:
    from transformers import AutoConfig

    folder = tmp_path / "untied"
    config = AutoConfig.from_pretrained(xlmr)
    config.tie_word_embeddings = False
    torch.manual_seed(3)
    model = AutoModelForMaskedLM.from_config(config)
    with torch.no_grad():
        model.lm_head.decoder.weight.normal_()
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((xlmr / name).read_bytes())
    out = _apply("va(n=10,init=mean)", folder, job("mt"))
    after = AutoModelForMaskedLM.from_pretrained(out)
    size = config.vocab_size
    assert after.lm_head.decoder.weight[:size].equal(model.lm_head.decoder.weight)
    base = Segmenter(read_tokenizer(folder))
    piece = next(p for p in Provenance.read(out).new_pieces if any(i != base.unknown for i in base.old_ids(p)))
    row = size + Provenance.read(out).new_pieces.index(piece)
    ids = [i for i in base.old_ids(piece) if i != base.unknown]
    torch.testing.assert_close(after.lm_head.decoder.weight[row], model.lm_head.decoder.weight[ids].mean(0))


def test_wordpiece_fills_slots_as_published(bert: Path, job, texts: dict[str, Path]) -> None:
    out = _apply("va(6)", bert, job("mt"))
    vocab = json.loads((out / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    told = Provenance.read(out)
    assert [vocab[piece] for piece in told.new_pieces] == [1, 2, 3, 4, 5, 6]
    assert not any(piece.startswith("[unused") for piece in vocab)
    assert _embeddings(out).equal(_embeddings(bert))  # the published rule: rows start from the slots' own
    assert told.steps[0]["rows"] == {"mean": 0, "slot": 6, "random": 0}
    before, after = (diagnose(folder, _lines(texts["mt"])) for folder in (bert, out))
    assert after["unk_words"] < before["unk_words"]
    assert after["new_pieces_used"] == 1


def test_wordpiece_goes_on_behind_the_slots(bert: Path, job, texts: dict[str, Path]) -> None:
    out = _apply("va(30)", bert, job("mt"))
    size = len(read_tokenizer(bert)["model"]["vocab"])
    plain = AutoTokenizer.from_pretrained(out)
    told = Provenance.read(out)
    ids = [plain.convert_tokens_to_ids(piece) for piece in told.new_pieces]
    assert ids == [*range(1, 7), *range(size, size + 24)]
    assert _embeddings(out)[:size].equal(_embeddings(bert)) and len(_embeddings(out)) == size + 24
    ours = Tokenizer.from_file(str(out / "tokenizer.json"))
    lines = _lines(texts["mt"]) + _lines(texts["en"])
    assert plain(lines)["input_ids"] == [encoding.ids for encoding in ours.encode_batch(lines)]


def test_uncased_bases_get_pieces_in_their_own_normalization(bert: Path, job) -> None:
    pieces = Provenance.read(_apply("va(30)", bert, job("mt"))).new_pieces
    assert all(piece == piece.lower() for piece in pieces)
    assert not any("ż" in piece for piece in pieces), "the base strips accents, so such a piece would never be reached"


def test_the_published_selection_rule(bert: Path, texts: dict[str, Path]) -> None:
    """Against the rule as the paper's algorithm states it, written out over whole words."""
    base = Segmenter(read_tokenizer(bert))
    words = count_words([texts["mt"]])
    parts = {
        word: [p for p, _ in base.tokenizer.pre_tokenizer.pre_tokenize_str(base.normalize(word))] for word in words
    }
    counted: Counter[str] = Counter()
    for word, count in words.items():
        for part in parts[word]:
            counted[part] += count
    new = set(train_wordpiece(counted, 5000, 5, 1000))
    counts: Counter[str] = Counter()
    everywhere: Counter[str] = Counter()
    for word, count in words.items():
        b = base.tokenizer.encode(word, add_special_tokens=False).tokens
        n = [piece for part in parts[word] for piece in longest_match(part, new) or ["[UNK]"]]
        everywhere.update({p: n.count(p) * count for p in set(n)})
        if b.count("[UNK]") > n.count("[UNK]"):
            counts.update({p: n.count(p) * count for p in set(n) if p not in b})
    order = [p for p, _ in sorted(counts.items(), key=lambda e: (-e[1], e[0])) if p not in base.vocabulary]
    padding = [p for p, _ in sorted(everywhere.items(), key=lambda e: (-e[1], e[0])) if p not in base.vocabulary]
    expected = (order + [p for p in padding if p not in order])[:40]
    choice = choose_pieces(base, {"mt": texts["mt"]}, {}, 40, "unk")
    assert list(choice.pieces) == expected
    assert choice.by_rule == min(40, len(order))


@pytest.mark.parametrize("by", ["unk", "fragmentation", "frequency"])
@pytest.mark.parametrize("family", ["bert", "xlmr"])
def test_choices_repeat(family: str, by: str, job, request: pytest.FixtureRequest) -> None:
    base = request.getfixturevalue(family)
    first, second = (_apply(f"va(n=15,by={by})", base, job("mt", "ka")) for _ in range(2))
    assert (first / "tokenizer.json").read_bytes() == (second / "tokenizer.json").read_bytes()
    assert _embeddings(first).equal(_embeddings(second))
    assert len(Provenance.read(first).new_pieces) == 15


def test_fewer_candidates_than_asked_is_told(xlmr: Path, job) -> None:
    told = Provenance.read(_apply("va(5000)", xlmr, job("mt")))
    assert 0 < len(told.new_pieces) < 5000
    assert any("new pieces of 5000" in warning for warning in told.warnings)


def test_pieces_have_no_punctuation_inside(xlmr: Path, job) -> None:
    pieces = Provenance.read(_apply("va(200)", xlmr, job("mt"))).new_pieces
    assert not [p for p in pieces if len(p.strip("▁")) > 1 and any(c in ".?!" for c in p)]


def test_byte_level_bpe_is_refused(xlmr: Path, bpe_tokenizer: dict, tmp_path: Path, job) -> None:
    import shutil

    folder = tmp_path / "bpe"
    shutil.copytree(xlmr, folder)
    (folder / "tokenizer.json").write_text(json.dumps(bpe_tokenizer), "utf-8")
    with pytest.raises(ModelError, match="BPE"):
        _apply("va(3)", folder, job("mt"))


def test_wordpiece_training_on_a_known_example() -> None:
    words = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
    vocabulary = train_wordpiece(words, 100, 4, 100)
    assert vocabulary[:11] == sorted(["##g", "##n", "##s", "##u", "b", "g", "h", "n", "p", "s", "u"])
    assert vocabulary[11:14] == ["##ug", "##un", "hug"]
    assert longest_match("hugs", set(vocabulary)) == ["hugs"]
    assert longest_match("bugs", set(vocabulary)) == ["b", "##ug", "##s"]
    assert longest_match("xyz", set(vocabulary)) is None


@pytest.mark.parametrize("family", ["unigram_tokenizer", "wordpiece_tokenizer"])
def test_trimming_keeps_the_segmentation(family: str, texts: dict[str, Path], request: pytest.FixtureRequest) -> None:
    content = request.getfixturevalue(family)
    small = trimmed(content, [texts["mt"]])
    old, new = (Tokenizer.from_str(json.dumps(one)) for one in (content, small))
    for line in _lines(texts["mt"]):
        assert old.encode(line).tokens == new.encode(line).tokens
    assert new.get_vocab_size() < old.get_vocab_size()
    assert sorted(new.get_vocab().values()) == list(range(new.get_vocab_size()))


@pytest.mark.corpora
def test_xlmr_augmented_for_maltese(corpora_root: Path, tmp_path: Path) -> None:
    """On XLM-R's own tokenizer: most of the fragmentation goes, other languages stay."""
    from xlreach.adapt.unigram import with_pieces

    content = json.loads((corpora_root / "tokenizer" / "xlmr" / "tokenizer.rebuilt.json").read_text("utf-8"))
    base = Segmenter(content)
    text = tmp_path / "mt.txt"
    text.write_text("\n".join(_lines(corpora_root / "raw" / "lapt9" / "mt.txt")[:5000]), "utf-8")
    new = with_pieces(base, choose_pieces(base, {"mt": text}, {}, 1000, "fragmentation").pieces)
    folder = corpora_root / "parallel" / "ntrex128" / "NTREX-128"

    def ids(segmenter: Segmenter, code: str) -> list[list[int]]:
        lines = (folder / f"newstest2019-ref.{code}.txt").read_text("utf-8-sig").splitlines()[:500]
        return [e.ids for e in segmenter.tokenizer.encode_batch(lines, add_special_tokens=False)]

    assert sum(map(len, ids(new, "mlt"))) < 0.9 * sum(map(len, ids(base, "mlt")))
    for code in ("deu", "tur"):
        changed = sum(a != b for a, b in zip(ids(base, code), ids(new, code), strict=True))
        assert changed <= 5, code
