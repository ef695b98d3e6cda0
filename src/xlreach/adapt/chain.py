"""A whole recipe at once, outside a study: each step's encoder is the next one's source; only the last is kept.

Started by `torchrun` or `accelerate launch`, the processes train together (`team.py`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from xlreach.adapt.encoder import resolve_base
from xlreach.adapt.recipe import Job, Recipe
from xlreach.adapt.text import prepare_text
from xlreach.corpora.formats.lines import numbered_lines, read_lines
from xlreach.errors import DataError
from xlreach.store import replacing


def adapt_encoder(
    base: str,
    recipe: str,
    text: Mapping[str, Path],
    *,
    out: Path,
    seed: int = 1,
    others: Mapping[str, Path] | None = None,
) -> Path:
    """Specialises an encoder for the languages of `text`.

    Args:
        base: A folder, `package:NAME/FOLDER` or a hub id; not looked at where the recipe starts from scratch.
        recipe: Such as `va(99)+lapt`.
        text: Raw text by language; squeezed and rid of duplicates first.
        out: The encoder folder to write.
        seed: Of everything random.
        others: Raw text by language of what the encoder should not lose: a vocabulary leaves it alone, `mix=` trains
            on it too.

    Returns:
        `out`.

    Raises:
        SpecError: The recipe does not parse.
        DataError: A text is missing, empty or damaged.
        ModelError: The encoder cannot be adapted so.
    """
    from xlreach.adapt.team import Team

    parsed, team = Recipe.parse(recipe), Team()
    with team.connected():  # none begins before all have seen that there is nothing at `out`
        pass
    source = None if parsed.starts else resolve_base(base)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as work:
        place = Path(work)
        clean, other = (_prepared(files, place / name) for files, name in ((text, "text"), (others or {}, "others")))
        for number, step in enumerate(parsed.steps):
            made, checkpoint = place / f"step{number}", place / f"checkpoint{number}"
            made.mkdir()
            checkpoint.mkdir()
            files = {**(others or {}), **text}
            data = [{"name": files[code].name, "licence": ""} for code in step.seen(sorted(text), sorted(others or {}))]
            step.apply(source, Job(made, checkpoint, clean, seed, base=base, others=other, data=data))
            source = made
        assert source is not None
        if team.rank == 0:
            with replacing(out) as folder:
                shutil.move(source, folder)
    return out


def _prepared(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    for path in files.values():
        if next(read_lines(path), None) is None:
            raise DataError("There is no text in the file.", expected="Expected a sentence a line.", path=path)
    folder.mkdir()
    prepare_text({code: (line for _, line in numbered_lines(path)) for code, path in files.items()}, folder)
    return {code: folder / f"{code}.txt" for code in files}
