"""What a dry run says of time, memory and disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlreach.study.config import load_config
from xlreach.study.estimate import Estimate, duration, estimate
from xlreach.study.plan import plan_study
from xlreach.study.rates import Machine, Rates, Shape
from xlreach.study.run import Place, read_data
from xlreach.study.volumes import Texts, Volumes, piece_counter


class Known(Machine):
    """A machine that is not measured: a million weights take a second for a thousand pieces."""

    resident_mb = 500.0

    def rates(self, shape: Shape, precision: str) -> Rates:
        each = shape.inner / 1e9
        return Rates(step=shape.weights / 1e8, trained_piece=3 * each, masked_piece=each, read_piece=each)


@pytest.fixture
def estimated(tiny, monkeypatch):
    """Estimates the tiny study with overrides, nothing of it finished unless `root` says so."""

    def run(*overrides: str, root: Path | None = None) -> Estimate:
        monkeypatch.setattr("xlreach.study.estimate.Machine", Known)
        config = load_config(tiny.config, [f"data={tiny.data}", *overrides])
        place = Place(root or tiny.root / "nothing-here")
        data = read_data(config, place)
        return estimate(plan_study(config, data), data, place.store)

    return run


def test_every_kind_of_stage_is_estimated(estimated):
    found = estimated()
    assert set(found.kinds) == {"text", "adapt", "diagnose", "tag", "align", "index", "score", "report"}
    assert all(effort.seconds > 0 for effort in found.kinds.values())
    assert found.total.seconds == pytest.approx(sum(effort.seconds for effort in found.kinds.values()))
    assert found.total.memory_mb >= 500 and found.total.disk_mb > 0 and not found.corrected


def test_more_work_takes_longer(estimated):
    once = estimated("recipes=[none]", "hypotheses=[]").total.seconds
    more = [
        estimated("recipes=[none, lapt(epochs=1)]", "hypotheses=[]"),
        estimated("recipes=[none]", "hypotheses=[]", "seeds=[1,2]"),
        estimated("recipes=[none]", "hypotheses=[]", "alignments=[none, 'hybrid(steps=400,batch=8)']"),
        estimated("recipes=[none]", "hypotheses=[]", "tagging=[pos, ner]"),
        estimated("recipes=[none, fasttext(epochs=2)]", "hypotheses=[]"),
    ]
    assert all(one.total.seconds > once for one in more)
    long, short = (estimated(f"recipes=['lapt(epochs={n})']", "hypotheses=[]").kinds["adapt"] for n in (40, 4))
    assert long.seconds > short.seconds + 0.2


def test_finished_stages_correct_the_others(tiny, estimated):
    found = estimated("recipes=[none, lapt(epochs=1)]", "hypotheses=[]", f"data={tiny.data}", root=tiny.root)
    assert set(found.stages) and found.total.seconds > 0


def test_volumes_are_those_of_the_data(tiny):
    config = load_config(tiny.config, [f"data={tiny.data}", "text_lines=50"])
    volumes = Volumes(read_data(config, Place(tiny.root)))
    assert volumes.text("qla").count == 50
    sentences = sum(1 for _ in volumes._data.open("ud:qla_art").read("train"))
    assert volumes.split("ud:qla_art", "train", None).count == sentences
    assert volumes.split("ud:qla_art", "train", 5).count == 5
    assert volumes.queries("folder:retrieval/artificial-test", "qla").count == 16


def test_pieces_are_counted_by_the_tokenizer(tiny):
    count = piece_counter(tiny.encoder() / "tokenizer.json", 300)
    texts = Texts(2, ("a b c", "a"))
    assert 1 <= count("a") <= 3 and texts.pieces(count, 512) < 20
    assert piece_counter(None, 250_000)("x" * 45) == pytest.approx(10, rel=0.1)


def test_a_machine_is_measured_once(tmp_path):
    told: list[str] = []
    shape = Shape(1, 16, 2, 32, 100)
    first = Machine(tmp_path, told.append).rates(shape, "float32")
    again = Machine(tmp_path, told.append).rates(shape, "float32")
    assert first == again and len(told) == 1 and 0 < first.read_piece < first.trained_piece * 10
    (path,) = (tmp_path / ".rates").iterdir()
    path.write_text("{", "utf-8")
    assert Machine(tmp_path, told.append).rates(shape, "float32").read_piece > 0 and len(told) == 2


def test_durations():
    assert [duration(one) for one in (5, 300, 9000, 500_000)] == ["5 s", "5 min", "2.5 h", "6 days"]
