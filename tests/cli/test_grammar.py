"""One grammar: what an option means is the same in every verb, and the examples of each help can be run as they are."""

from __future__ import annotations

import shlex

import pytest
import typer.main

from xlreach.cli import app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_ends_with_two_examples_that_parse(name):
    title, *examples = COMMANDS[name].epilog.split("\n\n")
    assert title == "Examples:" and len(examples) == 2
    for example in examples:
        program, verb, *arguments = shlex.split(example)
        assert (program, verb) == ("xlreach", name)
        context = COMMANDS[name].make_context(name, list(arguments))
        assert context.params and "[" not in example.replace("[1,2,3]", "")


def test_an_option_means_the_same_in_every_verb():
    meanings: dict[str, set[tuple[str, str, str]]] = {}
    for command in COMMANDS.values():
        for option in command.params:
            for spelling in option.opts:
                if spelling in ("--lang", "--text", "--seed", "--data", "--json", "--dtype", "--pooling", "--runner"):
                    meanings.setdefault(spelling, set()).add((str(option.metavar), str(option.multiple), option.help))
    assert set(meanings) >= {"--lang", "--text", "--data"} and all(len(one) == 1 for one in meanings.values()), meanings
    (text,), (lang,) = meanings["--text"], meanings["--lang"]
    assert text[0] == "CODE=FILE" and lang[0] == "CODE"


def test_verbs_are_listed_in_groups():
    groups = [COMMANDS[name].rich_help_panel for name in COMMANDS]
    assert list(dict.fromkeys(groups)) == ["adapt", "tag", "retrieve", "study", "look"]
