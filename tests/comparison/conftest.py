from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("synthetic_study", Path(__file__).with_name("synthetic.py"))
synthetic = importlib.util.module_from_spec(_spec)
sys.modules["synthetic_study"] = synthetic
_spec.loader.exec_module(synthetic)


@pytest.fixture(scope="session")
def make_study():
    return synthetic.make_study


@pytest.fixture(scope="session")
def tallies():
    return synthetic.tallies


@pytest.fixture(scope="session")
def study(make_study):
    return make_study(bases=("FacebookAI/xlm-roberta-base",), queries=24)


@pytest.fixture(scope="session")
def gaps(study):
    from xlreach.comparison import compare

    return compare(
        study.results, study.queries, study.levels, sentences=study.sentences, resamples=1000, permutations=1000
    )
