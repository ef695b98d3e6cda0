"""Replacing an encoder's whole vocabulary: by the part that a text uses (`trim`), or by another one (`replace`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from xlreach.adapt.encoder import Provenance
from xlreach.adapt.recipe import STEPS, Job, Step, require_source
from xlreach.adapt.romanize import with_input_of
from xlreach.adapt.save import save_encoder
from xlreach.adapt.tokenizer_file import read_tokenizer, read_tokenizer_json, special_tokens, token_id
from xlreach.errors import DataError, ModelError
from xlreach.spec import param

if TYPE_CHECKING:
    from xlreach.adapt.segmentation import Segmenter
    from xlreach.adapt.static_vectors import Mixture

_NO_SEED = 0  # `trim` draws nothing but a head where the base has none


@STEPS.register
@dataclass(frozen=True)
class VocabularyTrimming(Step):
    """Removes the pieces that occur neither in the languages' text nor in the other languages' text.

    The encoder gets smaller; every line of these texts is split as before and gets the same vectors. Other text is
    split into smaller pieces, and characters that did not occur become unknown.
    """

    name: ClassVar[str] = "trim"
    uses_text: ClassVar[bool] = True

    @property
    def uses_others(self) -> bool:
        return True

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.masked_lm import load_masked_lm
        from xlreach.adapt.segmentation import Segmenter
        from xlreach.adapt.trimming import trimmed_exactly

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        files = [texts[language] for texts in (job.text, job.others) for language in sorted(texts)]
        if not files:
            raise DataError("There is no text to trim the vocabulary to.", fix="Give text of the languages.")
        base = Segmenter(read_tokenizer(folder))
        small = Segmenter(trimmed_exactly(base.content, files))
        old, new = (segmenter.tokenizer.get_vocab(with_added_tokens=True) for segmenter in (base, small))
        plan: list[Mixture | None] = [([old[piece]], [1.0]) for piece in sorted(new, key=new.__getitem__)]
        model, warnings = load_masked_lm(folder, _NO_SEED)
        _replace_rows(model, small.content, folder, plan, _NO_SEED)
        before = Provenance.read(folder)
        changes: dict[str, Any] = {"new_pieces": tuple(piece for piece in before.new_pieces if piece in new)}
        if before.tier is not None:
            new_ids = {old[piece]: id_ for piece, id_ in new.items()}
            rows = sorted(new_ids[row] for row in before.tier["rows"] if row in new_ids)
            changes["tier"] = {**before.tier, "rows": rows}
        measured = {"vocabulary": len(new), "before": len(old)}
        content = small.content
        save_encoder(
            folder, job, self, tokenizer=content, model=model, measured=measured, warnings=warnings, changes=changes
        )


@STEPS.register
@dataclass(frozen=True)
class VocabularyReplacement(Step):
    """Replaces the encoder's vocabulary by another one, trained on the text or given.

    Pieces in both vocabularies keep their rows. For the others, `mean` takes the mean of the rows of the pieces that
    the string was split into before (FVT, Gee et al. 2022), and `focus` mixes rows by static vectors (FOCUS, Dobler
    and de Melo 2023); pieces that this gives no row, and all with `random`, get random rows with the mean and variance
    of the old ones. A trained vocabulary has the kind, special tokens and normalization of the old one. Without a
    later `lapt` the encoder is of little use.
    """

    name: ClassVar[str] = "replace"
    uses_seed: ClassVar[bool] = True
    uses_text: ClassVar[bool] = True

    vocab: int = param(8000, "largest size of a trained vocabulary", minimum=50, maximum=1_000_000)
    tokenizer: str = param("train", "train, or the path of a tokenizer.json")
    init: Literal["mean", "focus", "random"] = param("mean", "how the rows of pieces that the base does not have start")

    def files(self) -> tuple[Path, ...]:
        return () if self.tokenizer == "train" else (Path(self.tokenizer),)

    def apply(self, source: Path | None, job: Job) -> None:
        from xlreach.adapt.masked_lm import load_masked_lm
        from xlreach.adapt.segmentation import Segmenter

        folder = require_source(source, self)
        job = with_input_of(folder, job)
        base = Segmenter(read_tokenizer(folder))
        files = [job.text[language] for language in sorted(job.text)]
        content = retrained(base, files, self.vocab) if self.tokenizer == "train" else self._given(base, folder)
        plan, new_pieces, rows = self._plan(base, Segmenter(content), files, job.seed)
        model, warnings = load_masked_lm(folder, job.seed)
        _replace_rows(model, content, folder, plan, job.seed)
        changes: dict[str, Any] = {"new_pieces": tuple(new_pieces), "tier": None}
        if self.tokenizer != "train":
            changes["transliterated"] = ()
        measured = {"vocabulary": len(plan), "rows": rows}
        save_encoder(
            folder, job, self, tokenizer=content, model=model, measured=measured, warnings=warnings, changes=changes
        )

    def _plan(
        self, base: Segmenter, new: Segmenter, files: Sequence[Path], seed: int
    ) -> tuple[list[Mixture | None], list[str], dict[str, int]]:
        """For each new id the old ids and weights it starts from (None: random); the new pieces; and counts."""
        old = base.tokenizer.get_vocab(with_added_tokens=True)
        ids = new.tokenizer.get_vocab(with_added_tokens=True)
        special = {token["content"] for token in new.content["added_tokens"]}
        added = sorted((piece for piece in ids if piece not in old), key=ids.__getitem__)
        mixtures: dict[str, Mixture] = {}
        if self.init == "focus":
            from xlreach.adapt.static_vectors import focus

            overlap = {piece: old[piece] for piece in ids if piece in old and piece not in special}
            mixtures = focus(new.content, files, added, overlap, seed)
        elif self.init == "mean":
            for piece in added:
                if sources := [id_ for id_ in base.old_ids(piece) if id_ != base.unknown]:
                    mixtures[piece] = (sources, [1 / len(sources)] * len(sources))
        plan: list[Mixture | None] = [None] * (max(ids.values()) + 1)
        for piece, id_ in ids.items():
            plan[id_] = ([old[piece]], [1.0]) if piece in old else mixtures.get(piece)
        counts = {"copied": len(ids) - len(added), "random": len(added) - len(mixtures)}
        return plan, added, counts | ({self.init: len(mixtures)} if self.init != "random" else {})

    def _given(self, base: Segmenter, folder: Path) -> dict[str, Any]:
        from xlreach.adapt.segmentation import Segmenter

        content = read_tokenizer_json(Path(self.tokenizer))
        try:
            given = Segmenter(content)
        except ModelError as error:
            raise ModelError(str(error), path=self.tokenizer) from error
        ours = set(special_tokens(folder, base.content).values())
        absent = sorted(ours - {token["content"] for token in content["added_tokens"]})
        if given.kind != base.kind or absent:
            raise ModelError(
                f"A {given.kind} tokenizer{f' without {absent[0]!r}' if absent else ''}, for an encoder with "
                f"a {base.kind} tokenizer.",
                expected=f"Expected a {base.kind} tokenizer with the special tokens {', '.join(sorted(ours))}.",
                path=self.tokenizer,
            )
        return content


def retrained(base: Segmenter, files: Sequence[Path], size: int) -> dict[str, Any]:
    """A `tokenizer.json` of the base's kind, special tokens (with the first ids) and normalization, trained on text.

    `size` is the largest number of entries, special tokens included.

    Raises:
        DataError: There is no text, or not enough.
    """
    from xlreach.adapt.segmentation import count_words, text_lines
    from xlreach.adapt.trimming import renumbered
    from xlreach.adapt.unigram import train_pieces
    from xlreach.adapt.wordpiece import train_wordpiece

    words = count_words(files)
    if not words:
        raise DataError("There is no text to train a vocabulary on.", fix="Give text of the languages.")
    model = base.content["model"]
    special = sorted(base.content["added_tokens"], key=lambda token: token["id"])
    front = [token["content"] for number, token in enumerate(special) if token["id"] == number]
    behind = [token["content"] for token in special if token["content"] not in front]
    room = size - len(special)
    if base.kind == "WordPiece":
        counted: Counter[str] = Counter()
        for word, count in words.items():
            counted.update({pretoken: n * count for pretoken, n in Counter(base.pretokenize(word)).items()})
        pieces = train_wordpiece(counted, room, 2, max(1, room // 2))
        order = [*front, *behind, *(piece for piece in pieces if piece not in {*front, *behind})]
        vocab: Any = {piece: id_ for id_, piece in enumerate(order)}
        return renumbered({**base.content, "model": {**model, "vocab": vocab}}, dict(vocab))
    scored = train_pieces([base.normalize(line) for line in text_lines(files)], room, size)
    taken = {*front, *behind}
    entries = [[piece, 0.0] for piece in front]
    entries += [[piece, score] for piece, score in scored if piece not in taken]
    entries += [[piece, 0.0] for piece in behind]
    ids = {str(piece): id_ for id_, (piece, _) in enumerate(entries)}
    unknown = ids[model["vocab"][model["unk_id"]][0]]
    return renumbered({**base.content, "model": {**model, "vocab": entries, "unk_id": unknown}}, ids)


def _replace_rows(
    model: Any, tokenizer: dict[str, Any], folder: Path, plan: Sequence[Mixture | None], seed: int
) -> None:
    """Writes one row for each entry of `plan` into the embeddings, the output layer and its bias."""
    import torch

    from xlreach.adapt.masked_lm import resize_vocabulary, set_output_bias

    roles = special_tokens(folder, tokenizer)
    config = model.config
    pad = token_id(tokenizer, roles["pad_token"])
    if "roberta" in config.model_type and pad != config.pad_token_id:
        raise ModelError(
            f"The padding id would change from {config.pad_token_id} to {pad}, and every position with it.",
            expected=f"Expected {roles['pad_token']!r} at id {config.pad_token_id}.",
        )
    output = model.get_output_embeddings()
    tables = [model.get_input_embeddings().weight.detach().clone()]
    if output is not None:
        tables += [output.weight.detach().clone(), output.bias.detach().clone()]
    generator = torch.Generator().manual_seed(seed)
    made = []
    for table in tables:
        mean, std = table.mean(0), table.std(0)
        rows = torch.empty(len(plan), *table.shape[1:])
        for id_, mixture in enumerate(plan):
            if mixture is None:
                rows[id_] = mean + std * torch.randn(mean.shape, generator=generator)
            elif len(mixture[0]) == 1:
                rows[id_] = table[mixture[0][0]]
            else:
                weights = torch.tensor(mixture[1]).reshape(-1, *[1] * (table.dim() - 1))
                rows[id_] = (weights * table[mixture[0]]).sum(0)
        made.append(rows)
    resize_vocabulary(model, len(plan))
    embeddings = model.get_input_embeddings().weight
    with torch.no_grad():
        embeddings.copy_(made[0])
        if output is not None:
            output = model.get_output_embeddings()
            if output.weight is not embeddings:  # a tied output layer shows the embeddings' rows, drawn ones too
                output.weight.copy_(made[1])
            set_output_bias(model, made[2])
    for key, role in (("pad_token_id", "pad_token"), ("bos_token_id", "cls_token"), ("eos_token_id", "sep_token")):
        if getattr(config, key, None) is not None:
            setattr(config, key, token_id(tokenizer, roles[role]))
