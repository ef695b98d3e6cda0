"""Learning curves, transfer and published figures on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlreach.comparison import compare, write_gaps
from xlreach.measurement import Measurement, write_measurements
from xlreach.report.render import render_report


def test_the_page_shows_curves_transfer_and_published_figures(tmp_path: Path):
    levels = {"high": ["en"], "low": ["mt"]}
    rows = []
    for recipe in ("none", "lapt"):
        for seed in (1, 2):
            same = {"study": "s", "base": "b", "recipe": recipe, "seed": seed}
            for language in ("en", "mt"):
                row = Measurement(**same, kind="tagging", task="parse", language=language, dataset=f"ud:{language}_x",
                                  measure="LAS", value=0.5 + seed / 50 * (2 if recipe == "none" else 1.9))  # fmt: skip
                rows += [row, replace(row, part="nsubj", value=row.value - 0.3)]
                rows += [replace(row, sentences=n, value=row.value - less) for n, less in ((50, 0.2), (200, 0.1))]
            moved = {"language": "mt", "dataset": "ud:mt_x", "trained_on": "ud:en_x", "setting": "transfer"}
            rows.append(Measurement(**same, **moved, kind="tagging", task="parse", measure="LAS", value=0.1 * seed))
            cost = {"kind": "cost", "stage": "tag", "task": "parse", "dataset": "ud:mt_x", "language": "mt"}
            rows.append(Measurement(**same, **cost, measure="examples", value=800))
    write_measurements(tmp_path / "results.jsonl", rows)
    write_gaps(tmp_path / "gaps.json", compare(rows, None, levels, resamples=50, permutations=50))
    (tmp_path / "config.yaml").write_text("study: s\nlanguages: {high: [en], low: [mt]}\n", "utf-8")
    page = render_report(tmp_path).read_text("utf-8")
    for shown in ("Learning curves", "LAS by number of training sentences, b", "Zero-shot transfer", "ud:en_x",
                  "Compared with Chau and Smith (2021)", "another encoder", "LAS in parts, b"):  # fmt: skip
        assert shown in page
    assert {"curve-LAS-b.svg", "curve-LAS-b.png"} <= {path.name for path in (tmp_path / "charts").iterdir()}
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {"transfer-LAS-b.csv", "published-LAS-b.csv", "parts-LAS-b.tex"} <= names
    assert 'class="tied"' in page
