"""A new, small encoder of XLM-R's architecture, pretrained on the given text by masked language modelling.

It serves as a study's base without a model hub, as a recipe to compare with, and as the fastest way to try the
toolkit. Its tokenizer is trained on the text, or given and trimmed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from xlreach.adapt.recipe import STEPS, Job, Step
from xlreach.adapt.save import save_encoder
from xlreach.adapt.tokenizer_file import read_tokenizer_json, special_tokens, token_id
from xlreach.compute.loading import attention_implementation
from xlreach.errors import DataError, SpecError, nearest
from xlreach.spec import param

_LATER_DROPOUT = 0.1


@STEPS.register
@dataclass(frozen=True)
class FromScratch(Step):
    """A new encoder, pretrained on the text of the languages."""

    name: ClassVar[str] = "scratch"
    version: ClassVar[int] = 5  # 5: fewer tokens at once, so other draws of dropout
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True
    starts: ClassVar[bool] = True

    layers: int = param(4, "transformer layers", minimum=1, maximum=48)
    hidden: int = param(128, "hidden size; a multiple of heads", minimum=8)
    heads: int = param(4, "attention heads", minimum=1)
    intermediate: int = param(512, "width of the feed-forward layers", minimum=8)
    vocab: int = param(4000, "largest size of a trained vocabulary", minimum=50, maximum=1_000_000)
    tokenizer: str = param("train", "train, or the path of a tokenizer.json")
    trim: bool = param(True, "keep only the pieces of a given vocabulary that the study's languages use")
    languages: tuple[str, ...] = param((), "the languages to pretrain on; all when empty")
    epochs: int = param(10, "passes over the text; the best one is kept", minimum=1, maximum=1000)
    lr: float = param(2e-3, "highest learning rate", minimum=0.0)
    batch: int = param(32, "lines of full length per batch; more lines where they are shorter", minimum=1)
    max_length: int = param(128, "longest input in pieces", minimum=8)
    mask: float = param(0.15, "share of pieces to mask and predict", minimum=0.01, maximum=0.9)
    warmup: int = param(200, "steps until the learning rate is at its highest", minimum=0)
    valid: float = param(0.05, "share of the documents held out to choose the epoch", minimum=0.0, maximum=0.5)
    dropout: float = param(0.0, "dropout of pretraining; later training uses 0.1", minimum=0.0, maximum=0.9)
    dtype: Literal["auto", "bfloat16", "float32"] = param("auto", "of the forward pass; auto: bfloat16 where fast")

    def __post_init__(self) -> None:
        if self.hidden % self.heads:
            raise SpecError(
                f"hidden={self.hidden} is not a multiple of heads={self.heads} in {str(self)!r}.",
                fix=f"Write hidden={-(-self.hidden // self.heads) * self.heads}.",
            )

    def files(self) -> tuple[Path, ...]:
        return () if self.tokenizer == "train" else (Path(self.tokenizer),)

    @property
    def new_weights(self) -> int:
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.intermediate)

    @property
    def uses_others(self) -> bool:
        """Whether a given vocabulary is trimmed: it keeps what any language of the study uses."""
        return self.tokenizer != "train" and self.trim

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.mlm import train_step
        from xlreach.adapt.mlm_data import EncodedText

        files = self._text(job)
        tokenizer = self._tokenizer(files, job.others)
        text = EncodedText.read(files, tokenizer, None, self.max_length)
        model = self._model(tokenizer, text, job.seed)
        measured = train_step(model, text, self, job)
        # Pretraining needs no dropout: a few passes do not overfit, and drawing it takes a quarter of a small model's
        # step. Fine-tuning on hundreds of sentences needs it, and reads it from the config.
        model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = _LATER_DROPOUT
        save_encoder(
            None,
            job,
            self,
            tokenizer=tokenizer,
            model=model,
            measured={**measured, "vocabulary": text.vocabulary, "pretrained_on": sorted(files)},
            max_length=self.max_length,
        )

    def _text(self, job: Job) -> Mapping[str, Path]:
        absent = [language for language in self.languages if language not in job.text]
        if absent:
            raise DataError(f"There is no text of {absent[0]!r} to pretrain on.", fix=nearest(absent[0], job.text))
        return {language: job.text[language] for language in self.languages} if self.languages else job.text

    def _tokenizer(self, files: Mapping[str, Path], others: Mapping[str, Path]) -> dict[str, Any]:
        from xlreach.adapt.segmentation import text_lines
        from xlreach.adapt.trimming import trimmed
        from xlreach.adapt.unigram import new_tokenizer

        if self.tokenizer == "train":
            return new_tokenizer(text_lines(files[language] for language in sorted(files)), self.vocab)
        content = read_tokenizer_json(Path(self.tokenizer))
        if not self.trim:
            return content
        return trimmed(content, [by_language[code] for by_language in (files, others) for code in sorted(by_language)])

    def _model(self, tokenizer: dict[str, Any], text: Any, seed: int) -> Any:
        import torch
        from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

        roles = special_tokens(None, tokenizer)
        config = XLMRobertaConfig(
            vocab_size=text.vocabulary,
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.intermediate,
            max_position_embeddings=self.max_length + text.pad + 1,  # positions count on from the padding id
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
            pad_token_id=text.pad,
            bos_token_id=token_id(tokenizer, roles["cls_token"]),
            eos_token_id=token_id(tokenizer, roles["sep_token"]),
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            attention = attention_implementation("cuda" if torch.cuda.is_available() else "cpu")
            return XLMRobertaForMaskedLM._from_config(config, attn_implementation=attention)
