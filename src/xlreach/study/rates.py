"""How fast this machine is: a few steps of an encoder of a given shape, timed, and kept below the store.

    artifacts/.rates/<machine>.json     rates by shape and precision, measured once a machine and number of threads

An encoder of the shape, with random weights, is trained and read with for a second or two. A training step costs a
part that depends on the weights alone (the optimizer) and a part for each piece, so two sizes of batch are timed.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from xlreach.errors import StoreError, XLReachError
from xlreach.safe_io import read_json
from xlreach.store import digest, replacing

Precision = Literal["float32", "bfloat16"]
_SMALL, _LARGE, _READ = (8, 48), (32, 64), (16, 64)  # batches: texts, pieces
_MASKED = 0.15
_REPEATS, _SECONDS = 3, 1.5
_VERSION = 1


@dataclass(frozen=True)
class Shape:
    """What decides an encoder's speed and size."""

    layers: int
    hidden: int
    heads: int
    intermediate: int
    vocabulary: int

    @property
    def inner(self) -> int:
        """Weights outside of the embedding table."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.intermediate)

    @property
    def weights(self) -> int:
        return self.inner + (self.vocabulary + 512) * self.hidden


@dataclass(frozen=True)
class Rates:
    """Seconds on this machine, for one shape in one precision.

    Attributes:
        step: Of a training step, whatever its batch.
        trained_piece: Of a piece that is trained on, padding included.
        masked_piece: Of a masked piece under the language-modelling head, beside that.
        read_piece: Of a piece that is only read.
    """

    step: float
    trained_piece: float
    masked_piece: float
    read_piece: float


class Machine:
    """The rates of this machine, measured when first asked for.

    Args:
        folder: The store's root.
        tell: Is told when something is measured.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._path = folder / ".rates" / f"{digest(_circumstances())}.json"
        self._tell = tell
        self._known: dict[str, Any] = self._read()

    def rates(self, shape: Shape, precision: Precision) -> Rates:
        """The rates of a shape, from the file or measured now."""
        name = f"{precision} {json.dumps(asdict(shape))}"
        if name not in self._known:
            self._tell(f"measuring an encoder of {shape.weights / 1e6:.1f} million weights in {precision} …")
            self._known[name] = asdict(_measure(shape, precision))
            self._write()
        return Rates(**self._known[name])

    @property
    def resident_mb(self) -> float:
        """What a process takes once its libraries are loaded."""
        if "resident_mb" not in self._known:
            import psutil
            import sentence_transformers  # noqa: F401  (what it brings along is what is measured)

            self._known["resident_mb"] = round(psutil.Process().memory_info().rss / 2**20, 1)
        return float(self._known["resident_mb"])

    def _read(self) -> dict[str, Any]:
        try:
            found = read_json(self._path) if self._path.is_file() else {}
        except XLReachError:
            return {}
        return found if isinstance(found, dict) and found.get("version") == _VERSION else {}

    def _write(self) -> None:
        """Keeps them for the next time; a store that cannot be written does without."""
        try:
            with replacing(self._path) as path:
                content = {"version": _VERSION, "machine": _circumstances(), **self._known}
                path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        except (OSError, StoreError):
            return


def _circumstances() -> dict[str, Any]:
    """What rates depend on beside the shape."""
    import torch

    return {
        "machine": [platform.node(), platform.machine(), os.cpu_count()],
        "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
    }


def _measure(shape: Shape, precision: Precision) -> Rates:
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = XLMRobertaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, intermediate_size=shape.intermediate, max_position_embeddings=514,
    )  # fmt: skip
    attention = "sdpa" if device.type == "cuda" else "eager"
    with torch.random.fork_rng(devices=[]):
        model: Any = XLMRobertaForMaskedLM._from_config(config, attn_implementation=attention).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
        half = precision == "bfloat16"

        def forward(batch: tuple[int, int], head: bool) -> Any:
            ids = torch.randint(5, shape.vocabulary, batch, device=device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                hidden = model.roberta(input_ids=ids).last_hidden_state.flatten(0, 1)
                if not head:
                    return hidden.float().square().mean()
                logits = model.lm_head(hidden[: int(_MASKED * len(hidden))])
            return torch.nn.functional.cross_entropy(logits.float(), ids.flatten()[: len(logits)])

        def step(batch: tuple[int, int], head: bool = False) -> None:
            forward(batch, head).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        def read() -> None:
            with torch.inference_mode():
                forward(_READ, False).item()

        model.train()
        small, large = _timed(lambda: step(_SMALL)), _timed(lambda: step(_LARGE))
        masked = _timed(lambda: step(_LARGE, head=True))
        model.eval()
        reading = _timed(read)
    pieces = [texts * length for texts, length in (_SMALL, _LARGE, _READ)]
    each = max((large - small) / (pieces[1] - pieces[0]), large / pieces[1] / 4)
    return Rates(
        step=max(small - each * pieces[0], 0.0),
        trained_piece=each,
        masked_piece=max(masked - large, 0.0) / (_MASKED * pieces[1]),
        read_piece=reading / pieces[2],
    )


def _timed(work: Callable[[], None]) -> float:
    """The middle of a few runs, after one that does not count."""
    work()
    found: list[float] = []
    while len(found) < _REPEATS or (sum(found) < _SECONDS / 3 and len(found) < 20):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return sorted(found)[len(found) // 2]
