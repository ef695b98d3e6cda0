from __future__ import annotations

import base64
import csv
import dataclasses
import gzip
import hashlib
import html.parser
import io
import json
import re
import statistics

import pytest

from xlreach.comparison import read_gaps
from xlreach.comparison.tables import (
    cost_table,
    overview_tables,
    pair_tables,
    retrieval_tables,
    tagging_tables,
)
from xlreach.errors import DataError
from xlreach.gaps import EqualPools, Interval, PoolFigure, PoolSizes
from xlreach.report.charts import draw_panels
from xlreach.report.export import table_csv, table_latex
from xlreach.report.narrative.summary import summary
from xlreach.report.render import render_report
from xlreach.report.wording import typeset
from xlreach.system import System

EVIL = '<script>alert("1")</script>'


class Reader(html.parser.HTMLParser):
    """Collects elements with their attributes, table rows as text, and whether every tag is closed in order."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.elements, self.rows, self.text, self._open, self.wrong = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text.append(data)
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert not reader.wrong and not reader._open
    return reader


def test_loads_nothing_and_runs_nothing(page):
    reader = read(page)
    for tag, attributes in reader.elements:
        assert tag not in ("iframe", "object", "embed", "link", "img")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "action", "data"):
                assert value.startswith(("#", "charts/", "tables/")), value
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)  # what saves files; the policy allows no other
    policy = next(a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'") and f"script-src 'sha256-{digest}'" in policy
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML", script)
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import", page)
    assert re.findall(r"https?://[^\s\"'<)]+", page.replace("http://www.w3.org/", "")) == []
    assert len(page.encode()) < 10_000_000


def test_markup_in_data_stays_text(made, write, tmp_path):
    def evil(row):
        changes = {"recipe": f"va{EVIL}" if row.recipe == "lapt" else row.recipe}
        changes |= {"dataset": None if row.dataset is None else f"d{EVIL}", "study": f"s{EVIL}"}
        changes |= {name: EVIL if getattr(row, name) == "ug" else getattr(row, name)
                    for name in ("language", "query_language", "document_language")}  # fmt: skip
        return dataclasses.replace(row, **changes)

    keep = [row for row in made.results if row.alignment in (None, "none") and row.recipe in (None, "none", "lapt")]
    levels = {"high": made.levels["high"], "low": ["mt", "wo", EVIL]}
    run = write(tmp_path / "evil", [evil(row) for row in keep], None, levels, note=f"</pre>{EVIL}")
    page = render_report(run).read_text("utf-8")
    reader = read(page)
    assert sum(tag == "script" for tag, _ in reader.elements) == page.count("<script") == 1
    assert EVIL in "".join(reader.text)
    charts = [path.read_text("utf-8") for path in (run / "charts").glob("*.svg")]
    assert charts and not any("<script" in chart for chart in charts) and any("&lt;script" in chart for chart in charts)
    assert all(path.resolve().is_relative_to(run.resolve()) for path in run.rglob("*"))


def test_every_chart_is_drawn_with_table_and_downloads(page, run, made):
    reader = read(page)
    figures = sum(tag == "figure" for tag, _ in reader.elements)
    drawings = sum(tag == "svg" for tag, _ in reader.elements)
    # gap, levels, heat maps, why; tagging gap, levels
    assert figures == 6 and drawings == 3 + 3 + 2 + 8 + 4 + 4
    images = [attributes for tag, attributes in reader.elements if attributes.get("role") == "img"]
    assert len(images) == figures and all(one["aria-label"] for one in images)
    files = {path.name for path in (run / "charts").iterdir()}
    assert len([name for name in files if name.endswith(".svg")]) == figures == len(files) / 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (run / "charts").glob("*.png"))
    saved = {attributes.get("download") for _, attributes in reader.elements}
    assert files <= saved and {f"{name[:-4]}.csv" for name in files} <= saved
    points = sum(group.count("<path") for group in re.findall(r'<g class="mark-symbol role-mark.*?</g>', page))
    assert points == 12 * 3 * 3 + 4 * 4 * 3 + 8 * 6 * 4  # one for each gap, low and high; a language and recipe


def test_figures_equal_those_of_the_gaps(page, run):
    cells = {cell.strip() for row in read(page).rows for cell in row}
    gaps = read_gaps(run / "gaps.json")
    for row in gaps.gaps:
        if row.split == "config" and (row.kind == "tagging" or row.measure == gaps.headline):
            digits = 1 if abs(row.low) > 1.5 else 3
            assert f"{row.gap:+.{digits}f}".replace("-", "−") in cells


def test_the_page_says_all_that_the_terminal_says(page, run):
    said = " ".join("".join(read(page).text).split())
    lines = [" ".join(typeset(line).split()) for line in summary(read_gaps(run / "gaps.json"))]
    assert len(lines) == 7
    for line in lines[2:]:
        assert line in said, line


def test_figures_equal_those_of_the_results(page, made):
    values = [r.value for r in made.results if (r.measure, r.recipe, r.language) == ("LAS", "va(99)+lapt", "mt")]
    shown = f"{statistics.mean(values):.2f} ±{statistics.stdev(values):.2f}"
    assert shown in {cell.strip() for row in read(page).rows for cell in row}


def test_tables_by_hand(made):
    (table,) = [one for one in tagging_tables(made.results, made.levels) if one.about["measure"] == "LAS"]
    assert table.columns == ("en", "de", "tr", "mt", "wo", "ug", "mean high", "mean low")
    rows = dict(table.rows)
    for code in ("mt", "en"):
        values = [r.value for r in made.results if (r.measure, r.recipe, r.language) == ("LAS", "lapt", code)]
        figure = rows[("lapt",)][table.columns.index(code)]
        assert (figure.mean, figure.sd) == (
            pytest.approx(statistics.mean(values)),
            pytest.approx(statistics.stdev(values)),
        )
    assert [names for names, figures in table.rows if figures[-1].best] == [("va(99)+lapt",)]
    cross = [one for one in retrieval_tables(made.results, made.levels) if one.about["setting"] == "cross"]
    assert {one.about["measure"] for one in cross} == {"nDCG@10", "R@100"}
    assert len(pair_tables(made.results, made.levels, "nDCG@10")) == 12
    assert "adapt seconds" in cost_table(made.results).columns
    (overview,) = overview_tables(made.results, made.levels, "nDCG@10")
    assert ("lapt", "mono") in dict(overview.rows) and "LAS" in overview.columns


def test_lower_is_better_marks_the_smallest(made):
    from xlreach.comparison.tables import diagnostic_tables

    table = next(t for t in diagnostic_tables(made.results, made.levels) if t.about["measure"] == "fertility")
    assert [names for names, figures in table.rows if figures[-1].best] == [("va(99)+lapt",)]


def test_csv_and_latex(made, run):
    (table,) = [one for one in tagging_tables(made.results, made.levels) if one.about["measure"] == "LAS"]
    lines = list(csv.reader(io.StringIO(table_csv(table))))
    assert lines[0][:3] == ["recipe", "en", "en sd"] and float(lines[1][1]) == dict(table.rows)[("none",)][0].mean
    latex = table_latex(table)
    assert r"\toprule" in latex and r"\textbf{" in latex and r"$\pm$" in latex
    cross = next(t for t in retrieval_tables(made.results, made.levels))
    evil = dataclasses.replace(cross, columns=(r"50%_&\{}", *cross.columns[1:]), heads=("=1+1", "alignment"))
    assert r"50\%\_\&\textbackslash{}\{\}" in table_latex(evil) and table_csv(evil).startswith("'=1+1")
    assert {path.suffix for path in (run / "tables").iterdir()} == {".csv", ".tex"}


def test_page_is_accessible(page):
    reader = read(page)
    heads = [attributes for tag, attributes in reader.elements if tag == "th"]
    assert heads and all(one.get("scope") in ("col", "row") for one in heads)
    scrolling = [a for _, a in reader.elements if a.get("class") == "scroll"]
    assert all(one.get("tabindex") == "0" and one.get("aria-label") for one in scrolling)
    tables = sum(tag == "table" for tag, _ in reader.elements)
    assert tables == len(scrolling) == sum(tag == "caption" for tag, _ in reader.elements)
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(a["href"][1:] in ids for t, a in reader.elements if t == "a" and a["href"].startswith("#"))
    assert ("html", {"lang": "en"}) in reader.elements
    for feature in ("prefers-color-scheme: dark", "@media print", "max-width: 560px"):
        assert feature in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(page, theme):
    """At least 4.5 to 1 (WCAG AA) for text and 3 to 1 for the marks of a chart, on both grounds."""
    block = page.split("prefers-color-scheme: dark")[theme == "dark"]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block.split("* {")[0]))

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        high, low = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for ground in ("paper", "raised"):
        assert all(contrast(text, ground) >= 4.5 for text in ("ink", "muted", "accent", "best"))
        assert all(contrast(f"series-{number}", ground) >= 3 for number in range(1, 7))
    assert contrast("warn", "warn-soft") >= 4.5 and contrast("muted", "accent-soft") >= 4.5


def test_same_run_same_page(run):
    before = (run / "report.html").read_bytes()
    assert render_report(run).read_bytes() == before


def test_a_chart_is_the_same_bytes_however_many_were_drawn_before():
    """Vega counts the ids of gradients and clips over all the charts of a process."""
    shades = {"panel": "a", "x": 1, "y": 2, "shade": 3}

    def heat(rows):
        axes = {axis: {"field": axis, "type": "ordinal"} for axis in "xy"}
        return {"mark": "rect", "encoding": axes | {"color": {"field": "shade", "type": "quantitative"}}}

    first, second = (draw_panels("heat", "Heat", "", [shades], heat).drawing.result() for _ in range(2))
    assert first == second and "url(#heat-" in first.svg and "url(#heat-0-" in first.panels[0]


def test_licenses_and_warnings_are_shown(page):
    text = " ".join(read(page).text)
    assert "CC BY-SA 4.0" in text and "too few for a claim" in text and "not stated; see its source" in text


@pytest.mark.parametrize("kinds", [{"tagging"}, {"retrieval"}, set()])
def test_part_of_a_study_is_a_report_too(made, write, tmp_path, kinds):
    rows = [row for row in made.results if row.kind in kinds and row.recipe == "none" and row.seed == 1]
    run = write(tmp_path / "part", rows, None, made.levels)
    read(render_report(run).read_text("utf-8"))


def test_damaged_runs_are_refused(made, write, tmp_path):
    run = write(tmp_path / "run", made.results[:5], None, made.levels)
    (run / "config.yaml").write_text("[", "utf-8")
    with pytest.raises(DataError, match="Not YAML"):
        render_report(run)
    (run / "config.yaml").write_text("study: x", "utf-8")
    (run / "gaps.json").write_text(json.dumps({"schema": 0}), "utf-8")
    with pytest.raises(DataError, match="schema"):
        render_report(run)
    (run / "gaps.json").unlink()
    with pytest.raises(DataError, match="Compare the run first"):
        render_report(run)


def test_language_preference_has_a_table_of_its_own(made, write, tmp_path):
    from xlreach.measurement import Measurement

    rows = [row for row in made.results if row.recipe == "none" and row.alignment in (None, "none")]
    same = {"base": "FacebookAI/xlm-roberta-base", "recipe": "none", "alignment": "none", "language": "mt"}
    same |= {"kind": "diagnostic", "dataset": "ntrex", "setting": "multi", "query_language": "mt", "n": 12}
    rows += [
        Measurement(**same, document_language=d, measure="share@1", value=v) for d, v in (("en", 0.125), ("mt", 0.875))
    ]
    page = render_report(write(tmp_path / "run", rows, None, made.levels)).read_text("utf-8")
    assert ["none", "none", "mt", "0.125", "0.875"] in [[cell.strip() for cell in row] for row in read(page).rows]
    assert "share@1, FacebookAI/xlm-roberta-base" not in page


def test_why_is_shown_with_its_doubts(page, run):
    gaps = read_gaps(run / "gaps.json")
    rows = [[cell.strip() for cell in row] for row in read(page).rows]
    wanted = ("cross", "LAS", "across", "hybrid(alpha=0.5)")
    (one,) = [row for row in gaps.correlations if (row.setting, row.predictor, row.scope, row.alignment) == wanted]
    shown = ["cross", "hybrid(alpha=0.5)", "across", "LAS", f"{one.rho:+.2f}"]
    assert any(row[:5] == shown for row in rows)
    assert "Regression, cross" in page
    profile = next(row for row in gaps.profiles if row.setting == "mono")
    assert any(row[:3] == [profile.language, profile.level, profile.system.recipe] for row in rows)
    assert (run / "tables" / "correlations.csv").is_file()


CURVES = [
    {"base": "FacebookAI/xlm-roberta-base", "recipe": "lapt", "alignment": None, "language": code, "seed": seed,
     "stage": "lapt", "of": "masked lm", "unit": "epoch", "train": [[1, 3.0], [2, 2.5]],
     "valid": [[0, 4.0 + seed], [1, 3.0], [2, 2.75]]}
    for code in ("mt", "ug") for seed in (1, 3)
]  # fmt: skip
CURVES += [
    {"base": "FacebookAI/xlm-roberta-base", "recipe": "lapt", "alignment": "mono", "language": "mt", "seed": 1,
     "stage": "mono", "of": "alignment", "unit": "step", "train": [[10, 2.0], [20, 1.0]], "valid": []},
]  # fmt: skip


def test_training_is_drawn_with_its_table(made, write, tmp_path):
    rows = [row for row in made.results if row.recipe in ("none", "lapt") and row.alignment in (None, "none")]
    run = write(tmp_path / "run", rows, None, made.levels)
    (run / "curves.json").write_text(json.dumps(CURVES), "utf-8")
    page = read(render_report(run).read_text("utf-8"))
    lines = [[cell.strip() for cell in row] for row in page.rows]
    assert ["lapt", "6.00 ±1.15", "2.75 ±0.00", "2.75 ±0.00"] in lines
    assert ["lapt with mono", "2.00", "1.000", "1.000"] in lines
    assert {path.name for path in (run / "charts").glob("training*.svg")} == {
        "training-masked-lm-FacebookAI-xlm-roberta-base.svg", "training-alignment-FacebookAI-xlm-roberta-base.svg",
    }  # fmt: skip
    (run / "curves.json").write_text("[", "utf-8")
    with pytest.raises(DataError, match="Not JSON"):
        render_report(run)
    (run / "curves.json").write_text('[{"of": "something else"}]', "utf-8")
    with pytest.raises(DataError, match="Not a list of rows"):
        render_report(run)


def test_language_bias_is_drawn(made, write, tmp_path):
    from xlreach.measurement import Measurement

    rows = [row for row in made.results if row.recipe == "none" and row.alignment in (None, "none")]
    same = {"base": "FacebookAI/xlm-roberta-base", "recipe": "none", "alignment": "none", "kind": "diagnostic"}
    same |= {"dataset": "ntrex", "setting": "multi", "measure": "share@1"}
    rows += [
        Measurement(**same, query_language=a, document_language=b, value=0.75 if a == b else 0.25)
        for a in ("en", "ug") for b in ("en", "ug")
    ]  # fmt: skip
    run = write(tmp_path / "run", rows, None, made.levels)
    page = render_report(run).read_text("utf-8")
    assert "Language bias: share of first hits" in page
    (drawn,) = (run / "charts").glob("bias*.svg")
    assert drawn.read_text("utf-8").count("0.75") >= 2


def test_what_differs_is_marked(made, page, run):
    """va(99)+lapt gains ten points of LAS in these languages: no chance of training."""
    from xlreach.comparison.tables.significance_marks import marked

    gaps = read_gaps(run / "gaps.json")
    rows = [row for row in gaps.changes if row.split == "config"]
    assert all(row.p_low_holm is None or row.p_low_holm >= row.p_low for row in rows)
    (overview,) = marked(overview_tables(made.results, made.levels, "nDCG@10"), gaps)
    cells = dict(overview.rows)
    column = overview.columns.index("LAS")
    assert cells["va(99)+lapt", "none"][column].marks == "*" and cells["none", "none"][column].marks == ""
    column = overview.columns.index("ntrex cross nDCG@10")
    for (recipe, alignment), figures in cells.items():
        told = [
            {"recipe": "*", "alignment": "†"}[row.factor] for row in rows
            if (row.system.recipe, row.system.alignment, row.setting) == (recipe, alignment, "cross")
            and row.measure == "nDCG@10" and row.factor != "both" and row.p_low_holm < 0.05
        ]  # fmt: skip
        assert figures[column].marks == "".join(told)
    assert '<sup class="mark">*</sup>' in page and r"$^{\ast}$" in table_latex(overview)


def test_hypotheses_stand_beside_their_cost(made, write, tmp_path):
    from xlreach.comparison import compare, write_gaps

    run = write(tmp_path / "run", made.results[:5], None, made.levels)
    tagged = [row for row in made.results if row.kind != "retrieval"]
    claims = ["va(99)+lapt > lapt on parse:LAS for low", "lapt > none on ner:precision"]
    few = {"resamples": 200, "permutations": 50}
    gaps = compare(tagged, None, made.levels, hypotheses=claims, sentences=made.sentences, **few)
    write_gaps(run / "gaps.json", gaps)
    rows = [[cell.strip() for cell in row] for row in read(render_report(run).read_text("utf-8")).rows]
    (one,) = [row for row in rows if row[:1] == [claims[0]]]
    assert one[2] == "supported" and one[6] == "9 min, 2.9 GB"
    (other,) = [row for row in rows if row[:1] == [claims[1]]]
    assert other[2].startswith("cannot tell") and other[3:8] == ["–"] * 5


def test_every_file_beside_the_page_is_within_it(page, run):
    links = [attributes for tag, attributes in read(page).elements if tag == "a" and "download" in attributes]
    for one in links:
        path = run / one["href"]
        assert path.name == one["download"]
        if path.suffix == ".png":  # drawn from the SVG before it
            assert "data-gz" not in one and path.with_suffix(".svg").is_file() and path.is_file()
        else:
            assert gzip.decompress(base64.b64decode(one["data-gz"])) == path.read_bytes()
    whole = {run / "tables" / f"{name}.csv" for name in ("gaps", "directions", "changes", "correlations")}
    assert {*(run / "tables").iterdir(), *(run / "charts").iterdir()} - {run / one["href"] for one in links} == whole


def test_long_tables_are_cut_on_the_page_only(made, write, tmp_path, monkeypatch):
    from xlreach.report import render

    monkeypatch.setattr(render, "_ROWS_SHOWN", 3)
    rows = [row for row in made.results if row.recipe in ("none", "lapt")]
    run = write(tmp_path / "run", rows, None, made.levels)
    assert "all are in the CSV" in " ".join(read(render_report(run).read_text("utf-8")).text)
    with (run / "tables" / "gaps-ntrex-FacebookAI-xlm-roberta-base.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) > 3


def test_figures_at_equal_pools_have_a_table_by_language(made, write, tmp_path):
    from xlreach.comparison import write_gaps

    rows = [row for row in made.results if row.recipe == "none" and row.alignment in (None, "none")]
    run = write(tmp_path / "run", rows, None, made.levels)
    assert "At equal pools" not in (render_report(run)).read_text("utf-8")  # nothing is known of the pools
    about = {"dataset": "ntrex", "setting": "mono"}
    gaps = read_gaps(run / "gaps.json")
    equal = PoolSizes(**about, sizes={"en": 100, "mt": 100}, smallest=100, largest=100)
    write_gaps(run / "gaps.json", dataclasses.replace(gaps, pools=(equal,)))
    page = render_report(run).read_text("utf-8")
    assert "ntrex: the pools are equal, 100 documents in each language." in page and "equal-pools" not in page
    figure = PoolFigure(pool=1200.0, whole=0.5, equal=0.625, whole_sd=0.01)
    row = EqualPools(**about, system=System(rows[0].base), measure="nDCG@10", size=800, gap=0.0, gap_equal=-0.25,
                     languages={"en": figure, "mt": dataclasses.replace(figure, pool=800.0)},
                     interval_these_languages=Interval(-0.5, -0.125))  # fmt: skip
    unequal = dataclasses.replace(equal, sizes={"en": 1200, "mt": 800}, smallest=800, largest=1200)
    write_gaps(run / "gaps.json", dataclasses.replace(gaps, pools=(unequal,), equal_pools=(row,)))
    parsed = read(render_report(run).read_text("utf-8"))
    lines = [[cell.strip() for cell in row] for row in parsed.rows]
    assert ["none", "none", "whole", "0.500 ±0.010", "0.500 ±0.010"] in lines
    assert ["none", "none", "800 documents", "0.625", "0.625"] in lines
    assert any("−0.250" in row and "[−0.500, −0.125]" in row for row in lines)
    (file,) = (run / "tables").glob("equal-pools-ntrex-mono*.csv")
    assert "800 documents" in file.read_text("utf-8") and file.with_suffix(".tex").is_file()


def test_rows_have_latex_too(page, run):
    csvs = {path.stem for path in (run / "tables").glob("*.csv")} - {"gaps", "directions", "changes", "correlations"}
    charts = {path.stem for path in (run / "charts").glob("*.svg")}
    assert csvs - charts == {path.stem for path in (run / "tables").glob("*.tex")}
    lines = (run / "tables" / "gaps-ntrex-FacebookAI-xlm-roberta-base.tex").read_text("utf-8").splitlines()
    assert lines[0].startswith("% Gap in nDCG@10, ntrex") and "dataset ntrex" in lines[1] and "seeds 3" in lines[1]
    heads = lines[lines.index(r"\toprule") + 1].removesuffix(r" \\").split(" & ")
    assert heads[:4] == ["recipe", "alignment", "setting", "low"] and "values" not in heads
    gaps = [row for row in read_gaps(run / "gaps.json").gaps
            if (row.split, row.kind, row.measure) == ("config", "retrieval", "nDCG@10")]  # fmt: skip
    body = [line for line in lines if line.endswith(r" \\")][1:]
    assert len(body) == len(gaps)
    cells = dict(zip(heads, body[0].removesuffix(r" \\").split(" & "), strict=True))
    low, high = gaps[0].interval_these_languages
    assert cells["gap"] == f"{gaps[0].gap:.3f}" and cells["interval these languages"] == f"[{low:.3f}, {high:.3f}]"
