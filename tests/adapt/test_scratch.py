from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from xlreach.adapt import Provenance, Recipe, check_encoder, fingerprint
from xlreach.errors import DataError, ModelError

TINY = "layers=1,hidden=16,heads=2,intermediate=32,epochs=2,batch=4,max_length=32,lr=0.005"


def test_a_new_encoder_in_xlmrs_layout(job) -> None:
    from sentence_transformers import SentenceTransformer
    from transformers import AutoConfig, AutoTokenizer

    work = job("en", "ka")
    Recipe.parse(f"scratch({TINY},vocab=120)").steps[0].apply(None, work)
    check_encoder(work.out)
    config, tokenizer = AutoConfig.from_pretrained(work.out), AutoTokenizer.from_pretrained(work.out)
    assert config.model_type == "xlm-roberta" and config.vocab_size == len(tokenizer) <= 120
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert [tokenizer.convert_tokens_to_ids(t) for t in special] == [0, 1, 2, 3, len(tokenizer) - 1]
    assert tokenizer.mask_token_id == len(tokenizer) - 1 and tokenizer.model_max_length == 32
    assert tokenizer("Balo  keta")["input_ids"][0] == 0 and tokenizer("Balo")["input_ids"][-1] == 2
    assert tokenizer("Balo  keta")["input_ids"] == tokenizer(" Balo keta ")["input_ids"]
    assert config.hidden_dropout_prob == 0.1
    step = Provenance.read(work.out).steps[0]
    assert min(step["valid_loss"][1:]) < step["valid_loss"][0]
    encoder = SentenceTransformer(str(work.out), device="cpu")
    vectors = encoder.encode(["Balo keta.", "x " * 500])
    assert vectors.shape == (2, 16) and encoder.max_seq_length == 32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert Provenance.read(work.out).base == ""


def test_it_repeats_and_can_be_adapted(job) -> None:
    step = Recipe.parse(f"scratch({TINY},vocab=120,languages=[en],dtype=float32)").steps[0]
    first, second, after = job("en", "mt"), job("en", "mt"), job("mt")
    for work in (first, second):
        step.apply(None, work)
    assert fingerprint(first.out) == fingerprint(second.out)
    assert Provenance.read(first.out).steps[0]["pretrained_on"] == ["en"]
    Recipe.parse("va(9)").steps[0].apply(first.out, after)
    assert Provenance.read(after.out).recipe == (str(step), "va(9)")


@pytest.mark.parametrize("family", ["unigram_tokenizer", "wordpiece_tokenizer"])
def test_with_a_given_tokenizer(family: str, job, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    content, path = request.getfixturevalue(family), tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content), "utf-8")
    for trim in ("true", "false"):
        work = job("en")
        step = Recipe.parse(f'scratch({TINY},tokenizer="{path}",trim={trim})').steps[0]
        assert step.files() == (path,)
        step.apply(None, work)
        old, new = Tokenizer.from_file(str(path)), Tokenizer.from_file(str(work.out / "tokenizer.json"))
        lines = work.text["en"].read_text("utf-8").splitlines()
        assert all(old.encode(line).tokens == new.encode(line).tokens for line in lines)


def test_a_trimmed_vocabulary_serves_the_other_languages_too(
    job, texts: dict[str, Path], tmp_path: Path, unigram_tokenizer: dict
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(unigram_tokenizer), "utf-8")
    step = Recipe.parse(f'scratch({TINY},tokenizer="{path}")').steps[0]
    assert step.uses_others and not Recipe.parse("scratch").steps[0].uses_others
    work = job("en")
    work.others = {"mt": texts["mt"]}
    step.apply(None, work)
    old, new = Tokenizer.from_file(str(path)), Tokenizer.from_file(str(work.out / "tokenizer.json"))
    for line in texts["mt"].read_text("utf-8").splitlines():
        assert new.encode(line).tokens == old.encode(line).tokens


def test_mistakes_are_told(job, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'de'"):
        Recipe.parse("scratch(languages=[de])").steps[0].apply(None, job("en"))
    with pytest.raises(ModelError, match="Cannot be read"):
        Recipe.parse(f'scratch(tokenizer="{tmp_path}/absent.json")').steps[0].apply(None, job("en"))
    with pytest.raises(ModelError, match="needs an encoder"):
        Recipe.parse("lapt").steps[0].apply(None, job("en"))


@pytest.mark.corpora
def test_trimming_xlmrs_tokenizer_is_exact(corpora_root: Path, tmp_path: Path) -> None:
    from xlreach.adapt.trimming import trimmed

    path = corpora_root / "tokenizer" / "xlmr" / "tokenizer.rebuilt.json"
    content = json.loads(path.read_text("utf-8"))
    text = tmp_path / "text.txt"
    folder = corpora_root / "parallel" / "ntrex128" / "NTREX-128"
    lines: list[str] = []
    for code in ("mlt", "uig", "eng"):
        lines += (
            (folder / f"newstest2019-{'src' if code == 'eng' else 'ref'}.{code}.txt")
            .read_text("utf-8-sig")
            .split("\n")[:700]
        )
    text.write_text("\n".join(lines), "utf-8")
    small = trimmed(content, [text])
    old, new = (Tokenizer.from_str(json.dumps(one)) for one in (content, small))
    for a, b in zip(old.encode_batch(lines), new.encode_batch(lines), strict=True):
        assert a.tokens == b.tokens
    assert new.get_vocab_size() < 20_000
    assert [new.token_to_id(t) for t in ("<s>", "<pad>", "</s>", "<unk>")] == [0, 1, 2, 3]
    assert new.token_to_id("<mask>") == new.get_vocab_size() - 1
