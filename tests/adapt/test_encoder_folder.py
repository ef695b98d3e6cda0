from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xlreach.adapt import Provenance, Recipe, check_encoder, fingerprint, resolve_base
from xlreach.adapt.pipeline import apply_step
from xlreach.errors import ModelError, SpecError

TEXTS = ["Balo keta mina.", "Ħaża waġe xita?", "a", "lo " * 100]


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_fingerprint_ignores_place_card_and_layout(xlmr: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(xlmr, copy)
    (copy / "README.md").write_text("another card", "utf-8")
    _edit(copy / "config.json", transformers_version="0", _name_or_path="x")
    assert fingerprint(copy) == fingerprint(xlmr)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
def test_fingerprint_sees_a_change_of_content(xlmr: Path, tmp_path: Path, file: str) -> None:
    copy = tmp_path / "changed"
    shutil.copytree(xlmr, copy)
    if file.endswith(".json"):
        _edit(copy / file, changed=1)
    else:
        data = bytearray((copy / file).read_bytes())
        data[-1] ^= 1
        (copy / file).write_bytes(bytes(data))
    assert fingerprint(copy) != fingerprint(xlmr)


def test_fingerprint_sees_modules(bert: Path, tmp_path: Path) -> None:
    copy = tmp_path / "changed"
    shutil.copytree(bert, copy)
    _edit(copy / "1_Pooling" / "config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    assert fingerprint(copy) != fingerprint(bert)


def test_unusable_folders_are_refused(xlmr: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such"):
        check_encoder(tmp_path / "absent")
    copy = tmp_path / "copy"
    shutil.copytree(xlmr, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled"):
        check_encoder(copy)
    (copy / "pytorch_model.bin").rename(copy / "model.safetensors")
    _edit(copy / "config.json", auto_map={"AutoModel": "model.Model"})
    with pytest.raises(ModelError, match="own code"):
        check_encoder(copy)
    (copy / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json"):
        check_encoder(copy)


def test_resolving_a_base(xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_base(str(xlmr)) == xlmr.resolve()
    package = tmp_path / "toy_package"
    shutil.copytree(xlmr, package / "sub" / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert resolve_base("package:toy_package/sub/model") == package / "sub" / "model"
    with pytest.raises(ModelError, match="no folder"):
        resolve_base("package:toy_package/../..")
    with pytest.raises(ModelError, match="not installed"):
        resolve_base("package:no_such_package_here/x")
    with pytest.raises(ModelError):
        resolve_base("./no/such/folder")


def test_recipes_print_back() -> None:
    recipe = Recipe.parse("translit(auto) + va + lapt(epochs=2, lr=1e-4)")
    assert str(recipe) == "translit(auto)+va(99)+lapt(epochs=2,lr=0.0001)"
    assert Recipe.parse(str(recipe)) == recipe
    assert Recipe.parse("scratch").starts and not recipe.starts
    for wrong in ("none+lapt", "lapt+scratch", "lapd", "va(0)", "scratch(hidden=30,heads=4)"):
        with pytest.raises(SpecError):
            Recipe.parse(wrong)


_PLAIN = """
import sys, json
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'xlreach':
            raise ImportError('blocked')
sys.meta_path.insert(0, Blocker())
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer
texts, found = json.loads(sys.argv[1]), []
for folder in sys.argv[2:]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors='pt')
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(folder).eval()(**batch).last_hidden_state
    weights = batch['attention_mask'].unsqueeze(-1)
    pooled = torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)
    _, info = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    found.append({
        'vectors': SentenceTransformer(folder, device='cpu').encode(texts).tolist(), 'pooled': pooled.tolist(),
        'ids': tokenizer(texts)['input_ids'], 'mask': tokenizer.mask_token_id, 'missing': sorted(info['missing_keys']),
    })
assert 'xlreach' not in sys.modules
print('RESULT' + json.dumps(found))
"""


def _plainly(*folders: Path) -> list[dict]:
    """Vectors and ids from a process that cannot import the toolkit."""
    command = [sys.executable, "-c", _PLAIN, json.dumps(TEXTS), *map(str, folders)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.split("RESULT")[1])


def _ours(folder: Path) -> dict[str, list]:
    """Vectors and ids by the parts: tokenizer.json and the weights, nothing that guesses classes."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.truncation is None and tokenizer.padding is None
    length = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["model_max_length"]
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    model = AutoModel.from_pretrained(folder).eval()
    vectors = []
    for one in ids:
        cut = one if len(one) <= length else [*one[: length - 1], one[-1]]
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([cut]), attention_mask=torch.ones(1, len(cut), dtype=torch.long))
        vector = hidden.last_hidden_state[0].mean(0)
        vectors.append((vector / vector.norm()).tolist())
    mask = next(tokenizer.token_to_id(t) for t in ("<mask>", "[MASK]") if tokenizer.token_to_id(t) is not None)
    return {"vectors": vectors, "ids": ids, "mask": mask}


def test_plain_libraries_load_the_folders(xlmr: Path, bert: Path, job) -> None:
    untouched, first, second = job("mt"), job("mt"), job("mt", base="toy")
    apply_step(Recipe.parse("none").steps[0], xlmr, untouched)
    apply_step(Recipe.parse("va(9)").steps[0], bert, first)
    apply_step(Recipe.parse("lapt(epochs=1,batch=4,max_length=32)").steps[0], first.out, second)
    folders = (untouched.out, second.out)
    for folder, got in zip(folders, _plainly(*folders), strict=True):
        expected = _ours(folder)
        np.testing.assert_allclose(got["vectors"], expected["vectors"], atol=1e-5)
        np.testing.assert_allclose(got["pooled"], expected["vectors"], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(got["vectors"], axis=1), 1, atol=1e-5)
        assert (got["ids"], got["mask"], got["missing"]) == (expected["ids"], expected["mask"], [])
    assert Provenance.read(untouched.out).recipe == ("none",) and Provenance.read(untouched.out).base == "base"
    told = Provenance.read(second.out)
    assert told.recipe == ("va(9)", "lapt(epochs=1,batch=4,max_length=32)")
    assert told.base == "toy" and told.languages == ("mt",) and len(told.new_pieces) == 9
    assert any("masked-language-model head" in warning for warning in told.warnings)
    assert json.loads((second.out / "sentence_bert_config.json").read_text())["max_seq_length"] == 48
    assert not list(second.out.glob("*.bin"))
    assert "Recipe: `va(9)+lapt" in (second.out / "README.md").read_text("utf-8")


def test_pooler_weights_are_kept(bert: Path, job) -> None:
    from safetensors.torch import load_file

    work = job("mt")
    apply_step(Recipe.parse("va(2)").steps[0], bert, work)
    before, after = load_file(bert / "model.safetensors"), load_file(work.out / "model.safetensors")
    assert after["bert.pooler.dense.weight"].equal(before["pooler.dense.weight"])


def test_importing_the_room_loads_no_model_library() -> None:
    code = "import sys, xlreach.adapt; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
