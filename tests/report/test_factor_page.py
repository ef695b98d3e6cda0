from __future__ import annotations

import re

from xlreach.gaps import FactorAnalysis, FactorGap, FactorTest, Interval
from xlreach.report.render import render_factor
from xlreach.system import System

EVIL = "<script>x</script>"


def test_page_of_an_experiment(tmp_path):
    same = {"kind": "retrieval", "dataset": "d", "measure": "nDCG@10"}
    rows = tuple(
        FactorGap(
            **same, value=value, system=System("x", "lapt", alignment), setting=setting, low=0.4, high=0.5, gap=-0.1,
            interval=None if value == "Latin" else Interval(-0.2, 0.0), df=None, lower_is_better=False,
        )
        for value in ("Latin", EVIL) for alignment in ("none", "mono") for setting in ("mono", "cross")
    )  # fmt: skip
    test = FactorTest(**same, system=System("x", "lapt"), setting="mono", least=-0.2, at_least="Latin", most=-0.1,
                      at_most=EVIL, df=1, f=3.0, p=0.04, p_holm=0.04, verdict="differs")  # fmt: skip
    analysis = FactorAnalysis(experiment="script", factor="the script", about=EVIL, measure="nDCG@10",
                              values=("Latin", EVIL), rows=rows, tests=(test,))  # fmt: skip
    page = render_factor(analysis, tmp_path / "report.html").read_text("utf-8")
    assert page.count("<script") == 1 and "&lt;script&gt;" in page and page.count("<svg") == 2
    points = sum(group.count("<path") for group in re.findall(r'<g class="mark-symbol role-mark.*?</g>', page))
    assert "of lapt depends on the script: from −0.200 (Latin)" in page and points == 8
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == {"report.html", "tables/retrieval-script.csv", "tables/figures-script.csv",
                     "tables/figures-script.tex", "tables/tests-script.csv", "tables/tests-script.tex",
                     "charts/retrieval-script.svg", "charts/retrieval-script.png"}  # fmt: skip
    heads = (tmp_path / "tables" / "figures-script.csv").read_text("utf-8").splitlines()[0]
    assert heads.startswith("kind,base,recipe,alignment,retriever,dataset,setting,measure,value")
    assert "http://" not in page.replace("http://www.w3.org/", "")
