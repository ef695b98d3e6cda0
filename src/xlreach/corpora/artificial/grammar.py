"""From a meaning to a tree of words in the order of one language.

The dependencies follow Universal Dependencies: function words depend on content words. Word order comes from
`design.Order`, forms from `morphology`. The position of a word (`left`, `right`) and its head are stored separately, so
that a relative clause can be moved away from its noun, which makes a non-projective tree.
"""

from __future__ import annotations

from itertools import pairwise

from xlreach.corpora.artificial.concepts import NUMERALS
from xlreach.corpora.artificial.design import LanguageDesign
from xlreach.corpora.artificial.meaning import Clause, Name, Phrase
from xlreach.corpora.artificial.morphology import Form, Morphology

_MARKED = {"in": "Loc", "to": "Dat", "from": "Abl", "with": "Ins"}  # relations that an agglutinative case expresses


class Node:
    """A syntactic word."""

    def __init__(self, form: Form, upos: str, key: int = -1) -> None:
        self.form, self.lemma, self.feats = form
        self.upos = upos
        self.key = key  # identifies its meaning across languages; -1 for a function word
        self.head: Node | None = None  # None for the root
        self.deprel = "root"
        self.left: list[Node] = []  # the words before it, in order, each with its own left and right words
        self.right: list[Node] = []  # the words after it
        self.entity: Name | None = None  # the name that it is part of
        self.fused = False  # whether it is one token with the next word


class Grammar:
    """Builds the sentences of one language from meanings."""

    def __init__(self, design: LanguageDesign, morphology: Morphology) -> None:
        self.design, self.morphology = design, morphology
        self._order = design.order
        self._isolating = design.morphology == "isolating"
        self._agglutinative = design.morphology == "agglutinative"
        self._fusional = design.morphology == "fusional"
        self._verb_last = design.order.clause == "SOV"

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
        if c.mood == "?" and not any(map(_asks, [*opening, *obliques, *subject_first, *objects])):
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

    def phrase(self, p: Phrase, case: str, loose: list[Node] | None = None) -> Node:
        """A noun phrase; a relative clause that moves to the end of the sentence is added to `loose` instead."""
        if p.question:
            upos = "ADV" if p.question in ("where", "when") else "PRON"
            return Node(self.morphology.word(p.question, "PronType=Int"), upos, p.key)
        if p.pronoun:
            node = self._pronoun(p, case)
        elif p.name:
            node = self._name(p, p.name, case)
        elif p.number > NUMERALS and not p.noun:
            node = self._numeral(p.number, p.key)
        else:
            node = self._noun(p, case, loose)
        if p.also:
            self.coordinate(node, self.phrase(p.also, case), "and")
        return node

    def coordinate(self, first: Node, second: Node, conjunction: str) -> None:
        hang(second, first, "conj")
        second.left.insert(0, hang(Node(self.morphology.word(conjunction), "CCONJ"), second, "cc"))
        first.right.append(second)

    def _pronoun(self, p: Phrase, case: str) -> Node:
        meaning = f"pronoun:{p.pronoun}"
        if self._isolating:
            return Node(self.morphology.word(meaning, f"Person={p.pronoun[0]}|PronType=Prs"), "PRON", p.key)
        form = self.morphology.noun(meaning, case, False)
        number = "Plur" if p.pronoun[1] == "p" else "Sing"
        feats = form.feats.split("|")[0] + f"|Number={number}|Person={p.pronoun[0]}|PronType=Prs"
        return Node(form._replace(feats=feats), "PRON", p.key)

    def _name(self, p: Phrase, name: Name, case: str) -> Node:
        parts = list(name.parts)
        if self._order.family_first and name.kind != "LOC":
            parts.reverse()
        carrier = len(parts) - 1 if self._agglutinative else 0
        nodes = []
        for position, part in enumerate(parts):
            if part.startswith("house:"):
                form = self.morphology.noun(part, case if position == carrier else "Nom", False)
                form = form._replace(form=self.morphology.script.capital(form.form))
            else:
                form = self.morphology.name(part, case, position == carrier)
            node = Node(form, "PROPN", p.key + name.parts.index(part))
            node.entity = name
            nodes.append(node)
        nodes[0].right = [hang(node, nodes[0], "flat") for node in nodes[1:]]
        return nodes[0]

    def _noun(self, p: Phrase, case: str, loose: list[Node] | None) -> Node:
        morphology, order = self.morphology, self._order
        counted = p.number > 0
        head = Node(morphology.noun(p.noun, case, p.plural and not (counted and self._agglutinative)), "NOUN", p.key)
        before: list[Node] = []
        after: list[Node] = []
        declension = morphology.declension(p.noun)
        if p.article == "this" or (self.design.articles and p.article and not (counted and p.article == "a")):
            kind = {"this": "PronType=Dem", "the": "Definite=Def|PronType=Art", "a": "Definite=Ind|PronType=Art"}
            before.append(hang(Node(morphology.word(p.article, kind[p.article]), "DET"), head, "det"))
        if counted:
            before.append(hang(self._numeral(p.number, p.key + 8), head, "nummod"))
        elif self._isolating and p.plural:
            before.append(hang(Node(morphology.word("plural", "Number=Plur"), "DET"), head, "det"))
        adjectives = []
        for position, adjective in enumerate(p.adjectives):
            form = morphology.adjective(adjective, case, p.plural, declension)
            node = hang(Node(form, "ADJ", p.key + 1 + position), head, "amod")
            if p.degree and not position:
                degree = hang(Node(morphology.word(p.degree), "ADV", p.key + 4), node, "advmod")
                (node.left if order.adjective else node.right).append(degree)
            adjectives.append(node)
        (before if order.adjective else after).extend(adjectives)
        if p.possessor is not None:
            owner = hang(self.phrase(p.possessor, "Gen"), head, "nmod")
            if self._isolating:
                self.adposition(owner, "of")
            before, after = ([owner, *before], after) if order.genitive else (before, [*after, owner])
        if p.relative is not None:
            self._relative(p, p.relative, head, before, after, loose)
        head.left, head.right = before, after
        return head

    def _numeral(self, number: int, key: int) -> Node:
        if number > NUMERALS:
            return Node(Form(str(number), str(number), "NumForm=Digit"), "NUM", key)
        return Node(self.morphology.word(f"numeral:{number}", "NumType=Card"), "NUM", key)

    def _relative(
        self, p: Phrase, clause: Clause, noun: Node, before: list[Node], after: list[Node], loose: list[Node] | None
    ) -> None:
        inner = self.clause(clause, p.person, participle=self._order.relative and self._agglutinative)
        hang(inner, noun, "acl:relcl")
        if self._order.relative:
            if not self._agglutinative:
                inner.right.append(hang(Node(self.morphology.word("relative"), "SCONJ"), inner, "mark"))
            before.insert(0, inner)
            return
        role = "nsubj" if clause.gap == "subject" else "obj"
        inner.left.insert(0, hang(Node(self.morphology.word("relative", "PronType=Rel"), "PRON"), inner, role))
        self.set_off(inner, only_before=True)
        if loose is not None and p.shift < self._order.extraposition:
            loose.append(inner)
        else:
            after.append(inner)

    def adposition(self, node: Node, relation: str) -> None:
        adposition = hang(Node(self.morphology.word(relation), "ADP"), node, "case")
        if self._order.adposition:
            node.left.insert(0, adposition)
        else:
            node.right.append(adposition)

    def set_off(self, head: Node, only_before: bool) -> None:
        """Separates a clause by a comma before or after it."""
        comma = hang(self.point(","), head, "punct")
        if only_before:
            head.left.insert(0, comma)
        else:
            head.right.append(comma)

    def point(self, sign: str) -> Node:
        return Node(Form(sign, sign, "_"), "PUNCT")


def hang(node: Node, head: Node, deprel: str) -> Node:
    """Makes `node` depend on `head` and returns it; its position in the sentence is set separately."""
    node.head, node.deprel = head, deprel
    return node


def _read_off(node: Node, words: list[Node]) -> None:
    for child in node.left:
        _read_off(child, words)
    words.append(node)
    for child in node.right:
        _read_off(child, words)


def _asks(node: Node) -> bool:
    return node.feats == "PronType=Int"
