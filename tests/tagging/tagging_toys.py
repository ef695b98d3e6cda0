"""Toy encoders and data sets of the tagging tests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from xlreach.corpora.formats.conllu import Sentence, Word
from xlreach.corpora.formats.iob2 import TaggedSentence

NOUNS = [f"dar{a}{b}" for a in "bcdfgh" for b in "aeiou"]
VERBS = [f"jik{a}{b}" for a in "bcdfgh" for b in "aeiou"]
NAMES = [f"Mar{a}{b}" for a in "bcdfgh" for b in "aeiou"]


class InMemory:
    """A data set of sentences at hand: what tasks use of Treebank and EntityCorpus."""

    def __init__(self, name: str, language: str, **splits: list[Any]) -> None:
        self.name, self.language, self.splits, self._sentences = name, language, dict.fromkeys(splits), splits

    def read(self, split: str) -> Iterator[Any]:
        return iter(self._sentences[split])


def wordpiece_encoder(path: Path, positions: int = 64) -> Path:
    """A BERT with letters as pieces, no better than chance."""
    letters = "abcdefghijklmnopqrstuvwxyzM.,"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocabulary += [stem + end for stem in ("dar", "jik", "Mar") for end in ("", "b", "c")]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(dict.fromkeys(vocabulary))}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    # As in real folders: a truncation and padding of the tokenizer's own, which must not cut sentences.
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=positions, initializer_range=0.2,
    )  # fmt: skip
    BertModel(config).save_pretrained(path)
    fast.save_pretrained(path)
    return path


def unigram_encoder(path: Path, positions: int = 66) -> Path:
    """An XLM-R with syllables as pieces; ids as XLM-R's, padding at 1."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    pieces += [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyzM.,"]
    pieces += [("▁dar", -4.0), ("▁jik", -4.0), ("▁Mar", -4.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Replace("\u200b", "")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=positions, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        initializer_range=0.2,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(path)
    fast.save_pretrained(path)
    return path


def toy_trees(count: int, seed: int) -> list[Sentence]:
    """Sentences `noun* verb .` in which all hang on the verb: what word it is tells everything."""
    rng = random.Random(seed)
    sentences = []
    for number in range(count):
        nouns = rng.randint(1, 4)
        forms = [rng.choice(NOUNS) for _ in range(nouns)] + [rng.choice(VERBS), "."]
        verb = nouns + 1
        words = []
        for i, form in enumerate(forms, 1):
            upos = "NOUN" if i < verb else "VERB" if i == verb else "PUNCT"
            deprel = {"NOUN": "nsubj", "VERB": "root", "PUNCT": "punct"}[upos]
            words.append(
                Word(i, form, "_", upos, upos[:1], "_", 0 if i == verb else verb, deprel + ":x" * (upos == "NOUN"))
            )
        extra = ((0, f"1-2\t{forms[0]}{forms[1]}" + "\t_" * 8), (2, "2.1\tleer" + "\t_" * 8))
        sentences.append(Sentence(tuple(words), (f"# sent_id = s{number}",), extra if number % 3 == 0 else ()))
    return sentences


def toy_entities(count: int, seed: int) -> list[TaggedSentence]:
    """Sentences in which a name, or two in a row, is a person."""
    rng = random.Random(seed)
    sentences = []
    for _ in range(count):
        tokens, tags = [], []
        for _ in range(rng.randint(1, 3)):
            tokens.append(rng.choice(NOUNS))
            tags.append("O")
            for place in range(rng.randint(0, 2)):
                tokens.append(rng.choice(NAMES))
                tags.append("I-PER" if place else "B-PER")
        sentences.append(TaggedSentence((*tokens, "."), (*tags, "O")))
    return sentences
