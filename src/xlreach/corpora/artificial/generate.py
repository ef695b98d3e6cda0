"""Writes a family as a data root, in the layouts of real corpora.

    languages.yaml                          for extend_languages
    raw/artificial/<code>.txt               plain text without the sentences of evaluation data
    ud/artificial/UD_<Name>-ART/<code>_art-ud-{train,dev,test}.conllu
    ner/artificial/<code>/{train,dev,test}.txt
    parallel/artificial/<code>.txt          parallel text, aligned by line
    alignment/artificial/<a>-<b>.txt        its word alignments, Pharaoh format
    retrieval/artificial-{train,test}/      passages and questions in every language
    transliteration/<code>.yaml             Latin letters for those of another script, of a low-resource language
    LICENSES.md, README.md                  README.md lists sizes, shares of cognates and of non-projective trees

The same spec gives the same bytes, on any machine and with any hash seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from xlreach.corpora.artificial.concepts import Inventory
from xlreach.corpora.artificial.design import Artificial, LanguageDesign, family
from xlreach.corpora.artificial.grammar import Grammar, Node
from xlreach.corpora.artificial.lexicon import Lexicon, lexicon
from xlreach.corpora.artificial.meaning import Clause, Sampler
from xlreach.corpora.artificial.morphology import Morphology
from xlreach.corpora.artificial.names import NamePool, NameStock
from xlreach.corpora.artificial.render import alignment, crosses, tagged, text, tree
from xlreach.corpora.artificial.scripts import Script, stream
from xlreach.corpora.artificial.sets import SPLITS, LabelledSets, Retrieval, labelled_sets
from xlreach.corpora.artificial.world import World
from xlreach.corpora.collection import Document, Query
from xlreach.corpora.formats.conllu import write_conllu
from xlreach.corpora.formats.iob2 import write_iob2
from xlreach.corpora.formats.lines import write_lines
from xlreach.corpora.sources.retrieval_folder import write_collection
from xlreach.errors import DataError

_FACTS = 0.2  # share of the plain text that states facts or asks for them


@dataclass
class _Speaker:
    """A language with its grammar, the sentences of its evaluation data, and the figures for README.md."""

    design: LanguageDesign
    lexicon: Lexicon
    grammar: Grammar
    evaluated: set[str] = field(default_factory=set)
    figures: dict[str, float] = field(default_factory=dict)

    def say(self, meaning: Clause) -> str:
        return text(self.grammar.sentence(meaning))


def generate(spec: Artificial, out: Path, progress: bool = True) -> None:
    """Writes the data root of a family.

    Args:
        out: A new or empty folder.
        progress: Whether a terminal shows a progress bar.

    Raises:
        DataError: The folder is not empty.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise DataError("The folder is not empty.", fix="Name a new folder, or empty this one.", path=out)
    speakers = _speakers(spec)
    inventory = Inventory()
    stock = NameStock(spec.seed, max(240, spec.passages // 2), [speaker.lexicon for speaker in speakers])
    sets = labelled_sets(spec, inventory, stock)
    bar = tqdm(total=2 * len(speakers), desc="artificial languages", disable=None if progress else True)
    with bar:
        for speaker in speakers:
            _evaluated_text(speaker, sets)
            _treebank(speaker, sets, out)
            _entities(speaker, sets, out)
            bar.update()
        _parallel(speakers, sets.parallel, out)
        for name, retrieval in (("test", sets.test), ("train", sets.train)):
            _collection(speakers, retrieval, out / "retrieval" / f"artificial-{name}")
        for speaker in speakers:
            _plain(spec, speaker, inventory, stock, out)
            bar.update()
    _languages(speakers, out)
    _readme(spec, speakers, out)


def _speakers(spec: Artificial) -> list[_Speaker]:
    lexicons: dict[str, Lexicon] = {}
    speakers = []
    for design in family(spec):
        kin = None if design.kin is None else lexicons[design.kin]
        words = lexicons[design.code] = lexicon(spec.seed, design, kin)
        speakers.append(_Speaker(design, words, Grammar(design, Morphology(design, words))))
    return speakers


def _evaluated_text(speaker: _Speaker, sets: LabelledSets) -> None:
    """Collects all sentences of the evaluation data, which training data must not contain."""
    for meanings in (sets.treebank, sets.entities):
        for split in ("test", "dev"):
            speaker.evaluated.update(speaker.say(meaning) for meaning in meanings[split])
    for passage in sets.test.passages:
        speaker.evaluated.update(speaker.say(meaning) for meaning in passage.sentences)
    speaker.evaluated.update(speaker.say(meaning.meaning) for meaning in sets.test.questions)


def _splits(speaker: _Speaker, meanings: dict[str, list[Clause]]) -> Iterator[tuple[str, list[list[Node]]]]:
    """The sentences of test, dev and train; those that occur in an earlier split are left out."""
    earlier: set[str] = set()
    for split in SPLITS:
        sentences = [speaker.grammar.sentence(words) for words in meanings[split]]
        if split == "train":
            earlier = earlier | speaker.evaluated
        kept = [words for words in sentences if text(words) not in earlier]
        earlier = earlier | {text(words) for words in kept}
        yield split, kept


def _treebank(speaker: _Speaker, sets: LabelledSets, out: Path) -> None:
    design = speaker.design
    folder = out / "ud" / "artificial" / f"UD_{design.name}-ART"
    folder.mkdir(parents=True, exist_ok=True)
    words = crossing = total = 0
    for split, sentences in _splits(speaker, sets.treebank):
        trees = (tree(words, f"{design.code}-{split}-{at}") for at, words in enumerate(sentences, 1))
        write_conllu(folder / f"{design.code}_art-ud-{split}.conllu", trees)
        words += sum(map(len, sentences))
        crossing += sum(map(crosses, sentences))
        total += len(sentences)
    speaker.figures["treebank words"] = words
    speaker.figures["non-projective"] = crossing / total


def _entities(speaker: _Speaker, sets: LabelledSets, out: Path) -> None:
    folder = out / "ner" / "artificial" / speaker.design.code
    folder.mkdir(parents=True, exist_ok=True)
    for split, sentences in _splits(speaker, sets.entities):
        write_iob2(folder / f"{split}.txt", map(tagged, sentences))


def _parallel(speakers: list[_Speaker], meanings: list[Clause], out: Path) -> None:
    """Writes parallel text; a line that is evaluation data in any language is left out of all."""
    parallel_lines = []
    for meaning in meanings:
        line = [speaker.grammar.sentence(meaning) for speaker in speakers]
        if not any(text(words) in speaker.evaluated for words, speaker in zip(line, speakers, strict=True)):
            parallel_lines.append(line)
    for folder in ("parallel", "alignment"):
        (out / folder / "artificial").mkdir(parents=True, exist_ok=True)
    for at, speaker in enumerate(speakers):
        lines = (text(line[at]) for line in parallel_lines)
        write_lines(out / "parallel" / "artificial" / f"{speaker.design.code}.txt", lines)
    for a, b in combinations(range(len(speakers)), 2):
        name = f"{speakers[a].design.code}-{speakers[b].design.code}.txt"
        write_lines(out / "alignment" / "artificial" / name, (alignment(line[a], line[b]) for line in parallel_lines))


def _collection(speakers: list[_Speaker], retrieval: Retrieval, folder: Path) -> None:
    """Writes passages and questions in every language; a question's passage is relevant in each."""
    codes = [speaker.design.code for speaker in speakers]
    documents = [
        Document(f"{speaker.design.code}-d{at:05d}", speaker.design.code, " ".join(map(speaker.say, passage.sentences)))
        for speaker in speakers
        for at, passage in enumerate(retrieval.passages, retrieval.first)
    ]
    queries, qrels = [], {}
    for speaker in speakers:
        for at, question in enumerate(retrieval.questions, retrieval.first):
            code, group = speaker.design.code, f"q{at:05d}"
            queries.append(Query(f"{code}-{group}", code, speaker.say(question.meaning), group))
            qrels[f"{code}-{group}"] = {f"{other}-d{question.passage:05d}": 1 for other in codes}
    write_collection(folder, documents, queries, qrels)


def _plain(spec: Artificial, speaker: _Speaker, inventory: Inventory, stock: NameStock, out: Path) -> None:
    design = speaker.design
    rng = stream(spec.seed, "text", design.code)
    names = NamePool(stock)
    sampler = Sampler(inventory, rng, names.draw)
    world = World(inventory, rng, names, sampler.sentence)
    lines: list[str] = []
    skipped = 0
    while len(lines) < design.sentences:
        meaning = world.statement() if rng.random() < _FACTS else sampler.sentence()
        line = speaker.say(meaning)
        if line in speaker.evaluated:
            skipped += 1
        else:
            lines.append(line)
    folder = out / "raw" / "artificial"
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / f"{design.code}.txt", lines)
    speaker.figures["text words"] = sum(len(line.split()) for line in lines)
    speaker.figures["skipped"] = skipped


def _languages(speakers: list[_Speaker], out: Path) -> None:
    rows = {}
    for speaker in speakers:
        design, high = speaker.design, speaker.design.resource == "high"
        rows[design.code] = {
            "name": design.name,
            "script": design.script,
            "joshi_class": design.joshi_class,
            "cc100_tokens_m": speaker.figures["text words"] / 1e6 if high else 0,
            "in_mbert": high,
        }
        if not high and design.script != "Latn":
            table = {"language": design.code, "table": Script(design.script).romanization()}
            _write_yaml(out / "transliteration" / f"{design.code}.yaml", table)
    _write_yaml(out / "languages.yaml", rows)


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")


def _readme(spec: Artificial, speakers: list[_Speaker], out: Path) -> None:
    rows = [
        "| code | name | script | order | morphology | kin | cognates | text: sentences, words | treebank words "
        "| non-projective trees | text lines left out because evaluation reads them |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for speaker in speakers:
        design, figures = speaker.design, speaker.figures
        origin = list(speaker.lexicon.origin.values())
        share = origin.count("cognate") / len(origin)
        rows.append(
            f"| {design.code} | {design.name} | {design.script} | {design.order.clause} | {design.morphology} "
            f"| {design.kin or '–'} | {share:.2f} | {design.sentences}, {figures['text words']:.0f} "
            f"| {figures['treebank words']:.0f} | {figures['non-projective']:.1%} | {figures['skipped']:.0f} |"
        )
    head = f"# {spec}\n\nMade-up languages, version {spec.version} of their generator; what was measured on them:\n\n"
    (out / "README.md").write_text(head + "\n".join(rows) + "\n", "utf-8")
    terms = "# Licences\n\nEverything here was made by a program from a seed and is under CC0-1.0.\n"
    (out / "LICENSES.md").write_text(terms, "utf-8")
