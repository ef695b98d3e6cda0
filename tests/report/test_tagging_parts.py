"""Learning curves, transfer and published figures on the page."""

from __future__ import annotations

from pathlib import Path

from xlreach.comparison import compare, write_gaps
from xlreach.measurement import Measurement, write_measurements
from xlreach.report import render_report


def test_the_page_shows_curves_transfer_and_published_figures(tmp_path: Path):
    levels = {"high": ["en"], "low": ["mt"]}
    rows = []
    for recipe in ("none", "lapt"):
        for seed in (1, 2):
            same = {"study": "s", "base": "b", "recipe": recipe, "seed": seed}
            for language in ("en", "mt"):
                about = {**same, "kind": "tagging", "language": language, "dataset": f"ud:{language}_x"}
                for sentences, part, value in (
                    (50, None, 0.3),
                    (200, None, 0.4),
                    (None, None, 0.5),
                    (None, "nsubj", 0.2),
                ):
                    rows.append(
                        Measurement(
                            **about,
                            measure="LAS",
                            task="parse",
                            sentences=sentences,
                            part=part,
                            value=value + seed / 50 * (2 if recipe == "none" else 1.9),
                        )
                    )
            moved = {
                **same,
                "kind": "tagging",
                "language": "mt",
                "dataset": "ud:mt_x",
                "setting": "transfer",
                "trained_on": "ud:en_x",
            }
            rows.append(Measurement(**moved, measure="LAS", value=0.1 * seed))
            cost = {**same, "kind": "cost", "stage": "tag", "task": "parse", "dataset": "ud:mt_x", "language": "mt"}
            rows.append(Measurement(**cost, measure="examples", value=800))
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
