"""Cost against size: seconds, memory and disk of every stage at four sizes, each twice the last; JSON and a chart.

Every measurement is a process of its own, so that one's memory is not another's. Texts are made up; encoders have
random weights (speed and memory do not depend on them) and the shape `small` (6 layers, 384 wide) or `base` (12 layers,
768 wide, 250,000 pieces, as XLM-R base). The stage `passages` is the claim of one machine: short passages are encoded
(by one layer, 384 wide) and indexed, streaming, and its memory at 5 million is read off its slope.

`exponent` is the slope on logarithmic axes from the first size to the last (1: twice the size costs twice); `ratio` is
how many times more than linear the last size costs, over what the first would say. `--quick` ends within minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

LINE_WORDS, PASSAGE_WORDS, WORDS, DIMENSION = 15, 24, 20_000, 384
SIZES = {  # the largest, and what it counts
    "text": (400_000, "lines"),
    "vocabulary": (100_000, "lines"),
    "lapt": (4_000, "lines"),
    "diagnose": (40_000, "lines"),
    "tag": (200, "sentences"),
    "align": (512, "pairs"),
    "encode": (8_192, "passages"),
    "index Flat": (200_000, "passages"),
    "index IVF256,SQ8": (200_000, "passages"),
    "score": (200_000, "passages"),
    "passages": (65_536, "passages"),
}
SHAPES = {"line": (1, 384, WORDS), "small": (6, 384, WORDS), "base": (12, 768, 250_000)}  # layers, width, pieces
EXTRAPOLATED = 5_000_000


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="sizes a sixteenth as large")
    parser.add_argument("--stage", action="append", choices=SIZES, help="only this one; may be repeated")
    parser.add_argument("--largest", type=int, help="the largest size, in place of the stage's own")
    parser.add_argument("--shape", choices=("small", "base"), default="small", help="of the encoders")
    parser.add_argument("--out", type=Path, help="a folder for scale.json and scale.svg")
    parser.add_argument("--one", nargs=2, metavar=("STAGE", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return print(json.dumps(measure(options.one[0], int(options.one[1]), options.shape)))
    stages = []
    for name, (largest, _) in SIZES.items():
        if not options.stage or name in options.stage:
            stages.append(curve(name, (options.largest or largest) // (16 if options.quick else 1), options.shape))
            report = summary(stages, options.shape)
            if options.out:  # after every stage: what is measured is kept
                options.out.mkdir(parents=True, exist_ok=True)
                (options.out / "scale.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
                (options.out / "scale.svg").write_text(draw(stages), "utf-8")
    return print(json.dumps(report))


def summary(stages: list[dict[str, Any]], shape: str) -> dict[str, Any]:
    """What is printed of the stages measured so far."""
    worst = max(stages, key=lambda stage: stage["exponent"])
    return {
        "benchmark": "scale",
        "ratio": round(1 / worst["superlinear"], 2),
        "ours": worst["exponent"],
        "theirs": 1.0,
        "unit": "exponent of seconds against size, of the worst stage",
        "against": "linear cost",
        "equal": None,
        "worst": worst["stage"],
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "shape": shape,
        "rows": stages,
    }


def curve(stage: str, largest: int, shape: str) -> dict[str, Any]:
    """A stage at four sizes, and what they say of others."""
    points = []
    for size in (largest // 8, largest // 4, largest // 2, largest):
        command = [sys.executable, __file__, "--one", stage, str(size), "--shape", shape]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        points.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{stage} {points[-1]}", file=sys.stderr)
    first, last = points[0], points[-1]
    grown = last["seconds"] / first["seconds"]
    rate = (last["size"] - first["size"]) / (last["seconds"] - first["seconds"])
    found: dict[str, Any] = {
        "stage": stage,
        "unit": SIZES[stage][1],
        "points": points,
        "exponent": round(math.log(grown) / math.log(last["size"] / first["size"]), 3),
        "superlinear": round(grown / (last["size"] / first["size"]), 3),
        "per_second": round(rate, 1),
    }
    if "tokens" in last:
        found["tokens_per_second"] = round(last["tokens"] / last["size"] * rate, 1)
    for name in ("resident_mb", "own_mb", "disk_mb"):
        found[f"{name}_per_million"] = round(
            (last[name] - points[1][name]) / (last["size"] - points[1]["size"]) * 1e6, 1
        )
    if stage == "passages":
        more = (EXTRAPOLATED - last["size"]) / 1e6
        found["at_5_million"] = {
            "hours": round(EXTRAPOLATED / rate / 3600, 2),
            **{
                name: round(last[name] + more * found[f"{name}_per_million"])
                for name in ("resident_mb", "own_mb", "disk_mb")
            },
        }
    return found


def measure(stage: str, size: int, shape: str) -> dict[str, Any]:
    """One stage at one size, in this process: seconds and peak memory of the work without its preparation.

    `resident_mb` is all that is resident, pages of mapped files among it; `own_mb` is what the kernel cannot drop;
    `cpu_seconds` are those of all threads, which other work on the machine does not change much.
    """
    with tempfile.TemporaryDirectory() as folder:
        cost: dict[str, float] = {}
        work, made = prepared(stage, size, shape, Path(folder), cost)
        before, stop = own_memory(), threading.Event()
        peak = [before]

        def watch() -> None:
            while not stop.wait(0.05):
                peak[0] = max(peak[0], own_memory())

        thread = threading.Thread(target=watch)
        thread.start()
        start, computed = time.perf_counter(), time.process_time()
        work()
        seconds, computed = time.perf_counter() - start, time.process_time() - computed
        stop.set()
        thread.join()
        disk = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    return {
        "size": size,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(computed, 2),
        "resident_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "own_mb": round(peak[0] / 2**20, 1),
        "disk_mb": round(disk / 2**20, 1),
        **({"tokens": cost["tokens"]} if "tokens" in cost else {}),
    }


def own_memory() -> int:
    """Bytes of this process that are in no file (on Linux; elsewhere 0)."""
    status = Path("/proc/self/status")
    lines = status.read_text("utf-8").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def prepared(stage: str, size: int, shape: str, folder: Path, cost: dict[str, float]) -> tuple[Callable[[], Any], Path]:
    """What is to be timed, and the folder that its results will be in."""
    out = folder / "out"
    out.mkdir()
    kind, _, factory = stage.partition(" ")
    if kind == "text":
        from xlreach.adapt.clean_text import prepare_text

        made = lines_to(folder / "lines.txt", size)

        def prepare() -> None:
            with made.open(encoding="utf-8") as lines:
                prepare_text({"xx": lines}, out)

        return prepare, out
    if kind in ("vocabulary", "lapt"):
        from xlreach.adapt.recipe import Job, Recipe

        lines_to(folder / "xx.txt", size)
        source = encoder(folder / "encoder", shape, masked=True)
        step = Recipe.parse("va(99)" if kind == "vocabulary" else "lapt(epochs=1,valid=0.01)").steps[0]
        job = Job(out=out, text={"xx": folder / "xx.txt"}, seed=1, checkpoint=folder, cost=cost)
        return lambda: step.apply(source, job), out
    if kind == "diagnose":
        from xlreach.adapt.diagnostics import diagnose, pseudo_perplexity
        from xlreach.corpora.formats.lines import read_lines

        text, source = lines_to(folder / "xx.txt", size), encoder(folder / "encoder", shape, masked=True)
        return lambda: (diagnose(source, read_lines(text)), pseudo_perplexity(source, read_lines(text))), out
    if kind == "align":
        from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
        from xlreach.retrieval.alignment import ALIGNMENTS
        from xlreach.retrieval.alignment_training import train_alignment

        paths = {code: lines_to(folder / code, size, seed) for seed, code in enumerate(("en", "mt"))}
        pairs = ParallelText("made-up", [AlignedFiles("", paths)])
        source, chosen = encoder(folder / "encoder", shape), ALIGNMENTS.parse(f"cross(steps={size // 32},batch=32)")
        return lambda: train_alignment(
            chosen, source, [pairs], ["en", "mt"], seed=1, out=out / "aligned", cost=cost
        ), out
    if kind == "tag":
        from xlreach.corpora.artificial import ARTIFICIAL, generate
        from xlreach.corpora.registry import open_dataset
        from xlreach.tagging.tagging_run import run_tagging

        generate(ARTIFICIAL.parse(f"artificial(treebank={size})"), folder / "data")
        data, source = open_dataset("ud:qla_art", folder / "data"), encoder(folder / "encoder", shape)
        return lambda: run_tagging("pos", source, data, preset="quick", out=out, cost=cost), out
    if kind in ("encode", "passages"):
        from xlreach.retrieval.encoding import TextEncoder
        from xlreach.retrieval.index import build_index

        opened = TextEncoder(encoder(folder / "encoder", "line" if kind == "passages" else shape))
        passages = texts(size, PASSAGE_WORDS)
        if kind == "encode":
            return lambda: opened.encode_stream(passages, out / "vectors"), out
        return lambda: build_index(opened, documents(passages), out / "xx"), out
    from xlreach.retrieval.index import build_index
    from xlreach.scoring.evaluation import evaluate

    given = given_vectors(folder)
    numbers = map(str, range(size))
    if kind == "index":
        return lambda: build_index(given, documents(numbers), out / "xx", factory), out
    index = build_index(given, documents(numbers), folder / "xx", language="mt")
    asked = questions(size)
    return lambda: evaluate(given, asked, {"mt": index}, measures=["nDCG@10", "AP"], settings=["mono"], out=out), out


def texts(count: int, words: int, seed: int = 0) -> Iterator[str]:
    """Lines of made-up words, frequent and rare as in natural text."""
    rng = np.random.default_rng(seed)
    known = vocabulary()
    for start in range(0, count, 4096):
        rows = np.minimum(rng.zipf(1.3, (min(4096, count - start), words)) - 1, WORDS - 1)
        yield from (" ".join([known[n] for n in row]) for row in rows.tolist())


def lines_to(path: Path, count: int, seed: int = 0) -> Path:
    """A file of so many lines."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(line + "\n" for line in texts(count, LINE_WORDS, seed))
    return path


def vocabulary() -> list[str]:
    """As many words as there are, of consonants and vowels."""
    parts = [a + b for a in "bdfghklmnprstvz" for b in "aeiou"]
    return [parts[n % 75] + parts[n // 75 % 75] + parts[n // 5625] for n in range(WORDS)]


def documents(passages: Iterable[str]) -> Iterator[Any]:
    """Passages with ids."""
    from xlreach.corpora.collection import Document

    return (Document(f"passage-{number}", "mt", text) for number, text in enumerate(passages))


def encoder(folder: Path, shape: str, masked: bool = False) -> Path:
    """A BERT-like folder with a piece for each word."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast

    layers, width, pieces = SHAPES[shape]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list("abcdefghijklmnopqrstuvwxyz")
    known = [*special, *letters, *("##" + one for one in letters), *vocabulary()]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=512, **names
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=max(pieces, len(known)),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
    )
    (BertForMaskedLM(config) if masked else BertModel(config, add_pooling_layer=False)).save_pretrained(folder)
    return folder


def given_vectors(folder: Path) -> Any:
    """An encoder to which the text `7` means a vector made from the number 7, so that encoding costs little."""
    from xlreach.retrieval.encoding import TextEncoder

    base = np.random.default_rng(0).normal(size=(32_768, DIMENSION)).astype(np.float32)

    class GivenVectors(TextEncoder):
        def __init__(self) -> None:
            self.path, self.fingerprint, self.pooling = folder, "given", "mean"
            self.max_length, self.dtype, self.prompts, self.dimension = None, "fp32", {}, DIMENSION

        def encode(self, texts: Sequence[str], prompt: str | None = None) -> Any:
            rows = np.array([int(text) for text in texts])
            vectors = base[rows % len(base)] + 0.5 * base[rows * 7919 % len(base)] + 0.2 * base[rows // 32 % len(base)]
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return GivenVectors()


def questions(size: int) -> Any:
    """A thousand questions, each with one passage that answers it."""
    from xlreach.corpora.collection import Collection, Query

    chosen = np.random.default_rng(1).choice(size, min(1000, size), replace=False).tolist()

    class Questions(Collection):
        name, languages = "made-up", ("mt",)

        def documents(self, language: str) -> Iterator[Any]:
            return documents(map(str, range(size)))

        def queries(self, language: str) -> list[Query]:
            return [Query(f"question-{n}", "mt", str(n), str(n)) for n in chosen]

        def qrels(self, query_language: str, document_language: str) -> dict[str, dict[str, int]]:
            return {f"question-{n}": {f"passage-{n}": 1} for n in chosen}

        def files(self, languages: Sequence[str] = ()) -> list[Path]:
            return []

    return Questions.__new__(Questions)


def draw(stages: list[dict[str, Any]]) -> str:
    """Seconds and memory against size, both on logarithmic axes, two panels for each stage, as SVG."""
    import vl_convert

    round_numbers = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 2, 5)]

    def panel(stage: dict[str, Any], field: str, title: str) -> dict[str, Any]:
        def axis(name: str, words: str, ticks: list[float]) -> dict[str, Any]:
            show = {"values": ticks, "format": ".2~s" if name == "size" else "~g"}
            log = {"type": "log", "nice": False}
            return {"field": name, "type": "quantitative", "title": words, "scale": log, "axis": show}

        values = [point[field] for point in stage["points"]]
        low, high = min(values) / 1.5, max(values) * 1.5
        y = axis(field, title, [tick for tick in round_numbers if low <= tick <= high])
        y["scale"]["domain"] = [low, high]
        x = axis("size", stage["unit"], [point["size"] for point in stage["points"]])
        return {
            "title": stage["stage"] if field == "seconds" else "",
            "width": 150,
            "height": 90,
            "data": {"values": stage["points"]},
            "mark": {"type": "line", "point": True},
            "encoding": {"x": x, "y": y},
        }

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        "columns": 4,
        "concat": [
            {"vconcat": [panel(stage, "seconds", "seconds"), panel(stage, "resident_mb", "MB resident")]}
            for stage in stages
        ],
    }
    return vl_convert.vegalite_to_svg(spec, vl_version="6.1")


if __name__ == "__main__":
    main()
