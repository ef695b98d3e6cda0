"""Applying recipes: one step with its diagnostics and model card, and a whole recipe outside a study.

Started by `torchrun` or `accelerate launch`, the processes train together (`compute/distributed.py`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xlreach.adapt.clean_text import prepare_text
from xlreach.adapt.diagnostics import diagnose
from xlreach.adapt.encoder import Provenance, resolve_base
from xlreach.adapt.model_card import model_card
from xlreach.adapt.recipe import Job, Recipe, Step
from xlreach.corpora.formats.lines import numbered_lines, read_lines
from xlreach.errors import DataError
from xlreach.store import replacing

_DIAGNOSED_LINES = 500  # of each language


def apply_step(step: Step, source: Path | None, job: Job) -> None:
    """Fills `job.out` with the encoder that a step makes, the diagnostics of its tokenizer and a model card.

    Raises:
        XLReachError: The encoder, the text or the parameters do not allow it.
    """
    step.apply(source, job)
    provenance = Provenance.read(job.out)
    if job.text and not step.static:
        provenance = replace(provenance, diagnostics=_diagnostics(source, job, provenance))
        provenance.write(job.out)
    (job.out / "README.md").write_text(model_card(provenance, step.static), "utf-8")


def adapt_encoder(
    base: str,
    recipe: str,
    text: Mapping[str, Path],
    *,
    out: Path,
    seed: int = 1,
    others: Mapping[str, Path] | None = None,
) -> Path:
    """Adapts an encoder to the languages of `text`, files of raw text that are cleaned first; as `xlreach.adapt`.

    New vocabulary leaves the text in `others` alone, and `mix=` trains on it too. The base is ignored where the recipe
    starts from scratch.

    Raises:
        SpecError: The recipe does not parse.
        DataError: A text is missing, empty or damaged.
        ModelError: The encoder cannot be adapted in this way.
    """
    from xlreach.compute.distributed import ProcessGroup

    parsed, group, others = Recipe.parse(recipe), ProcessGroup(), others or {}
    with group.connected():  # no process begins before all have seen that nothing is at `out`
        pass
    source = None if parsed.starts else resolve_base(base)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        work = Path(folder)
        clean, clean_others = _prepared(text, work / "text"), _prepared(others, work / "others")
        for number, step in enumerate(parsed.steps):
            made, checkpoint = work / f"step{number}", work / f"checkpoint{number}"
            made.mkdir()
            checkpoint.mkdir()
            files = {**others, **text}
            data = [{"name": files[code].name, "license": ""} for code in step.seen(sorted(text), sorted(others))]
            apply_step(step, source, Job(made, checkpoint, clean, seed, base=base, others=clean_others, data=data))
            source = made
        assert source is not None
        if group.rank == 0:
            with replacing(out) as final:
                shutil.move(source, final)
    return out


def _prepared(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    for path in files.values():
        if next(read_lines(path), None) is None:
            raise DataError("There is no text in the file.", expected="Expected one sentence per line.", path=path)
    folder.mkdir()
    prepare_text({code: (line for _, line in numbered_lines(path)) for code, path in files.items()}, folder)
    return {code: folder / f"{code}.txt" for code in files}


def _diagnostics(source: Path | None, job: Job, provenance: Provenance) -> dict[str, dict[str, dict[str, float]]]:
    """By language, the diagnostics of its text with the tokenizer before the first step, and with the present one."""
    diagnostics = dict(provenance.diagnostics)
    for language, path in sorted(job.text.items()):
        by_time = dict(diagnostics.get(language, {}))
        if source is not None and "before" not in by_time:
            by_time["before"] = _rounded_diagnostics(source, path)
        by_time["after"] = _rounded_diagnostics(job.out, path)
        diagnostics[language] = by_time
    return diagnostics


def _rounded_diagnostics(encoder: Path, path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8") as stream:
        values = diagnose(encoder, (line.rstrip("\n") for line in stream), _DIAGNOSED_LINES)
    return {name: round(value, 4) for name, value in values.items()}
