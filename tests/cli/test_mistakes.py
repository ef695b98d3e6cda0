"""A user's mistake is one paragraph with file and line, exit code 2, no traceback; nothing is written, nothing lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xlreach.errors import XLReachError


def tree(*folders: Path) -> dict[str, bytes]:
    """Every file and what is in it, every folder."""
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for folder in folders
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


@pytest.fixture
def refused(xlreach, tiny, tmp_path, monkeypatch):
    """Runs a command that must be refused with the given words, and leaves everything as it was."""
    monkeypatch.setenv("XLREACH_DATA", str(tiny.data))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)

    def refuse(*arguments: object, words: list[str]) -> str:
        before = tree(tmp_path)
        done = xlreach(*arguments)
        assert done.code == 2, done
        assert done.err.startswith("xlreach: ") and done.err.strip().count("\n") == 0, done.err
        assert "Traceback" not in done.err and done.out == ""
        for word in words:
            assert word in done.err, done.err
        assert tree(tmp_path) == before
        return done.err

    return refuse


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "mt.txt"
    path.write_text("one two\nthree four\n", "utf-8")
    return path


def test_adapt(refused, tiny, tmp_path, text):
    (tmp_path / "empty.txt").write_text("\n  \n", "utf-8")
    (tmp_path / "latin.txt").write_bytes(b"fine\ncaf\xe9\n")
    encoder = tiny.encoder()

    def adapt(base: object, recipe: str, source: str, *words: str, out: str = "out") -> None:
        refused("adapt", base, recipe, "--text", source, "--out", out, words=list(words))

    adapt(encoder, "lapd", "mt=mt.txt", "recipe step 'lapd'", "Did you mean 'lapt'")
    adapt(encoder, "lapt(epoch=1)", "mt=mt.txt", "'epoch'", "Did you mean 'epochs'")
    adapt(encoder, "lapt", "mt=none.txt", "none.txt: There is no such file")
    adapt(encoder, "lapt", "xx=mt.txt", "Unknown language 'xx'")
    adapt(encoder, "lapt", "mt.txt", "names no file", "CODE=FILE")
    adapt(encoder, "none", "mt=empty.txt", "empty.txt: There is no text in the file")
    adapt(encoder, "none", "mt=latin.txt", "latin.txt:2: ", "not UTF-8")
    adapt("nowhere", "lapt", "mt=mt.txt", "'nowhere' is not a folder here")
    adapt("nowhere/", "lapt", "mt=mt.txt", "'nowhere/' is not a folder")
    adapt("package:no_such_package/model", "lapt", "mt=mt.txt", "'no_such_package'", "not installed")
    adapt(encoder, "none", "mt=mt.txt", "mt.txt exists already", out="mt.txt")
    refused(
        "adapt",
        encoder,
        "none",
        "--text",
        "mt=mt.txt",
        "--text",
        "mlt=mt.txt",
        "--out",
        "o",
        words=["'mt' is given twice"],
    )


def test_an_encoder_of_pickles_is_never_opened(refused, tiny, tmp_path, text):
    folder = Path(shutil.copytree(tiny.encoder(), tmp_path / "pickled"))
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    words = ["pickled", "pytorch_model.bin", "safetensors"]
    refused("adapt", folder, "none", "--text", "mt=mt.txt", "--out", "out", words=words)
    refused("tag", folder, "ud:qla_art", "--out", "out", words=words)
    refused("train", folder, "mono", "--pairs", "crops", "--lang", "qla", "--out", "out", words=words)
    refused("index", folder, "--text", "mt=mt.txt", "--out", "out", words=words)
    refused("search", folder, "indexes", "x", words=words)
    refused("score", folder, "folder:retrieval/artificial-test", "--out", "out", words=words)


def test_tag(refused, tiny, text):
    encoder = tiny.encoder()

    def tag(dataset: object, *words: str, **options: str) -> None:
        given = [part for name, value in {"out": "out", **options}.items() for part in (f"--{name}", value)]
        refused("tag", encoder, dataset, *given, words=list(words))

    tag("ud:qlaa_art", "'ud:qlaa_art'", "Did you mean 'ud:qla_art'")
    tag("udd:qla_art", "Unknown data set 'udd:qla_art'", "Did you mean 'ud:qla_art'")
    tag("./nowhere", "nowhere: There is no such file or folder")
    tag("text:artificial/qla", "'text:artificial/qla' is of another kind", "treebank")
    tag("ud:qla_art", "tagging task 'poss'", "Did you mean 'pos'", task="poss")
    tag("ud:qla_art", "The task ner was given a treebank", task="ner")
    tag("ner:artificial/qla", "The task pos was given an entity corpus")
    tag("ud:qla_art", "Unknown preset 'quik'", "Did you mean 'quick'", preset="quik")
    tag("ud:qla_art", "no such folder of corpora", data="nowhere")
    tag("ud:../../etc", "There is no 'ud:../../etc'")
    tag("ner:../../etc", "leads out of the data root")
    tag("ud:qla_art", "mt.txt exists already", out="mt.txt")


def test_a_damaged_treebank_or_entity_file_is_told_by_line(refused, tiny, tmp_path):
    folder = Path(shutil.copytree(tiny.data / "ud" / "artificial" / "UD_Talmari-ART", tmp_path / "treebank"))
    train = folder / "qla_art-ud-train.conllu"
    lines = train.read_text("utf-8").split("\n")
    number = next(at for at, line in enumerate(lines) if line.startswith("2\t"))
    good = lines[number]
    for bad, word in (
        (good.rpartition("\t")[0], "9 tab-separated columns"),
        (good.replace("2\t", "7\t", 1), "7"),
        ("\t".join([*good.split("\t")[:6], "99", *good.split("\t")[7:]]), "99"),
    ):
        lines[number] = bad
        train.write_text("\n".join(lines), "utf-8")
        refused("tag", tiny.encoder(), folder, "--out", "out", words=[f"{train}:{number + 1}: ", word])

    entities = Path(shutil.copytree(tiny.data / "ner" / "artificial" / "qla", tmp_path / "qla"))
    lines = (entities / "train.txt").read_text("utf-8").split("\n")
    lines[2] = "lonely"
    (entities / "train.txt").write_text("\n".join(lines), "utf-8")
    words = [f"{entities / 'train.txt'}:3: ", "1 column"]
    refused("tag", tiny.encoder(), entities, "--task", "ner", "--out", "out", words=words)


def test_train(refused, tiny):
    encoder = tiny.encoder()

    def train(alignment: str, pairs: str, lang: str, *words: str) -> None:
        refused("train", encoder, alignment, "--pairs", pairs, "--lang", lang, "--out", "out", words=list(words))

    pairs = "folder:retrieval/artificial-train"
    train("hybird", pairs, "qla", "alignment 'hybird'", "Did you mean 'hybrid'")
    train("mono", "folder:retrieval/artificial-trian", "qla", "Did you mean 'folder:retrieval/artificial-train'")
    train("mono", "ud:qla_art", "qla", "ud:qla_art has no pairs")
    train("mono", pairs, "xx", "Unknown language 'xx'")
    train("mono", pairs, "de", "No pairs for mono batches: de")
    train("cross", pairs, "qla", "No pairs for cross batches: qla")


def test_index(refused, tiny, tmp_path, text):
    encoder = tiny.encoder()
    (tmp_path / "empty.txt").write_text("", "utf-8")
    (tmp_path / "bad.jsonl").write_text('{"_id": "a", "text": "x"}\n{"_id": "b"}\n', "utf-8")
    (tmp_path / "worse.jsonl").write_text('{"_id": "a", "text": "x"}\n{"_id": \n', "utf-8")
    (tmp_path / "twice.jsonl").write_text('{"_id": "a", "text": "x"}\n' * 2, "utf-8")

    def index(text: str, *words: str, **options: str) -> None:
        given = [part for name, value in {"out": "out", **options}.items() for part in (f"--{name}", value)]
        refused("index", encoder, "--text", text, *given, words=list(words))

    index("mt=none.txt", "none.txt: There is no such file")
    index("mt", "'mt' names no file", "CODE=FILE")
    index("xx=mt.txt", "Unknown language 'xx'")
    index("mt=empty.txt", "empty.txt: There is nothing in the file")
    index("mt=bad.jsonl", "bad.jsonl:2: No field 'text'")
    index("mt=worse.jsonl", "worse.jsonl:2: Not JSON")
    index("mt=twice.jsonl", "'a' occurs twice")
    index("mt=mt.txt", "index 'Flatt'", "Did you mean 'Flat'", factory="Flatt")
    index("mt=mt.txt", "trained on 100 vectors or more, but there are only 2 documents", factory="IVF100,Flat")
    index("qla=mt.txt", "Both documents and a collection", dataset="folder:retrieval/artificial-test")
    collection = ("--dataset", "folder:retrieval/artificial-test", "--out", "out")
    refused("index", encoder, "--lang", "mt", *collection, words=["no text in 'mt'"])
    refused("index", encoder, "--lang", "mt", "--text", "mt=mt.txt", words=["'mt' is chosen without a collection"])
    refused("index", encoder, "--dataset", "ud:qla_art", words=["is of another kind"])


def test_index_updates(refused, tiny, made, tmp_path, text):
    ids = tmp_path / "ids.txt"
    ids.write_text("qla-1\nnobody\n", "utf-8")
    (tmp_path / "ids.jsonl").write_text('{"text": "x"}\n', "utf-8")
    (tmp_path / "none.txt").write_text("\n", "utf-8")

    def index(*given: object, words: list[str]) -> None:
        refused("index", made.trained, *given, "--out", made.indexes, words=words)

    index(words=["nothing to index", "--text mt=FILE"])
    index("--text", "qla=mt.txt", "--remove", "qla=ids.txt", words=["beside --remove", "--add"])
    index("--remove", "qla=ids.txt", words=["no document 'nobody'"])
    index("--remove", "qla=ids.jsonl", words=["ids.jsonl:1: No field '_id'"])
    index("--remove", "qla=none.txt", words=["none.txt: There is nothing"])
    index("--remove", "mt=ids.txt", words=["No index of 'mt'"])
    index("--text", "mt=mt.txt", "--add", words=["No index of 'mt'"])


def test_an_index_never_replaces_what_is_no_index(refused, tiny, tmp_path, text):
    (tmp_path / "out" / "mt").mkdir(parents=True)
    (tmp_path / "out" / "mt" / "thesis.txt").write_text("mine", "utf-8")
    words = ["mt: The folder is not empty and not an index"]
    refused("index", tiny.encoder(), "--text", "mt=mt.txt", "--out", "out", words=words)


def test_search(refused, tiny, made, tmp_path, text):
    def search(encoder: Path, indexes: object, *arguments: str, words: list[str]) -> None:
        refused("search", encoder, indexes, *arguments, words=words)

    (tmp_path / "empty.txt").write_text("", "utf-8")
    search(made.trained, made.indexes, words=["Give one query"])
    search(made.trained, made.indexes, "x", "--trec", "r.run", words=["Give one query"])
    search(made.trained, "nowhere", "x", words=["nowhere: No index folders here", "xlreach index"])
    search(made.trained, made.indexes, "x", "--lang", "wo", words=["No index of 'wo'", "qla"])
    search(made.trained, made.indexes, "x", "--lang", "xx", words=["Unknown language 'xx'"])
    search(made.trained, made.indexes, "--queries", "none.txt", "--trec", "r.run", words=["none.txt: Cannot be read"])
    search(made.trained, made.indexes, "--queries", "empty.txt", "--trec", "r.run", words=["nothing in the file"])
    search(made.trained, made.indexes, "--queries", "mt.txt", "--trec", "mt.txt", words=["mt.txt exists already"])
    search(
        tiny.encoder(), made.indexes, "x",
        words=["Built with the encoder trained", "but opened for another one", "Search with that encoder"],
    )  # fmt: skip


def test_a_damaged_index_is_refused(refused, made, tmp_path):
    def damaged(name: str) -> Path:
        return Path(shutil.copytree(made.indexes / "qla", tmp_path / name))

    cut = damaged("cut") / "index.faiss"
    cut.write_bytes(cut.read_bytes()[:-7])
    changed = damaged("changed") / "index.faiss"
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    texts = damaged("texts") / "ids.parquet"
    texts.write_bytes(texts.read_bytes() + b" ")
    edited = damaged("edited") / "manifest.json"
    manifest = json.loads(edited.read_text("utf-8"))
    edited.write_text(json.dumps({**manifest, "count": 3}), "utf-8")
    broken = damaged("broken") / "manifest.json"
    broken.write_text("{", "utf-8")
    gone = damaged("gone") / "ids.parquet"
    gone.unlink()
    for path, word in (
        (cut, "bytes"), (changed, "checksum"), (texts, "bytes"), (edited, "edited"), (broken, "Not a manifest"),
        (gone, "is missing"),
    ):  # fmt: skip
        refused("search", made.trained, path.parent, "x", words=[f"{path}: ", word])


def test_score(refused, tiny, tmp_path):
    encoder, dataset = tiny.encoder(), "folder:retrieval/artificial-test"

    def score(name: object, *words: str, **options: str) -> None:
        given = [part for key, value in {"out": "out", **options}.items() for part in (f"--{key}", value)]
        refused("score", encoder, name, *given, words=list(words))

    score(dataset, "Unknown measure 'nDGC@10'", "Did you mean 'nDCG'", measure="nDGC@10")
    score(dataset, "setting 'cros'", "Did you mean 'cross'", setting="cros")
    score(dataset, "no text in 'de'", lang="de")
    score(dataset, "index 'Flatt'", factory="Flatt")
    score("folder:retrieval/none", "no folder 'retrieval/none'")
    score("ud:qla_art", "is of another kind", "retrieval collection")
    score("xquad-r", "There is no")
    folder = Path(shutil.copytree(tiny.data / "retrieval" / "artificial-test", tmp_path / "collection"))
    lines = (folder / "qrels.tsv").read_text("utf-8").split("\n")
    lines[3] = lines[3].rpartition("\t")[0]
    (folder / "qrels.tsv").write_text("\n".join(lines), "utf-8")
    score(folder, f"{folder / 'qrels.tsv'}:4: ", "separated by tabs")
    (folder / "corpus.jsonl").write_text("", "utf-8")
    score(folder, str(folder))


def test_run_folders_and_languages(refused, tmp_path):
    refused("compare", "nowhere", words=["nowhere: No run here"])
    refused("report", "nowhere", words=["nowhere", "Cannot be read"])
    refused("languages", "xx", words=["Unknown language 'xx'"])
    refused("languages", "Maltesse", words=["Did you mean 'mt' (Maltese)"])


def test_run(refused, tiny, tmp_path):
    refused("run", "none.yaml", "--root", tiny.root, words=["none.yaml: Cannot be read"])
    refused("run", tiny.config, "--root", "r", "--set", "preset=quik", words=["--set preset", "Did you mean 'quick'"])
    (tmp_path / "file").write_text("", "utf-8")
    refused("run", tiny.config, "--root", "file", words=["file"])


def test_a_broken_treebank_stops_a_study_with_its_line(xlreach, tiny, data, tmp_path):
    """What was finished is kept; put right, the study goes on."""
    train = data / "ud" / "artificial" / "UD_Talmari-ART" / "qla_art-ud-train.conllu"
    good = train.read_text("utf-8")
    train.write_text(good.replace("\t_\n", "\n", 1), "utf-8")
    number = next(at for at, line in enumerate(train.read_text("utf-8").split("\n"), 1) if line.count("\t") == 8)
    root = tmp_path / "root"
    for kind in ("text", "adapt", "diagnose"):
        shutil.copytree(tiny.root / "artifacts" / kind, root / "artifacts" / kind)
    only = ("--set", f"data={data}", "--set", "recipes=[none]", "--set", "retrieval=[]", "--set", "hypotheses=[]",
            "--set", "tagging=['pos(limit=4)']")  # fmt: skip
    done = xlreach("run", tiny.config, "--root", root, *only)
    assert done.code == 2 and done.err.startswith(f"xlreach: {train}:{number}: 9 tab-separated columns"), done
    assert done.err.count("\n") == 1
    assert "failed   tag      pos(limit=4) on ud:qla_art: small, none for qla, seed 1" in done.out.splitlines()
    assert not (root / "runs").exists() and len(list((root / "artifacts" / "tag").iterdir())) == 1
    assert not list((root / "artifacts" / ".work").iterdir())
    train.write_text(good, "utf-8")
    done = xlreach("run", tiny.config, "--root", root, *only)
    assert done.code == 0 and sum(line.startswith("[") for line in done.out.splitlines()) == 1
    assert (root / "runs" / "tiny" / "report.html").exists()


def test_what_the_machine_refuses_is_no_traceback(xlreach, tiny, text):
    """A folder to write below a file, and a disk that is full."""
    done = xlreach("adapt", tiny.encoder(), "none", "--text", f"mt={text}", "--out", text / "below" / "out")
    assert done.code == 2 and done.err == f"xlreach: {text / 'below'}: Not a directory.\n"


def test_a_defect_of_ours_is_not_hidden(monkeypatch):
    from xlreach import cli

    def broken(**_: object) -> None:
        raise FileNotFoundError(2, "No such file", "inside")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(FileNotFoundError):
        cli.main()


def test_an_interruption_is_told(monkeypatch, capsys):
    from xlreach import cli

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    assert leaving.value.code == 130 and capsys.readouterr().err.startswith("xlreach: interrupted.")


def test_an_interruption_after_the_end_is_not_heard():
    late = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT)"
    program = f"{late}; import sys; sys.argv[1:] = ['--version']; from xlreach.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("xlreach ") and not done.stderr


def test_wrong_use_of_the_command_line_itself(xlreach):
    for arguments in (
        ["frobnicate"],
        ["run"],
        ["search", "a", "b", "c", "-k", "0"],
        ["run", "x.yaml", "--sett", "a=1"],
    ):
        done = xlreach(*arguments)
        assert done.code == 2 and "Traceback" not in done.err and "-h" in done.err


def test_errors_are_one_line():
    assert "\n" not in str(XLReachError("Seen.", expected="Expected.", fix="Fix.", path="p", line=1))
