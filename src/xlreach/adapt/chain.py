"""A whole recipe at once, outside a study: each step's encoder is the next one's source; only the last is kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from xlreach.adapt.encoder import resolve_base
from xlreach.adapt.recipe import Job, Recipe
from xlreach.adapt.text import prepare_text
from xlreach.corpora.text import read_lines
from xlreach.errors import DataError
from xlreach.store import replacing


def adapt_encoder(base: str, recipe: str, text: Mapping[str, Path], *, out: Path, seed: int = 1) -> Path:
    """Specialises an encoder for the languages of `text`.

    Args:
        base: A folder, `package:NAME/FOLDER` or a hub id; not looked at where the recipe starts from scratch.
        recipe: Such as `va(99)+lapt`.
        text: Raw text by language; squeezed and rid of duplicates first.
        out: The encoder folder to write.
        seed: Of everything random.

    Returns:
        `out`.

    Raises:
        SpecError: The recipe does not parse.
        DataError: A text is missing, empty or damaged.
        ModelError: The encoder cannot be adapted so.
    """
    parsed = Recipe.parse(recipe)
    source = None if parsed.starts else resolve_base(base)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as work:
        place = Path(work)
        (place / "text").mkdir()
        counts = prepare_text({language: read_lines(path) for language, path in text.items()}, place / "text")
        for language, count in counts.items():
            if not count.kept:
                raise DataError(
                    "There is no text in the file.", expected="Expected a sentence a line.", path=text[language]
                )
        clean = {language: place / "text" / f"{language}.txt" for language in text}
        for number, step in enumerate(parsed.steps):
            made, checkpoint = place / f"step{number}", place / f"checkpoint{number}"
            made.mkdir()
            checkpoint.mkdir()
            step.apply(source, Job(made, checkpoint, clean, seed, base=base))
            source = made
        assert source is not None
        with replacing(out) as folder:
            shutil.move(source, folder)
    return out
