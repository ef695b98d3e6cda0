"""Single-root decoding against all trees."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from xlreach.tagging.trees import decode_heads


def reaches_root(heads: tuple[int, ...]) -> bool:
    for word in range(1, len(heads) + 1):
        seen = set()
        while word:
            if word in seen:
                return False
            seen.add(word)
            word = heads[word - 1]
    return True


def is_tree(heads: tuple[int, ...]) -> bool:
    return reaches_root(heads) and heads.count(0) == 1


def all_trees(n: int) -> list[tuple[int, ...]]:
    return [heads for heads in itertools.product(range(n + 1), repeat=n) if reaches_root(heads)]


TREES = {n: all_trees(n) for n in range(1, 6)}


def value(scores: np.ndarray, heads: np.ndarray | tuple[int, ...]) -> float:
    return float(sum(scores[d, h] for d, h in enumerate(heads, 1)))


def test_the_number_of_trees_is_cayleys():
    assert [len(TREES[n]) for n in TREES] == [(n + 1) ** (n - 1) for n in TREES]
    assert [sum(t.count(0) == 1 for t in TREES[n]) for n in TREES] == [n ** (n - 1) for n in TREES]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["normal", "ties", "rooty", "wide"])
def test_best_of_all_trees(n: int, kind: str):
    rng = np.random.default_rng([n, len(kind)])
    for _ in range(60):
        scores = rng.normal(size=(n + 1, n + 1))
        if kind == "ties":
            scores = rng.integers(0, 3, size=(n + 1, n + 1)).astype(float)
        if kind == "rooty":
            scores[:, 0] += 3  # the unconstrained tree has several roots
        if kind == "wide":
            scores = np.exp(3 * scores) * rng.choice([-1, 1], size=scores.shape)
        single = [tree for tree in TREES[n] if is_tree(tree)]
        best = decode_heads(scores)
        assert tuple(best) in single
        assert value(scores, best) == pytest.approx(max(value(scores, t) for t in single), abs=1e-9)


def test_long_sentences_have_one_root_and_no_worse_tree_than_by_single_changes():
    rng = np.random.default_rng(7)
    for n in (20, 60):
        scores = rng.normal(size=(n + 1, n + 1))
        best = decode_heads(scores)
        assert is_tree(tuple(best))
        for word in range(n):
            for head in range(n + 1):
                changed = best.copy()
                changed[word] = head
                assert not is_tree(tuple(changed)) or value(scores, changed) <= value(scores, best) + 1e-9


def test_scores_are_not_changed_and_must_be_finite():
    scores = np.zeros((3, 3))
    decode_heads(scores)
    assert not scores.any()
    scores[1, 2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        decode_heads(scores)
