"""The studies that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlreach.errors import ConfigError
from xlreach.study.config import load_config
from xlreach.study.experiment import is_experiment, load_experiment
from xlreach.study.shipped import find_config, shipped_studies


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_is_valid(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLREACH_DATA", str(tmp_path))
    if is_experiment(Path(name)):
        assert len(load_experiment(Path(name)).studies) >= 2
    else:
        assert load_config(Path(name)).recipes


def test_a_file_comes_before_a_shipped_study(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("quickstart")).is_file()
    assert find_config(Path("quickstart.yaml")) == Path("quickstart.yaml")
    (tmp_path / "quickstart").write_text("study: mine", "utf-8")
    assert find_config(Path("quickstart")) == Path("quickstart")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'quickstart'"):
        load_config(Path("quickstrat"))
