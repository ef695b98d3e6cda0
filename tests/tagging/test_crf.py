"""The CRF against all valid sequences."""

from __future__ import annotations

import itertools

import pytest
import torch

from xlreach.tagging.crf import LinearChainCRF, may_follow

TAGS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")


def valid_sequences(length: int) -> list[tuple[int, ...]]:
    return [
        one
        for one in itertools.product(range(len(TAGS)), repeat=length)
        if all(may_follow(a, b) for a, b in itertools.pairwise(["O", *(TAGS[i] for i in one)]))
    ]


@pytest.fixture
def crf() -> LinearChainCRF:
    torch.manual_seed(1)
    crf = LinearChainCRF(TAGS)
    torch.nn.init.normal_(crf.transitions)
    return crf


def score(crf: LinearChainCRF, emissions: torch.Tensor, tags: tuple[int, ...]) -> torch.Tensor:
    emitted = sum(emissions[t, tag] for t, tag in enumerate(tags))
    return emitted + sum(crf.transitions[a, b] for a, b in itertools.pairwise(tags))


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_partition_likelihood_and_viterbi_by_brute_force(crf: LinearChainCRF, scale: float):
    lengths = [1, 2, 3, 4, 5]
    emissions = torch.randn(len(lengths), 5, len(TAGS)) * scale
    mask = torch.arange(5) < torch.tensor(lengths).unsqueeze(1)
    partition, best = crf.log_partition(emissions, mask), crf.viterbi(emissions, mask)
    for i, length in enumerate(lengths):
        scores = {tags: score(crf, emissions[i], tags) for tags in valid_sequences(length)}
        expected = torch.logsumexp(torch.stack(list(scores.values())), 0)
        assert partition[i].item() == pytest.approx(expected.item(), abs=1e-4)
        assert tuple(best[i]) == max(scores, key=lambda tags: scores[tags].item())
        some = next(iter(scores))
        padded = torch.full((1, 5), -100)
        padded[0, :length] = torch.tensor(some)
        likelihood = crf.log_likelihood(emissions[i : i + 1], padded, mask[i : i + 1])
        assert likelihood.item() == pytest.approx((scores[some] - expected).item(), abs=1e-4)


def test_gradients_are_finite_and_forbidden_moves_get_none(crf: LinearChainCRF):
    emissions = torch.randn(3, 6, len(TAGS), requires_grad=True)
    tags = torch.full((3, 6), TAGS.index("O"))
    mask = torch.arange(6) < torch.tensor([[6], [1], [3]])
    (-crf.log_likelihood(emissions, tags, mask).sum()).backward()
    assert torch.isfinite(emissions.grad).all()
    assert torch.isfinite(crf.transitions.grad).all()
    assert crf.transitions.grad[TAGS.index("O"), TAGS.index("I-PER")] == 0
    assert not emissions.grad[1, 1:].any()


def test_no_emissions_can_force_an_invalid_sequence(crf: LinearChainCRF):
    emissions = torch.zeros(1, 4, len(TAGS))
    emissions[:, :, TAGS.index("I-PER")] = 1e6
    best = [TAGS[i] for i in crf.viterbi(emissions, torch.ones(1, 4, dtype=torch.bool))[0]]
    assert best[1:] == ["I-PER"] * 3
    assert best[0] == "B-PER"
