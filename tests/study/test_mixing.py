"""`lapt(mix=…)` from end to end: text of the other languages is trained on, without what is scored, and recorded."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.mlm_data import EncodedText
from xlreach.adapt.tokenizer_file import read_tokenizer
from xlreach.corpora import open_dataset
from xlreach.measurement import read_measurements
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import prepare, run_study

PLAIN, MIXED, MORE = "lapt(epochs=1)", "lapt(epochs=1,mix=0.5)", "lapt(epochs=1,mix=2,pivots=[qhb])"
SCORED = "folder:retrieval/artificial-test"


@dataclass(frozen=True)
class Ran:
    """The study, and what of it lies where."""

    root: Path
    base: Path
    planted: set[str]

    @property
    def config(self) -> Path:
        return self.root / "study.yaml"

    def encoder(self, recipe: str) -> Path:
        return self.root / "encoders/mixing" / f"b~{recipe}~none~qla~seed1"

    def text(self, language: str) -> Path:
        """The prepared text that recipes were given."""
        (found,) = (self.root / "artifacts/text").glob(f"*/{language}.txt")
        return found

    def step(self, recipe: str) -> dict:
        return Provenance.read(self.encoder(recipe)).steps[-1]

    def trained_rows(self, recipe: str) -> set[int]:
        """The embeddings that training changed: those of the pieces that were trained on, and no other."""
        name = "roberta.embeddings.word_embeddings.weight"
        before, after = (load_file(one / "model.safetensors")[name] for one in (self.base, self.encoder(recipe)))
        return set((before != after).any(axis=1).nonzero()[0].tolist())

    def pieces(self, *languages: str) -> set[int]:
        """The pieces of prepared texts, special ones left out."""
        files = {code: self.text(code) for code in languages}
        text = EncodedText.read(files, read_tokenizer(self.base), self.base, 128)
        return {int(id_) for line in text.lines for id_ in line} - text.special


@pytest.fixture(scope="module")
def ran(tiny, tmp_path_factory) -> Ran:
    """A study of the tiny one's base with text in which everything that is scored in the other languages is planted."""
    root = tmp_path_factory.mktemp("mixing")
    data = Path(shutil.copytree(tiny.data, root / "data"))
    scored = open_dataset(SCORED, data)
    planted = set()
    for code in ("qha", "qhb", "qhc"):
        path = data / f"raw/artificial/{code}.txt"
        texts = [one.text for one in (*scored.documents(code), *scored.queries(code))]
        path.write_text("\n".join([*texts, *path.read_text("utf-8").splitlines()]) + "\n", "utf-8")
        planted |= set(texts)
    recipes = ", ".join(f'"{one}"' for one in (PLAIN, MIXED, MORE))
    (root / "study.yaml").write_text(
        f"{{study: mixing, data: {data}, base: {{b: {tiny.encoder()}}}, "
        f"languages: {{high: [qha, qhb, qhc], low: [qla]}}, recipes: [{recipes}], alignments: [none], "
        f"retrieval: ['{SCORED}'], settings: [cross], measures: [RR]}}",
        "utf-8",
    )
    run_study(load_config(root / "study.yaml"), StudyPaths(root), lambda text: None)
    return Ran(root, tiny.encoder(), planted)


def test_the_stated_share_of_other_languages_is_trained_on(ran):
    lines = sum(ran.step(PLAIN)[name] for name in ("train_lines", "valid_lines"))
    for recipe, share, sources in ((MIXED, 0.5, ["qha", "qhb", "qhc"]), (MORE, 2, ["qhb"])):
        step = ran.step(recipe)
        assert (step["mixed_lines"], step["mixed_from"]) == (round(share * lines), sources)
        assert step["train_lines"] == ran.step(PLAIN)["train_lines"] + step["mixed_lines"]
        assert step["valid_lines"] == ran.step(PLAIN)["valid_lines"], "the epoch is chosen by the language itself"


def test_rows_of_pieces_that_only_the_other_languages_have_are_trained(ran):
    own, more = ran.pieces("qla"), ran.pieces("qla", "qhb")
    assert ran.trained_rows(PLAIN) & (more - own) == set()
    assert ran.trained_rows(MORE) & (more - own) and ran.trained_rows(MORE) & ran.pieces("qha") <= more
    assert ran.trained_rows(PLAIN) & own and ran.trained_rows(MIXED) > ran.trained_rows(PLAIN)


def test_what_is_scored_is_in_none_of_the_text(ran):
    for code in ("qha", "qhb", "qhc"):
        kept = set(ran.text(code).read_text("utf-8").splitlines())
        counts = json.loads(ran.text(code).with_name("counts.json").read_text("utf-8"))[code]
        assert not kept & ran.planted and counts["evaluation"] + counts["near_evaluation"] >= 40
        assert len(kept - {""}) == counts["kept"] > 250


def test_the_folder_its_card_and_the_results_say_so(ran):
    base = {one["name"] for one in Provenance.read(ran.base).data}
    for recipe in (PLAIN, MIXED, MORE):
        told, card = Provenance.read(ran.encoder(recipe)), (ran.encoder(recipe) / "README.md").read_text("utf-8")
        names = {one["name"] for one in told.data}
        mixed = [] if recipe == PLAIN else ran.step(recipe)["mixed_from"]
        assert told.languages == Provenance.read(ran.encoder(PLAIN)).languages, "mixing in adapts to no language"
        assert names == {f"text:artificial/{code}" for code in ("qla", *mixed)} | base
        assert all(name in card for name in names) and (f"mixed_from {', '.join(mixed)}" in card) == bool(mixed)
    rows = [row for row in read_measurements(ran.root / "runs/mixing/results.jsonl") if row.kind == "retrieval"]
    assert {row.recipe for row in rows} == {PLAIN, MIXED, MORE}


def test_the_key_goes_with_the_share_and_with_the_other_text(ran):
    def keys() -> dict[str, str]:
        stages = prepare(load_config(ran.config), StudyPaths(ran.root)).stages.values()
        return {one.title.removeprefix("b, ").partition(" for ")[0]: one.key for one in stages if one.kind == "adapt"}

    before = keys()
    assert set(before) == {PLAIN, MIXED, MORE} and len(set(before.values())) == 3
    with (ran.root / "data/raw/artificial/qhb.txt").open("a", encoding="utf-8") as stream:
        stream.write("one more line\n")
    after = keys()
    assert {recipe for recipe in before if before[recipe] != after[recipe]} == {MIXED, MORE}


def test_the_command_does_the_same_without_a_study(ran, tmp_path):
    from xlreach.adapt.pipeline import adapt_encoder

    texts = {code: ran.text(code) for code in ("qla", "qhb")}
    others = {"qhb": texts.pop("qhb")}
    made = adapt_encoder(str(ran.base), MORE, texts, out=tmp_path / "made", others=others)
    told, step = Provenance.read(made), ran.step(MORE)
    assert [told.steps[-1][name] for name in ("mixed_lines", "mixed_from", "train_lines")] == [
        step[name] for name in ("mixed_lines", "mixed_from", "train_lines")
    ]
    assert {"qla.txt", "qhb.txt"} <= {one["name"] for one in told.data}
    ours, theirs = (load_file(one / "model.safetensors") for one in (made, ran.encoder(MORE)))
    assert all((ours[name] == theirs[name]).all() for name in theirs)
