"""BM25 knows a word again in any case."""

from __future__ import annotations

import pytest

from xlreach.retrieval.bm25 import tokenize


@pytest.mark.parametrize("word", ["İstanbul", "ISPARTA", "ırmak", "DİYARBAKIR", "Iğdır"])
def test_turkish_words_are_one_word_in_any_case(word):
    turkish = {word, word.replace("i", "İ").upper(), word.lower(), word.replace("I", "ı").replace("İ", "i").lower()}
    assert len({tuple(tokenize(form)) for form in (*turkish, word.upper(), word.casefold())}) == 1
