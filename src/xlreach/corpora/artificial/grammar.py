"""Builds the words and dependency tree of a meaning in one language.

Dependencies follow Universal Dependencies: function words depend on content words. Word order comes from
`design.Order`, forms from `morphology`, noun phrases from `phrases`.
"""

from __future__ import annotations

from itertools import pairwise

from xlreach.corpora.artificial.meaning import Clause, Phrase
from xlreach.corpora.artificial.phrases import Node, Phrases, hang

_MARKED = {"in": "Loc", "to": "Dat", "from": "Abl", "with": "Ins"}  # relations that an agglutinative case expresses


class Grammar(Phrases):
    """Builds the sentences of one language from meanings."""

    def sentence(self, meaning: Clause) -> list[Node]:
        """The words of a sentence in order, each with its head."""
        root = self.clause(meaning)
        if meaning.also:
            conjunction, clause = meaning.also
            second = self.clause(clause)
            self.coordinate(root, second, conjunction)
            second.left.insert(0, hang(self.point(","), second, "punct"))
        root.right.append(hang(self.point(meaning.mood), root, "punct"))
        words: list[Node] = []
        _read_off(root, words)
        words[0].form = self.morphology.script.capital(words[0].form)
        if self.design.contracts:
            article = self.morphology.word("the").form
            for word, following in pairwise(words):
                word.fused = word.upos == "ADP" and following.upos == "DET" and following.form == article
        return words

    def clause(self, c: Clause, person: str = "", participle: bool = False) -> Node:
        """A clause's head with all its dependents; `person` is that of a subject outside the clause."""
        order, morphology = self._order, self.morphology
        loose: list[Node] = []
        subject = None
        if c.subject is not None:
            person = c.subject.person
            dropped = self._agglutinative and c.subject.pronoun and not c.subject.also
            if not dropped:
                subject = self.phrase(c.subject, "Nom", loose)
        person = person or "3s"
        left: list[Node] = []
        right: list[Node] = []
        if c.predicate:
            head = self._predicate(c, person)
            copula = self._copula(c, person)
        else:
            head = Node(morphology.verb(c.verb, c.tense, person, c.negative, participle), "VERB", c.key)
            copula = []
        if subject is not None:
            hang(subject, head, "nsubj")
        obj = None if c.object is None else hang(self.phrase(c.object, "Acc"), head, "obj")
        obliques = [self._oblique(relation, phrase, head) for relation, phrase in c.obliques]
        if c.time:
            time = hang(Node(morphology.word(c.time), "ADV", c.key + 2), head, "advmod")
            obliques.insert(0, time)
        adverb = [hang(Node(morphology.word(c.adverb), "ADV", c.key + 1), head, "advmod")] if c.adverb else []
        particles = [hang(node, head, "aux" if node.upos == "AUX" else "advmod") for node in self._particles(c)]
        particles += [hang(node, head, "cop") for node in copula]
        complement = self._complement(c, head)

        opening = self._opening(c, obliques, subject, obj)
        obliques = [node for node in obliques if node not in opening]
        subject_first = [subject] if subject is not None and subject not in opening else []
        objects = [obj] if obj is not None and obj not in opening else []
        if order.clause == "SVO":
            left = [*opening, *subject_first, *particles]
            right = [*objects, *adverb, *obliques, *complement]
        elif order.clause == "SOV":
            left = [*opening, *subject_first, *obliques, *objects, *complement, *adverb]
            right = particles
        else:
            left = [*opening, *particles]
            right = [*subject_first, *objects, *obliques, *adverb, *complement]
        if c.mood == "?" and not any(
            node.feats == "PronType=Int" for node in [*opening, *obliques, *subject_first, *objects]
        ):
            particle = hang(Node(morphology.word("polar"), "PART"), head, "discourse")
            left, right = (left, [*right, particle]) if self._verb_last else ([particle, *left], right)
        head.left = left + head.left
        head.right = head.right + right
        self._adverbial(c, head)
        head.right += loose
        return head

    def _opening(self, c: Clause, obliques: list[Node], subject: Node | None, obj: Node | None) -> list[Node]:
        """The first phrase of the clause, if moved there: a question word or an adverbial."""
        if not self._verb_last:
            for node in (subject, obj, *obliques):
                if node is not None and _asks(node):
                    return [node]
        return obliques[:1] if c.front < self._order.fronting else []

    def _particles(self, c: Clause) -> list[Node]:
        particles = []
        if c.negative and not (self._agglutinative and not c.predicate):
            particles.append(Node(self.morphology.word("not", "Polarity=Neg"), "PART"))
        if self._isolating and not c.predicate and c.tense != "Pres":
            tense = "past" if c.tense == "Past" else "future"
            particles.append(Node(self.morphology.word(tense, f"Tense={c.tense}"), "AUX"))
        return particles

    def _predicate(self, c: Clause, person: str) -> Node:
        if isinstance(c.predicate, Phrase):
            return self.phrase(c.predicate, "Nom")
        if self._fusional:
            form = self.morphology.adjective(c.predicate, "Nom", person[1] == "p", "0")
        else:
            form = self.morphology.word(c.predicate, "Degree=Pos")
        return Node(form, "ADJ", c.key)

    def _copula(self, c: Clause, person: str) -> list[Node]:
        """The copula; an agglutinative language has none in the present tense."""
        if self._agglutinative and c.tense == "Pres":
            return []
        return [Node(self.morphology.verb("be", c.tense, person, False), "AUX")]

    def _complement(self, c: Clause, head: Node) -> list[Node]:
        if c.complement is None:
            return []
        inner = hang(self.clause(c.complement), head, "ccomp")
        self._subordinate(inner, "that")
        self.set_off(inner, only_before=not self._verb_last)
        return [inner]

    def _adverbial(self, c: Clause, head: Node) -> None:
        if c.adverbial is None:
            return
        word, clause = c.adverbial
        inner = hang(self.clause(clause), head, "advcl")
        self._subordinate(inner, word)
        if self._verb_last or c.front < self._order.fronting:
            self.set_off(inner, only_before=False)
            head.left.insert(0, inner)
        else:
            self.set_off(inner, only_before=True)
            head.right.append(inner)

    def _subordinate(self, head: Node, word: str) -> None:
        mark = hang(Node(self.morphology.word(word), "SCONJ"), head, "mark")
        if self._order.mark:
            head.left.insert(0, mark)
        else:
            head.right.append(mark)

    def _oblique(self, relation: str, p: Phrase, head: Node) -> Node:
        if p.question:
            return hang(self.phrase(p, "Nom"), head, "advmod" if p.question in ("where", "when") else "obl")
        case = _MARKED.get(relation, "Nom") if self._agglutinative else "Loc"
        node = self.phrase(p, case)
        if not (self._agglutinative and relation in _MARKED):
            self.adposition(node, relation)
        return hang(node, head, "obl")


def _read_off(node: Node, words: list[Node]) -> None:
    for child in node.left:
        _read_off(child, words)
    words.append(node)
    for child in node.right:
        _read_off(child, words)


def _asks(node: Node) -> bool:
    return node.feats == "PronType=Int"
