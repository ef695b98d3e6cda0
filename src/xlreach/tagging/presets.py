"""How taggers are trained, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from xlreach.errors import ConfigError, nearest


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Hyper-parameters of fine-tuning.

    Attributes:
        epochs: The largest number of passes over the training data.
        patience: Training ends after this many epochs without a better dev figure.
        head_lr: Peak learning rate of the head, the layer mix and the parser's root.
        encoder_lr: Peak learning rate of the encoder, for a hidden size of 768.
        scale_lr: Whether a narrower encoder gets a larger rate: times (768 / hidden size)², at most 3e-3 (near the
            best of the rates tried for few epochs; see `encoder_rate`).
        dev_sentences: The number of dev sentences that decide which epoch is best; None is all.
        schedule: After the warm-up: `inverse_sqrt` (of the epochs since), `linear` (to zero at the last epoch) or
            `constant`.
        steps_factor: If given, peak rates are multiplied by it and divided by the root of the steps per epoch: UDify's
            inverse square root of *steps*, expressed in epochs.
        bias_correction: Whether Adam corrects the encoder's moments for starting at zero; BERT's own Adam did not.
        warmup_epochs: Epochs in which the rate rises to its peak; for the encoder, counted from when it is trained.
        frozen_epochs: Epochs at the start in which the encoder is not trained.
        attention_dropout: Dropout of the encoder's attention weights; None keeps the encoder's configuration. On CPU
            it costs a sixth of a step.
        hidden_dropout: The same for the encoder's other dropout, a fifth of a step for a small encoder.
        layer_dropout: The probability that a layer is left out of the mix, in training.
        batch_sentences: The largest number of sentences in a batch.
        batch_pieces: The largest number of pieces in a batch, padding included.
        precision: `auto` is bfloat16 where the processor multiplies it in hardware, else `float32`.
    """

    epochs: int
    patience: int
    head_lr: float = 1e-3
    encoder_lr: float = 5e-5
    scale_lr: bool = False
    dev_sentences: int | None = None
    schedule: Literal["inverse_sqrt", "linear", "constant"] = "inverse_sqrt"
    steps_factor: float | None = None
    bias_correction: bool = True
    warmup_epochs: float = 1.0
    frozen_epochs: int = 1
    weight_decay: float = 0.01
    max_grad_norm: float = 5.0
    attention_dropout: float | None = None
    hidden_dropout: float | None = None
    layer_dropout: float = 0.1
    batch_sentences: int = 32
    batch_pieces: int = 4096
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def encoder_rate(self, width: int) -> float:
        """The encoder's peak learning rate at a hidden size."""
        if not self.scale_lr or width >= 768:
            return self.encoder_lr
        return max(self.encoder_lr, min(self.encoder_lr * (768 / width) ** 2, 3e-3))


_FAST = Preset(
    epochs=5, patience=3, head_lr=8e-3, encoder_lr=1e-4, scale_lr=True, schedule="linear", warmup_epochs=0.5,
    frozen_epochs=0, attention_dropout=0.0, hidden_dropout=0.0, batch_sentences=64, batch_pieces=384, dev_sentences=300,
)  # fmt: skip
PRESETS = {
    # Chau and Smith 2021, §3 and the authors' configurations; sentences per batch by task and language where they have
    # the language (`_PAPER_BATCHES`). Their five seeds: 1337, 337, 1537, 2460, 1279.
    "paper": Preset(epochs=200, patience=20, steps_factor=5.0, bias_correction=False, batch_pieces=8192),
    # For a small machine: half a minute for a thousand sentences and a small encoder.
    "fast": _FAST,
    # For a demonstration: seconds on a few hundred sentences and a small encoder.
    "quick": replace(_FAST, epochs=4, patience=4, dev_sentences=100),
}

# The same for static vectors under BiLSTMs, which learn from scratch: more epochs, each at a fraction of the cost.
_STATIC_FAST = Preset(
    epochs=20, patience=5, head_lr=4e-3, schedule="linear", warmup_epochs=0.5, frozen_epochs=0, weight_decay=0.0,
    precision="float32", dev_sentences=300,
)  # fmt: skip
_STATIC = {
    "paper": Preset(
        epochs=200, patience=20, schedule="constant", warmup_epochs=0.0, frozen_epochs=0, weight_decay=0.0,
        batch_sentences=128, batch_pieces=16384, precision="float32",
    ),
    "fast": _STATIC_FAST,
    "quick": replace(_STATIC_FAST, epochs=10, patience=10, dev_sentences=100),
}  # fmt: skip

# Sentences per batch in Chau and Smith's configurations of fine-tuned encoders; other languages take 32.
_TREEBANK_BATCHES = {"be": 32, "bg": 64, "ga": 8, "mt": 64, "ug": 64, "ur": 32, "vi": 64, "wo": 64}
_PAPER_BATCHES = {
    "pos": _TREEBANK_BATCHES,
    "parse": _TREEBANK_BATCHES,
    "ner": {"be": 64, "bg": 32, "ga": 64, "mhr": 128, "mt": 128, "ug": 64, "ur": 32, "vi": 128},
}


def preset_for(name: str, task: str, language: str, static: bool = False) -> Preset:
    """The preset of that name for a task in a language; `static` where words are static vectors.

    Raises:
        ConfigError: There is no such preset.
    """
    preset = check_preset(name)
    if static:
        return _STATIC[name]
    batch = _PAPER_BATCHES.get(task, {}).get(language) if name == "paper" else None
    return preset if batch is None else replace(preset, batch_sentences=batch)


def check_preset(name: str) -> Preset:
    """The preset of that name, as for other languages than the paper's.

    Raises:
        ConfigError: There is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"Unknown preset {name!r}.", fix=nearest(name, PRESETS))
    return PRESETS[name]
