"""How taggers are trained, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from xlreach.errors import ConfigError, nearest


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Hyper-parameters of fine-tuning.

    Attributes:
        epochs: At most so many passes over the training data.
        patience: Training ends after so many epochs without a better dev figure.
        head_lr: Peak learning rate of the head, the layer mix and the parser's root.
        encoder_lr: Peak learning rate of the encoder, for a hidden size of 768.
        scale_lr: Whether a narrower encoder gets a larger rate: times (768 / hidden size)², at most 3e-3 (near the
            best of those tried for few epochs; see `encoder_rate`).
        dev_sentences: At most so many dev sentences decide which epoch is best; None is all.
        schedule: After the warm-up: `inverse_sqrt` (of epochs since), `linear` (to nothing at the last
            epoch) or `constant`.
        steps_factor: Where given, peak rates are times this over the root of an epoch's steps, which is how UDify's
            inverse square root of *steps* comes out in epochs.
        bias_correction: Whether Adam corrects the encoder's moments for having begun at zero; BERT's own Adam did not.
        warmup_epochs: Epochs in which the rate rises to its peak; for the encoder they begin when it thaws.
        frozen_epochs: Epochs at the start in which the encoder is not trained.
        attention_dropout: Dropout of the encoder's attention weights; None is the encoder's own. On CPU it costs
            a sixth of a step.
        hidden_dropout: The same for the encoder's other dropout, which costs a small one a fifth of a step.
        layer_dropout: How likely a layer is left out of the mix, in training.
        batch_sentences: At most so many sentences a batch …
        batch_pieces: … and at most so many pieces, padding counted.
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


PRESETS = {
    # Chau and Smith 2021, §3 and the authors' configurations; sentences a batch are theirs by task and language where
    # they have the language (`_PAPER_BATCHES`). Their five seeds: 1337, 337, 1537, 2460, 1279.
    "paper": Preset(epochs=200, patience=20, steps_factor=5.0, bias_correction=False, batch_pieces=8192),
    # A small machine: half a minute for a thousand sentences and a small encoder.
    "fast": Preset(
        epochs=5, patience=3, head_lr=8e-3, encoder_lr=1e-4, scale_lr=True, schedule="linear", warmup_epochs=0.5,
        frozen_epochs=0, attention_dropout=0.0, hidden_dropout=0.0, batch_sentences=64, batch_pieces=384,
        dev_sentences=300,
    ),
    # A demonstration: seconds on a few hundred sentences and a small encoder.
    "quick": Preset(
        epochs=4, patience=4, head_lr=8e-3, encoder_lr=1e-4, scale_lr=True, schedule="linear", warmup_epochs=0.5,
        frozen_epochs=0, attention_dropout=0.0, hidden_dropout=0.0, batch_sentences=64, batch_pieces=384,
        dev_sentences=100,
    ),
}  # fmt: skip


# The same for static vectors under BiLSTMs, which learn from scratch: more epochs, of a fraction of the cost.
_STATIC = {
    "paper": Preset(
        epochs=200, patience=20, schedule="constant", warmup_epochs=0.0, frozen_epochs=0, weight_decay=0.0,
        batch_sentences=128, batch_pieces=16384, precision="float32",
    ),
    "fast": Preset(
        epochs=20, patience=5, head_lr=4e-3, schedule="linear", warmup_epochs=0.5, frozen_epochs=0, weight_decay=0.0,
        precision="float32", dev_sentences=300,
    ),
    "quick": Preset(
        epochs=10, patience=10, head_lr=4e-3, schedule="linear", warmup_epochs=0.5, frozen_epochs=0, weight_decay=0.0,
        precision="float32",
        dev_sentences=100,
    ),
}  # fmt: skip
# Sentences a batch in Chau and Smith's configurations of fine-tuned encoders; other languages take 32.
_PAPER_BATCHES = {
    "pos": {"be": 32, "bg": 64, "ga": 8, "mt": 64, "ug": 64, "ur": 32, "vi": 64, "wo": 64},
    "parse": {"be": 32, "bg": 64, "ga": 8, "mt": 64, "ug": 64, "ur": 32, "vi": 64, "wo": 64},
    "ner": {"be": 64, "bg": 32, "ga": 64, "mhr": 128, "mt": 128, "ug": 64, "ur": 32, "vi": 128},
}


def preset_for(name: str, task: str, language: str, static: bool = False) -> Preset:
    """The preset of that name as it is used for a task in a language.

    Args:
        task: `pos`, `parse` or `ner`.
        language: As `Language.code`.
        static: Whether static vectors are read, and no encoder.

    Raises:
        ConfigError: There is no such preset.
    """
    preset = check_preset(name)
    if static:
        return _STATIC[name]
    batch = _PAPER_BATCHES.get(task, {}).get(language) if name == "paper" else None
    return preset if batch is None else replace(preset, batch_sentences=batch)


def check_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in PRESETS:
        raise ConfigError(f"Unknown preset {name!r}.", fix=nearest(name, PRESETS))
    return PRESETS[name]
