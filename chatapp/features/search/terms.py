"""The terms of a search: parsed, as a condition of the index, and found in a text.

The index has the words of a message without their order, so it finds candidates: whether a text matches is decided here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import regex

from chatapp.core.errors import Invalid
from chatapp.features.search.words import MAX_WORD, Line, pairs, runs

MAX_TERMS = 8
_TERM = regex.compile(r'(?P<negative>-?)(?:"(?P<phrase>[^"]*)"?|(?P<plain>[^\s"]+))')
_BETWEEN = regex.escape(Line.SEPARATOR)
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """How a message matches: `ranges` of its `content` in code points, and what `sort=best` compares: whether a word
    matched only by its beginning, and how many words lie between the first and the last term where they are closest."""

    ranges: list[Range]
    is_prefix: bool
    distance: int


class Term:
    """A word or phrase. `parts` are its words and runs in order; a `prefix` matches words that begin with it."""

    def __init__(self, parts: Sequence[tuple[str, bool]], *, is_negative: bool, is_prefix: bool) -> None:
        self.is_negative = is_negative
        # A run matches anywhere as it is.
        self.is_prefix = is_prefix and not is_negative and not parts[0][1]
        self._parts = parts
        pattern = "" if parts[0][1] else _BETWEEN
        for (word, is_run), (_, next_is_run) in pairwise([*parts, ("", True)]):
            ending = rf"[^{_BETWEEN}]*" if self.is_prefix else ""
            pattern += regex.escape(word) + ending + ("" if is_run and next_is_run else _BETWEEN)
            if is_run and next_is_run:
                pattern += f"{_BETWEEN}?"
        # The last separator is that of the next word too.
        if parts[-1][1]:
            pattern = pattern.removesuffix(f"{_BETWEEN}?")
        else:
            pattern = f"{pattern.removesuffix(_BETWEEN)}(?={_BETWEEN})"
        self._pattern = regex.compile(pattern)

    @property
    def is_ignored(self) -> bool:
        """True for single characters of runs, which the index does not have."""
        return all(is_run and len(word) < 2 for word, is_run in self._parts)

    @property
    def condition(self) -> str | None:
        """The `tsquery` that every match fulfils, None if that is every message."""
        if not self.is_negative:
            words = chain.from_iterable(pairs(word) if is_run else [word[:MAX_WORD]] for word, is_run in self._parts)
            return " & ".join(f"'{word}'{':*' if self.is_prefix else ''}" for word in words)
        ((word, is_run), *more) = self._parts
        # A longer word is indexed by its first characters, as is one that is no longer than them.
        is_exact = len(word) == 2 if is_run else len(word) < MAX_WORD
        return f"!'{word}'" if is_exact and not more else None

    def is_in(self, line: Line) -> bool:
        """True if a text has it."""
        return self._pattern.search(line.text) is not None

    def matches(self, line: Line) -> Iterator[Range]:
        """The ranges of a line where it is, of a phrase also those that overlap."""
        for match in self._pattern.finditer(line.text, overlapped=len(self._parts) > 1):
            yield match.span()

    def has_whole_word(self, line: Line) -> bool:
        """True if a word of the line is all of the prefix."""
        return f"{Line.SEPARATOR}{self._parts[0][0]}{Line.SEPARATOR}" in line.text


class Terms:
    """What is searched for."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._positive = [term for term in terms if not term.is_negative]
        self._negative = [term for term in terms if term.is_negative]
        self.condition = " & ".join(condition for term in terms if (condition := term.condition))

    @classmethod
    def parse(cls, q: str) -> "Terms":
        """The terms of a query: words, `"phrases"`, and both with `-` for what must not occur.

        Raises Invalid unless it has 1 to `MAX_TERMS` terms, one of them positive.
        """
        found = [(match, parts) for match in _TERM.finditer(q) if (parts := runs(match[0]))]
        terms = [
            Term(
                parts,
                is_negative=bool(match["negative"]),
                is_prefix=match is found[-1][0] and match["plain"] is not None and len(parts) == 1,
            )
            for match, parts in found
        ]
        if len(terms) > MAX_TERMS:
            raise _invalid(f"Must have at most {MAX_TERMS} terms.")
        terms = [term for term in terms if not term.is_ignored]
        if not any(not term.is_negative for term in terms):
            raise _invalid(
                "Must have a term without `-`, other than a single Chinese, Japanese, Korean or Thai character."
                if found
                else "Must have a word."
            )
        return cls(terms)

    def match(self, content: str, file_name: str | None) -> Found | None:
        """How a message with this text and file matches; None if it does not."""
        line = Line(content)
        lines = [line, Line(file_name)] if file_name else [line]
        if not all(any(term.is_in(each) for each in lines) for term in self._positive):
            return None
        if any(term.is_in(each) for term in self._negative for each in lines):
            return None
        places: list[tuple[int, int]] = []
        ranges: set[Range] = set()
        for number, term in enumerate(self._positive):
            matches = list(term.matches(line))
            places += ((line.place(start), number) for start, _ in matches)
            for match in _merged(matches):
                ranges.update(line.span(*word) for word in line.words(*match))
        last = self._positive[-1]
        is_prefix = last.is_prefix and not any(last.has_whole_word(each) for each in lines)
        return Found(_merged(ranges), is_prefix, _closest(sorted(places), len(self._positive)))


def _invalid(problem: str) -> Invalid:
    return Invalid("The search text can't be used.", errors={"q": [problem]})


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order; those that overlap are joined."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _closest(places: Sequence[tuple[int, int]], terms: int) -> int:
    """The least distance that has every term, from pairs of a place and a term in order; the largest number if none has
    (a file name has the rest)."""
    newest: dict[int, int] = {}
    best = 1 << 30
    for place, term in places:
        newest[term] = place
        if len(newest) == terms:
            best = min(best, place - min(newest.values()))
    return best
