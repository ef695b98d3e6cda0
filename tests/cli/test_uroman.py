"""An encoder that reads romanised text gets it, whichever verb feeds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uroman")


def test_taggers_and_retrieval_romanise_what_the_encoder_reads(tiny, tmp_path: Path) -> None:
    from xlreach.adapt.pipeline import adapt_encoder
    from xlreach.adapt.romanize import input_transform
    from xlreach.retrieval.encoding import TextEncoder
    from xlreach.tagging.representations import WordTokenizer

    text = tmp_path / "qlb.txt"
    text.write_text("Պւնտ ցեսալւլ\nՊւնտ շւգիլւր\n", "utf-8")
    plain = tiny.encoder("none", "none")
    made = adapt_encoder(str(plain), "translit(uroman)", {"qlb": text}, out=tmp_path / "romanised")
    transform = input_transform(made)
    raw, romanised = "Պւնտ շւգիլւր", transform("Պւնտ շւգիլւր")
    assert romanised.isascii() and romanised != raw
    encoder = TextEncoder(made, dtype="fp32")
    assert np.allclose(encoder.encode([raw]), TextEncoder(plain, dtype="fp32").encode([romanised]), atol=1e-6)
    tokenizer = encoder.model.tokenizer
    one = WordTokenizer(tokenizer, 40, transform=transform)([raw.split()])[0]
    other = WordTokenizer(tokenizer, 40)([romanised.split()])[0]
    assert [window.tolist() for window in one.windows] == [window.tolist() for window in other.windows]
