"""A linear-chain conditional random field over IOB2 tags that gives invalid sequences no probability.

Lafferty, McCallum and Pereira 2001. A tag `I-X` may follow only `B-X` or `I-X`, and none may open a sentence; there
are no further start or end scores (as Chau and Smith 2021). The constraint holds in the partition
function as well as in decoding, so that training spends nothing on sequences that cannot be predicted.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LinearChainCRF(nn.Module):
    """Scores, normalizes and decodes tag sequences.

    Args:
        tags: The IOB2 tags in the order of the emission scores; every `I-X` needs its `B-X`.
    """

    allowed: Tensor
    opens: Tensor

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__()
        allowed = torch.tensor([[may_follow(before, after) for after in tags] for before in tags])
        opens = torch.tensor([may_follow("O", tag) for tag in tags])
        self.register_buffer("allowed", torch.zeros(allowed.shape).masked_fill(~allowed, -torch.inf), persistent=False)
        self.register_buffer("opens", torch.zeros(opens.shape).masked_fill(~opens, -torch.inf), persistent=False)
        self.transitions = nn.Parameter(torch.zeros(len(tags), len(tags)))

    def log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Log-probability of each sequence, (batch,), from scores of shape (batch, length, tags).

        `tags`, (batch, length), are indices of a valid sequence, read only where `mask` is true: for words, the first
        position included, right-padded.
        """
        return self.sequence_score(emissions, tags, mask) - self.log_partition(emissions, mask)

    def sequence_score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """The unnormalized log-score of each sequence, (batch,); arguments as `log_likelihood`."""
        tags = tags.masked_fill(~mask, 0)
        emitted = emissions.float().gather(2, tags.unsqueeze(2)).squeeze(2)
        moved = self.transitions[tags[:, :-1], tags[:, 1:]]
        return (emitted * mask).sum(1) + (moved * mask[:, 1:]).sum(1)

    def log_partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Log of the summed exponentiated scores of all valid sequences, (batch,)."""
        emissions = emissions.float()
        moves = self.transitions + self.allowed
        alpha = emissions[:, 0] + self.opens
        for t in range(1, emissions.shape[1]):
            step = torch.logsumexp(alpha.unsqueeze(2) + moves, dim=1) + emissions[:, t]
            alpha = torch.where(mask[:, t : t + 1], step, alpha)
        return torch.logsumexp(alpha, dim=1)

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """The best valid sequence of tag indices of each sentence (Viterbi 1967)."""
        emissions = emissions.float()
        moves = self.transitions + self.allowed
        best = emissions[:, 0] + self.opens
        back = []
        for t in range(1, emissions.shape[1]):
            step, origin = (best.unsqueeze(2) + moves).max(dim=1)
            inside = mask[:, t : t + 1]
            best = torch.where(inside, step + emissions[:, t], best)
            # Padding points back at itself, so that the walk below starts at the last word of every row.
            back.append(torch.where(inside, origin, torch.arange(moves.shape[0], device=moves.device)))
        tag = best.argmax(dim=1)
        walked = [tag]
        for origin in reversed(back):
            tag = origin.gather(1, tag.unsqueeze(1)).squeeze(1)
            walked.append(tag)
        rows = torch.stack(walked[::-1], dim=1).tolist()
        return [row[:length] for row, length in zip(rows, mask.sum(1).tolist(), strict=True)]


def may_follow(before: str, after: str) -> bool:
    """Whether tag `after` may follow tag `before` in IOB2; the start of a sentence counts as `O`."""
    return not after.startswith("I-") or before[2:] == after[2:]
