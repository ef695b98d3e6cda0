from __future__ import annotations

import re
from pathlib import Path

from xlreach.report.factor import render_factor

EVIL = "<script>x</script>"


def test_page_of_an_experiment(tmp_path):
    rows = [
        {"value": value, "kind": "retrieval", "base": "x", "recipe": "lapt(epochs=3)", "alignment": alignment,
         "dataset": "d", "setting": setting, "measure": "nDCG@10", "low": 0.4, "high": 0.5, "gap": -0.1,
         "lower": None if value == "Latin" else -0.2, "upper": None if value == "Latin" else 0.0,
         "lower_is_better": False}
        for value in ("Latin", EVIL) for alignment in ("none", "mono") for setting in ("mono", "cross")
    ]  # fmt: skip
    test = rows[0] | {
        "f": 3.0,
        "df": 1,
        "df_within": None,
        "p": 0.08,
        "p_holm": 0.08,
        "least": -0.2,
        "at_least": "Latin",
        "most": -0.1,
        "at_most": EVIL,
        "verdict": "cannot tell",
    }
    found = {"experiment": "script", "factor": "the script", "about": EVIL, "measure": "nDCG@10",
             "values": ["Latin", EVIL], "rows": rows, "tests": [test],
             "sentences": ["With lapt(epochs=3), -0.1."]}  # fmt: skip
    page = render_factor(found, tmp_path / "report.html").read_text("utf-8")
    assert page.count("<script") == 1 and "&lt;script&gt;" in page and page.count("<svg") == 2
    points = sum(group.count("<path") for group in re.findall(r'<g class="mark-symbol role-mark.*?</g>', page))
    assert "With lapt, −0.1." in page and points == 8
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == {"report.html", "tables/retrieval-script.csv", "tables/figures-script.csv",
                     "tables/figures-script.tex", "tables/tests-script.csv", "tables/tests-script.tex",
                     "charts/retrieval-script.svg", "charts/retrieval-script.png"}  # fmt: skip
    assert isinstance(tmp_path, Path) and "http://" not in page.replace("http://www.w3.org/", "")
