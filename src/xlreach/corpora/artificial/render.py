"""Renders a sentence as plain text, CoNLL-U tree, IOB2 tags or word alignment."""

from __future__ import annotations

from collections.abc import Sequence

from xlreach.corpora.artificial.grammar import Node
from xlreach.corpora.formats.conllu import Sentence, Word
from xlreach.corpora.formats.iob2 import TaggedSentence

_POINTS = frozenset(",.?!")


def tokens(words: Sequence[Node]) -> list[tuple[str, Node]]:
    """Written tokens, each with its first syntactic word; a contraction stands for two words."""
    written = []
    for at, word in enumerate(words):
        if not (at and words[at - 1].fused):
            form = contract(word.form, words[at + 1].form) if word.fused else word.form
            written.append((form, word))
    return written


def contract(adposition: str, article: str) -> str:
    """A preposition and the article after it as one token, without the article's first letter."""
    return adposition + article[1:]


def text(words: Sequence[Node]) -> str:
    """The sentence as plain text, without a blank before punctuation."""
    written = [form if form in _POINTS else " " + form for form, _ in tokens(words)]
    return "".join(written).lstrip(" ")


def tree(words: Sequence[Node], sent_id: str) -> Sentence:
    """The sentence with its gold tree and a multiword range for each contraction."""
    position = {id(word): at for at, word in enumerate(words, 1)}
    rows, extra = [], []
    for at, word in enumerate(words, 1):
        glued = at < len(words) and words[at].form in _POINTS
        misc = "SpaceAfter=No" if glued else "_"
        head = 0 if word.head is None else position[id(word.head)]
        rows.append(Word(at, word.form, word.lemma, word.upos, "_", word.feats, head, word.deprel, "_", misc))
        if word.fused:
            form = contract(word.form, words[at].form)
            extra.append((at - 1, "\t".join((f"{at}-{at + 1}", form, *"_" * 8))))
    comments = (f"# sent_id = {sent_id}", f"# text = {text(words)}")
    return Sentence(tuple(rows), comments, tuple(extra))


def tagged(words: Sequence[Node]) -> TaggedSentence:
    """The tokens with the tags of its names."""
    forms, tags = [], []
    before = None
    for form, word in tokens(words):
        entity = word.entity
        begins = entity is not before or word.deprel != "flat"
        tags.append("O" if entity is None else f"{'B' if begins else 'I'}-{entity.kind}")
        forms.append(form)
        before = entity
    return TaggedSentence(tuple(forms), tuple(tags))


def alignment(source: Sequence[Node], target: Sequence[Node]) -> str:
    """Pairs of tokens with the same meaning, counted from 0, in Pharaoh format (`0-0 2-1`)."""
    positions: dict[int, int] = {}
    for position, (_, word) in enumerate(tokens(target)):
        if word.key >= 0:
            positions.setdefault(word.key, position)
    pairs = [(at, positions[word.key]) for at, (_, word) in enumerate(tokens(source)) if word.key in positions]
    return " ".join(f"{left}-{right}" for left, right in pairs)


def crosses(words: Sequence[Node]) -> bool:
    """Whether the tree is non-projective: an arc spans a word that does not descend from its head."""
    position = {id(word): at for at, word in enumerate(words)}
    for word in words:
        if word.head is None:
            continue
        first, last = sorted((position[id(word)], position[id(word.head)]))
        for between in words[first + 1 : last]:
            above: Node | None = between
            while above is not None and above is not word.head:
                above = above.head
            if above is None:
                return True
    return False
