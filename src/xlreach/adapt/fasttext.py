"""Static word vectors as a recipe step: fastText on the languages' text, for taggers that encode sentences themselves.

The baseline of Chau & Smith (2021) without a pretrained encoder ("FASTT"): vectors of 100 dimensions, trained on the
same text as the other recipes. Needs gensim (the extra `static`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tokenizers.pre_tokenizers import BertPreTokenizer

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import STEPS, Job, Step
from xlreach.adapt.save import record_step
from xlreach.adapt.static_vectors import StaticVectors, TokenizedText
from xlreach.errors import DataError, MissingExtraError
from xlreach.spec import param

_SPLITTER = BertPreTokenizer()


@STEPS.register
@dataclass(frozen=True)
class FastTextVectors(Step):
    """Trains skip-gram vectors of words and of their character n-grams (Bojanowski et al. 2017), case kept.

    All settings except `buckets` are by default fastText's own, as in the paper: n-grams of 3 to 6 characters, a
    window of 5, 5 negative samples, a learning rate of 0.05. Words end at white space and punctuation. The result is
    not an encoder: only taggers read it.
    """

    name: ClassVar[str] = "fasttext"
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True
    starts: ClassVar[bool] = True
    static: ClassVar[bool] = True

    dim: int = param(100, "width of a vector", minimum=1, maximum=10_000)
    epochs: int = param(5, "passes over the text", minimum=1, maximum=1000)
    min_count: int = param(5, "rarer words have only the vectors of their n-grams", minimum=1)
    buckets: int = param(200_000, "rows that the character n-grams share", minimum=1, maximum=10_000_000)

    def apply(self, source: Path | None, job: Job) -> None:
        try:
            from gensim.models import FastText
        except ImportError as error:
            raise MissingExtraError("gensim", "static", "The recipe step fasttext") from error
        words = TokenizedText([job.text[language] for language in sorted(job.text)], split_words)
        settings: dict[str, Any] = {"vector_size": self.dim, "min_count": self.min_count, "bucket": self.buckets}
        model = FastText(sg=1, alpha=0.05, epochs=self.epochs, seed=job.seed % 2**31, workers=1, **settings)
        model.build_vocab(corpus_iterable=words)
        if not len(model.wv):
            raise DataError(
                f"No word occurs {self.min_count} times in the text of {', '.join(sorted(job.text)) or 'no language'}.",
                fix=f"Give more text, or write {self.name}(min_count=1).",
            )
        model.train(corpus_iterable=words, total_examples=model.corpus_count, epochs=model.epochs)
        StaticVectors.of(model).save(job.out)
        job.cost["tokens"] = job.cost.get("tokens", 0) + model.corpus_total_words * self.epochs
        measured = {"words": len(model.wv), "tokens": int(model.corpus_total_words)}
        record_step(Provenance(), job, self, measured)


def split_words(lines: list[str]) -> Iterator[list[str]]:
    """Splits lines, without the empty ones, into words; punctuation is apart, as in treebanks."""
    return ([word for word, _ in _SPLITTER.pre_tokenize_str(line)] for line in lines if line)
