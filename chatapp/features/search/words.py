"""Words of texts, as the search compares them: regardless of case, width and accents.

A word is a run of letters, marks and digits. Chinese, Japanese, Korean and Thai, which have no spaces between words, are
matched as substrings of two or more characters: a run of them is indexed as overlapping pairs.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import regex

from chatapp.core.names import UNSPACED

# The number of these rules: after a change of them, texts are indexed again.
VERSION = 1
# Characters of a word that are indexed.
MAX_WORD = 64

_PAIRED = rf"[{UNSPACED}&&[\p{{L}}\p{{N}}]]"
_RUN = regex.compile(
    rf"(?P<run>{_PAIRED}[{_PAIRED}\p{{M}}]*)|[[\p{{L}}\p{{N}}]--{_PAIRED}][[\p{{L}}\p{{M}}\p{{N}}]--{_PAIRED}]*",
    regex.V1,
)
_ASCII_WORD = regex.compile("[a-z0-9]+")
# The marks of other scripts are part of a letter; accents of these, of digits and of symbols are ignored.
_MARKS = regex.compile(
    r"([^\p{M}\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Common}\p{Inherited}]\p{M}+)|[\p{Mn}\p{Me}]+",
    regex.V1,
)
_VARIATION = regex.compile(r"\p{Variation_Selector}+")
# Sorting the marks of a letter takes time in the square of their number; no language has more (the stream-safe format of
# Unicode Standard Annex #15).
_TOO_MANY_MARKS = regex.compile(r"(?<=\p{M}{30})\p{M}+")
# What folds by itself: a cluster and its marks, which Myanmar's vowel signs are too. Only vowels and final consonants of
# Hangul may join what precedes them.
_CLUSTER = regex.compile(r"\X\p{M}*")
_JOINS = regex.compile(r"[\u1161-\u1175\u11a8-\u11c2]")
# Longer clusters are not remembered.
_MAX_REMEMBERED = 8


def fold(text: str) -> str:
    """A text in the form that is compared: NFKD, case-folded, without accents, NFC (Unicode Standard Annex #15)."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", _TOO_MANY_MARKS.sub("", text)).casefold()
    folded = _VARIATION.sub("", unicodedata.normalize("NFKD", folded))
    return unicodedata.normalize("NFC", _MARKS.sub(r"\1", folded))


def index_words(text: str) -> set[str]:
    """What is indexed of a text: its words, up to `MAX_WORD` characters of each, and the pairs of its runs."""
    if text.isascii():
        return {word[:MAX_WORD] for word in _ASCII_WORD.findall(text.lower())}
    found: set[str] = set()
    for match in _RUN.finditer(fold(text)):
        if match["run"]:
            found.update(pairs(match[0]))
        else:
            found.add(match[0][:MAX_WORD])
    return found


def pairs(run: str) -> list[str]:
    """The overlapping pairs of characters of a run."""
    return [run[at : at + 2] for at in range(len(run) - 1)]


def runs(text: str) -> list[tuple[str, bool]]:
    """The words of a text in order, each with whether it is a run that is matched by substrings."""
    return [(match[0], bool(match["run"])) for match in _RUN.finditer(fold(text))]


class Line:
    """A text as one line of its words and runs, for patterns: each between two `SEPARATOR`s, which neighbours share."""

    SEPARATOR = "\0"

    def __init__(self, text: str) -> None:
        self._original = text
        words = _ASCII_WORD.findall(text.lower()) if text.isascii() else [word for word, _ in runs(text)]
        self.text = "\0".join(["", *words, ""])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range [start, end) of the original text that the characters [start, end) of the line are from."""
        spans, _ = self._origins
        return spans[start][0], spans[end - 1][1]

    def place(self, at: int) -> int:
        """How many words and characters of runs precede the one at this offset of the line, or after this separator."""
        _, places = self._origins
        return places[at]

    def words(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The ranges in the line of the words and runs between two offsets of the line."""
        at = start
        for part in self.text[start:end].split(self.SEPARATOR):
            if part:
                yield at, at + len(part)
            at += len(part) + 1

    @cached_property
    def _origins(self) -> tuple[list[tuple[int, int]], list[int]]:
        """For each character of the line its range of the original text, and its place."""
        folded, all_spans = _with_offsets(self._original)
        spans, places, place = [(0, 0)], [0], 0
        for match in _RUN.finditer(folded):
            size = len(match[0])
            spans += [*all_spans[match.start() : match.end()], (0, 0)]
            places += range(place, place + size) if match["run"] else [place] * size
            place += size if match["run"] else 1
            places.append(place)
        return spans, places


def _with_offsets(text: str) -> tuple[str, Sequence[tuple[int, int]]]:
    """The folded text, and for each of its characters the range of the original one that it is from."""
    if text.isascii():
        return text.lower(), [(at, at + 1) for at in range(len(text))]
    parts: list[str] = []
    ranges: list[tuple[int, int]] = []
    for match in _CLUSTER.finditer(text):
        start, end = match.span()
        folded = _fold_cluster(match[0])
        if parts and _JOINS.match(folded) and (joined := fold(text[ranges[-1][0] : end])) != parts[-1] + folded:
            parts.pop()
            start, folded = ranges.pop()[0], joined
        parts.append(folded)
        ranges.append((start, end))
    spans = [span for span, part in zip(ranges, parts, strict=True) for _ in part]
    return "".join(parts), spans


def _fold_cluster(cluster: str) -> str:
    return _remembered(cluster) if len(cluster) <= _MAX_REMEMBERED else fold(cluster)


_remembered = lru_cache(maxsize=16_384)(fold)
