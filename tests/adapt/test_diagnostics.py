from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from xlreach.adapt.diagnostics import diagnose
from xlreach.errors import DataError


def test_shares_by_hand(bert: Path) -> None:
    found = diagnose(bert, ["ta ħa", "", "tata ta."])
    # ta: t ##a (only ##ta is a piece); ħa: [UNK]; tata: t ##a ##ta; "ta.": t ##a and the full stop
    assert found["unk_words"] == 1 / 4
    assert found["unk_pieces"] == 1 / 9
    assert found["fertility"] == 9 / 4
    assert found["continued_words"] == 3 / 4
    assert found["round_trip_loss"] == 0.5
    assert found["round_trip_loss_no_space"] == 0.5
    assert "new_pieces_used" not in found


def test_unigram_gives_its_own_language_back(xlmr: Path, texts: dict[str, Path]) -> None:
    found = diagnose(xlmr, texts["en"].read_text("utf-8").splitlines(), most_lines=100)
    assert found["unk_pieces"] == 0 and found["round_trip_loss"] == 0
    assert found["fertility"] >= 1
    foreign = diagnose(xlmr, texts["ka"].read_text("utf-8").splitlines())
    assert foreign["unk_words"] == 1 and foreign["round_trip_loss"] == 1


def test_bpe_and_white_space(xlmr: Path, bpe_tokenizer: dict, tmp_path: Path) -> None:
    folder = tmp_path / "bpe"
    shutil.copytree(xlmr, folder)
    (folder / "tokenizer.json").write_text(json.dumps(bpe_tokenizer), "utf-8")
    found = diagnose(folder, ["balo keta.", "ħażo"])
    assert found["unk_pieces"] == 0
    assert found["round_trip_loss_no_space"] == 0


def test_no_words(bert: Path) -> None:
    with pytest.raises(DataError):
        diagnose(bert, ["", " "])
