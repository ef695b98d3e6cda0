"""Hostile names, YAML, model folders, tables and links: refused by name, nothing run, nothing read outside."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xlreach.adapt.encoder import check_encoder, fingerprint
from xlreach.adapt.transliterate import read_table
from xlreach.corpora.formats import lines as text_lines
from xlreach.corpora.registry import open_dataset
from xlreach.errors import ConfigError, DataError, ModelError, StoreError, XLReachError
from xlreach.languages import extend_languages
from xlreach.retrieval.encoding import TextEncoder
from xlreach.safe_io import parse_json, parse_yaml, read_yaml
from xlreach.study.config import load_config
from xlreach.study.experiment import load_experiment
from xlreach.study.paths import StudyPaths
from xlreach.study.run import run_study

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
TAGS = ("!!python/object/apply:os.system ['touch {mark}']", "!!python/name:os.system", "!!python/object/new:os.x []")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A data root, and beside it what no name may reach."""
    root = tmp_path / "root"
    outside = tmp_path / "outside"
    outside.mkdir()
    for folder in ("raw/x", "ud", "ner", "parallel/x", "retrieval"):
        (root / folder).mkdir(parents=True)
    for name in ("mt.txt", "en.txt", "train.txt", "mt_x-ud-test.conllu"):
        (outside / name).write_text("secret\tO\n", "utf-8")
    for name, content in (
        ("corpus.jsonl", '{"_id": "d", "text": "secret", "language": "mt"}\n'),
        ("queries.jsonl", '{"_id": "q", "text": "secret", "language": "mt"}\n'),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq\td\t1\n"),
    ):
        (outside / name).write_text(content, "utf-8")
    return root


@pytest.mark.parametrize("way", ["../outside", "x/../../outside", "{absolute}", "..\\\\outside", "./../outside"])
@pytest.mark.parametrize("kind", ["ud:{}", "ner:{}", "text:{}/mt", "bitext:{}", "verses:{}", "folder:{}", "pos:{}"])
def test_no_name_of_data_leads_out_of_the_root(secret, kind, way):
    name = kind.format(f'"{way}"' if "\\" in way else way).replace("{absolute}", str(secret.parent / "outside"))
    with pytest.raises(XLReachError):
        open_dataset(name, secret)


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "..", ".", "", "a\0b", "x" * 300, "-rf", "~x"])
def test_no_name_of_a_study_is_a_path(tmp_path, tiny_config, name):
    path = tmp_path / "study.yaml"
    path.write_text(tiny_config, "utf-8")
    with pytest.raises(ConfigError):
        load_config(path, [f"study={json.dumps(name)}"])


def test_links_in_place_of_folders_are_not_followed(tiny, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "report.html").write_text("mine", "utf-8")
    for name in ("runs", "encoders", "indexes"):
        root = tmp_path / name
        (root / name).mkdir(parents=True)
        (root / name / "tiny").symlink_to(mine)
        with pytest.raises(StoreError, match="is a link"):
            run_study(load_config(tiny.config), StudyPaths(root), lambda _: None)
    assert (mine / "report.html").read_text("utf-8") == "mine"


def test_a_card_of_a_data_set_leads_nowhere_else(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (tmp_path / "secret.jsonl").write_text('{"sentence1": "a", "sentence2": "b"}\n', "utf-8")
    card = "---\nconfigs:\n- config_name: mlt-eng\n  data_files:\n  - split: test\n    path: {}\n---\n"
    for pattern in ("../secret.jsonl", str(tmp_path / "secret.jsonl")):
        (copy / "README.md").write_text(card.format(pattern), "utf-8")
        with pytest.raises(DataError, match="leads out"):
            open_dataset(f"hub:{copy}", tmp_path)
    (copy / "README.md").write_text(card.format('"*.jsonl"'), "utf-8")
    (copy / "test.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with pytest.raises(DataError, match="leads out"):
        open_dataset(f"hub:{copy}", tmp_path)


@pytest.mark.parametrize("tag", TAGS)
def test_yaml_builds_nothing(tmp_path, tag):
    mark = tmp_path / "mark"
    path = tmp_path / "x.yaml"
    path.write_text("study: " + tag.format(mark=mark) + "\n", "utf-8")
    for read in (load_config, load_experiment, extend_languages, read_table, read_yaml):
        with pytest.raises(XLReachError):
            read(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [BOMB, "a: &a [*a]\n", "a: &a {b: *a}\n", "[" * 50_000, "a: {b: " * 20_000])
def test_yaml_does_not_grow(tmp_path, content):
    path = tmp_path / "x.yaml"
    path.write_text(content, "utf-8")
    begun = time.process_time()  # the machine may be busy
    for read in (load_config, load_experiment, extend_languages, read_table, read_yaml):
        with pytest.raises(XLReachError):
            read(path)
    assert time.process_time() - begun < 20
    assert parse_yaml("a: &a [1]\nb: *a\n") == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    "content", ["[" * 200_000, '{"a":' * 100_000, "9" * 10_000, '"\\ud800"', '{"a": "\\udfff\\ud800"}']
)
def test_json_does_not_overflow(content):
    with pytest.raises(DataError):
        parse_json(content)
    assert parse_json('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


class _Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.fixture
def encoder(tiny, tmp_path) -> Path:
    return Path(shutil.copytree(tiny.encoder(alignment="hybrid"), tmp_path / "encoder"))


def test_pickles_are_never_opened(encoder, tmp_path):
    mark = tmp_path / "mark"
    evil = pickle.dumps(_Evil(mark))
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "1_Pooling/pytorch_model.bin"):
        (encoder / name).write_bytes(evil)
    with pytest.raises(ModelError, match="pickled"):  # in a module, without safetensors beside it
        TextEncoder(encoder)
    (encoder / "1_Pooling" / "pytorch_model.bin").unlink()
    TextEncoder(encoder).encode(["a"])
    (encoder / "model.safetensors").unlink()
    for refused in (check_encoder, fingerprint, TextEncoder):
        with pytest.raises(ModelError, match="pickled"):
            refused(encoder)
    assert not mark.exists()


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_a_model_is_never_run(encoder, tmp_path, file):
    mark = tmp_path / "mark"
    (encoder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n", "utf-8")
    content = json.loads((encoder / file).read_text("utf-8"))
    classes = {"AutoModel": "evil.Model", "AutoConfig": "evil.Config", "AutoTokenizer": ["evil.Tokenizer", None]}
    (encoder / file).write_text(json.dumps({**content, "auto_map": classes}), "utf-8")
    with pytest.raises(ModelError, match="its own code"):
        TextEncoder(encoder)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ({"idx": 0, "name": "0", "path": "", "type": "evil.Module"}, "its own code"),
        ({"idx": 0, "name": "0", "path": "/", "type": "sentence_transformers.models.Pooling"}, "leads out"),
        ({"idx": 0, "name": "0", "path": "../..", "type": "sentence_transformers.models.Pooling"}, "leads out"),
        ("x", "not a list of modules"),
    ],
)
def test_modules_stay_in_the_folder(encoder, module, message):
    modules = json.loads((encoder / "modules.json").read_text("utf-8"))
    (encoder / "modules.json").write_text(json.dumps([*modules, module]), "utf-8")
    for refused in (check_encoder, fingerprint, TextEncoder):
        with pytest.raises(ModelError, match=message):
            refused(encoder)


def test_a_table_that_unpacks_without_end_is_refused(tmp_path):
    """Sixteen rows of 128 MiB of one letter, which compress to less than a hundred-thousandth."""
    path = tmp_path / "mt" / "train.parquet"
    path.parent.mkdir()
    cell = pa.array(["a" * (128 << 20)])
    table = pa.table({"text": pa.chunked_array([cell] * 9)})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match="unpack"):
        open_dataset(f"hub:{path.parent}(language=mt)", tmp_path)


def test_an_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "_LONGEST", 1 << 10)
    path = tmp_path / "mt.txt"
    path.write_bytes(b"a" * ((1 << 10) - 2) + b"\n" + b"b\n")
    assert len(list(text_lines.read_lines(path))) == 2
    path.write_bytes(b"b\n" + b"a" * (1 << 10))
    with pytest.raises(DataError, match="or more"):
        list(text_lines.read_lines(path))


def test_a_gzip_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "_MOST_UNPACKED", 1 << 16)
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress(b"aaaaaaa\n" * 1_000_000))
    with pytest.raises(DataError, match="Unpacks to more"):
        list(text_lines.read_lines(path))
    path.write_bytes(gzip.compress(b"some words\n" * 1_000))
    assert len(list(text_lines.read_lines(path))) == 1_000


def test_an_error_steers_no_terminal(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes("tok\x1b]0;owned\x07\u202e\tBAD\x1b[2J\n".encode())
    with pytest.raises(DataError) as caught:
        list(open_dataset(str(path), tmp_path).read("train"))
    assert "\x1b" not in str(caught.value) and "\u202e" not in str(caught.value)
    shown = str(DataError("\udc80" + "x" * 100_000))
    assert len(shown) < 3000 and shown.encode("utf-8")
