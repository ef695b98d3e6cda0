"""Text to ids through plain AutoTokenizer and plain SentenceTransformer, on XLM-R's own tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from xlreach.adapt import Provenance, Recipe

pytestmark = pytest.mark.corpora

XLMR = {  # as XLM-R's tokenizer gives them
    "Hello world!": [0, 35378, 8999, 38, 2],
    "Il-ħabbar": [0, 891, 9, 245766, 10545, 147, 2],
    "ئۇيغۇر تىلى": [0, 26152, 138814, 2],
    "你好，世界": [0, 6, 124084, 4, 3221, 2],
}


@pytest.fixture(scope="module")
def base(corpora_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XLM-R as it comes from the hub, but narrow: its own tokenizer class, no sentence-transformers modules."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    folder = tmp_path_factory.mktemp("golden") / "xlmr"
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=250002, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    shutil.copyfile(corpora_root / "tokenizer" / "xlmr" / "tokenizer.rebuilt.json", folder / "tokenizer.json")
    told = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512, "mask_token": "<mask>"}
    told |= {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"pad_token": "<pad>"}), "utf-8")
    return folder


def _plain_ids(folder: Path, texts: list[str]) -> list[list[int]]:
    """Through the two plain libraries, which must agree with each other and with tokenizer.json as it lies there."""
    from sentence_transformers import SentenceTransformer
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(folder)(texts)["input_ids"]
    assert found == [one.ids for one in Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(texts)]
    encoder = SentenceTransformer(str(folder), device="cpu")
    for text, ids in zip(texts, found, strict=True):
        assert encoder.tokenize([text])["input_ids"][0].tolist() == ids
    return found


def test_xlmrs_own(base: Path, job) -> None:
    work = job()
    Recipe.parse("none").steps[0].apply(base, work)
    assert _plain_ids(work.out, list(XLMR)) == list(XLMR.values())


def test_an_augmented_one(base: Path, job, corpora_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "mt.txt"
    with (corpora_root / "raw" / "lapt9" / "mt.txt").open(encoding="utf-8") as stream:
        path.write_text("".join(line for line, _ in zip(stream, range(1500), strict=False)), "utf-8")
    work = job()
    work.text = {"mt": path}
    Recipe.parse("va(n=60,init=random)").steps[0].apply(base, work)
    new = Provenance.read(work.out).new_pieces
    got = dict(zip(XLMR, _plain_ids(work.out, list(XLMR)), strict=True))
    unchanged = [text for text in XLMR if text != "Il-ħabbar"]
    assert [got[text] for text in unchanged] == [XLMR[text] for text in unchanged]
    assert len(new) == 60
    (used,) = _plain_ids(work.out, [" ".join(piece.replace("▁", "") for piece in new)])
    assert set(used) & set(range(250002, 250062))


def test_a_transliterating_one(base: Path, job, tmp_path: Path) -> None:
    path = tmp_path / "ug.txt"
    path.write_text("ئۇيغۇر تىلى\n", "utf-8")
    work = job()
    work.text = {"ug": path}
    Recipe.parse("translit(auto)").steps[0].apply(base, work)
    native, latin = _plain_ids(work.out, ["ئۇيغۇر تىلى", "uyğur tili"])
    assert native == latin != XLMR["ئۇيغۇر تىلى"]
    assert _plain_ids(work.out, ["Hello world!"]) == [XLMR["Hello world!"]]
