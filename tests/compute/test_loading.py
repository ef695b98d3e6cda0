from __future__ import annotations

import logging
from pathlib import Path

import pytest
from transformers.utils import logging as transformers_logging

from xlreach.compute.loading import quiet_loading, safe_loading
from xlreach.errors import DataError, ModelError


def test_quiet_only_inside() -> None:
    loggers = [logging.getLogger(name) for name in ("sentence_transformers", "transformers")]
    before = [logger.level for logger in loggers], transformers_logging.is_progress_bar_enabled()
    with pytest.raises(KeyError), quiet_loading():
        assert [logger.level for logger in loggers] == [logging.ERROR] * 2
        assert not transformers_logging.is_progress_bar_enabled()
        raise KeyError
    assert ([logger.level for logger in loggers], transformers_logging.is_progress_bar_enabled()) == before


def test_safe_loading_runs_no_code_and_names_the_folder(tmp_path: Path) -> None:
    with safe_loading(tmp_path) as options:
        assert options == {"trust_remote_code": False, "local_files_only": True}
    with pytest.raises(ModelError, match="cannot be loaded \\(first\\)") as caught, safe_loading(tmp_path):
        raise RuntimeError("first\nsecond")
    assert caught.value.path == tmp_path
    with pytest.raises(ModelError, match="OSError"), safe_loading(tmp_path):
        raise OSError
    with pytest.raises(DataError, match="mine"), safe_loading(tmp_path):
        raise DataError("mine")
