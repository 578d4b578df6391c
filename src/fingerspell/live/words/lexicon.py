"""A word list with frequencies, laid out so that one spelled word can be compared with all of it at once.

The English list is pyspellchecker's (MIT licence): words of film subtitles (Lison and Tiedemann 2016, OpenSubtitles)
with their counts. Words that its makers added by hand have a count of `ADDED`, whatever their real frequency.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import cached_property, lru_cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, MissingExtraError

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

LETTERS = string.ascii_uppercase
ADDED = 50
LONGEST = 30
"""Letters of the longest word that is compared; a text without spaces is no word."""

# Words with these beginnings are never proposed, only left alone where somebody spells them.
_COARSE = (
    "ASSHOLE", "BITCH", "BULLSHIT", "COCKSUCK", "CUNT", "FAGGOT", "FUCK", "MOTHERFUCK", "NIGGA", "NIGGER", "SHIT",
    "SLUT", "WHORE",
)  # fmt: skip
_EDGE = len(LETTERS)  # before the first letter, and after the last
_STRANGE = 0.5  # share of pairs of letters, in words that are not listed, that follow no rule of the list's language
_CODES = {ord(letter): number for number, letter in enumerate(LETTERS)}


class Lexicon:
    """Words of two letters or more, most frequent first, equally frequent ones by the alphabet.

    One-letter words are left out: a single letter may as well be a letter that is meant.

    Args:
        counts: word → how often it occurs, above 0. Case does not matter; apostrophes are dropped, since there is no
            sign for them; words with other characters, with one letter or with more than `LONGEST` are passed over.

    Attributes:
        words: the words in capitals.
        counts: (words,) float64.

    Raises:
        DataError: no word is left, or a count is not above 0.
    """

    def __init__(self, counts: Mapping[str, float]) -> None:
        kept: dict[str, float] = {}
        for word, count in counts.items():
            spelled = word.replace("'", "").upper()
            if 2 <= len(spelled) <= LONGEST and spelled.isascii() and spelled.isalpha():
                kept[spelled] = kept.get(spelled, 0.0) + count
        if not kept or not min(kept.values()) > 0:
            raise DataError(
                "the word list holds no words" if not kept else "the word list holds a word that never occurs",
                expected="words of two letters or more, A–Z, each with a count above 0",
            )
        # a stable sort keeps the alphabet's order among words with the same count
        self.words: tuple[str, ...] = tuple(sorted(sorted(kept), key=kept.__getitem__, reverse=True))
        self.counts: Floats = np.array([kept[word] for word in self.words], dtype=np.float64)

    @cached_property
    def of_length(self) -> dict[int, tuple[Numbers, NDArray[np.uint8]]]:
        """Length → (n,) places of the words of that length in `words`, and (length, n) their letters as 0–25."""
        places: dict[int, list[int]] = {}
        for place, word in enumerate(self.words):
            places.setdefault(len(word), []).append(place)
        return {
            length: (np.array(some), self._letters([self.words[place] for place in some], length))
            for length, some in places.items()
        }

    @staticmethod
    def _letters(words: list[str], length: int) -> NDArray[np.uint8]:
        flat = np.frombuffer("".join(words).encode("ascii"), np.uint8) - ord("A")
        return np.ascontiguousarray(flat.reshape(-1, length).T)

    @cached_property
    def ranks(self) -> dict[str, int]:
        """Word → its place in `words`."""
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def coarse(self) -> NDArray[np.bool_]:
        """(words,) whether a word is not to be put into anybody's mouth."""
        return np.array([word.startswith(_COARSE) for word in self.words])

    def __contains__(self, word: str) -> bool:
        return word in self.ranks

    @cached_property
    def pairs(self) -> Floats:
        """(27, 27) log-probability of a letter after another, each word counted once; 26 is a word's edge.

        Each word counts the same, so that a few frequent words do not decide what a name may look like; and half of
        it is left to chance, since names come from everywhere.
        """
        side = _EDGE + 1
        any_pair = np.ones((side, side))
        any_pair[_EDGE, _EDGE] = 0
        seen = 1e-9 * any_pair  # decides only where the list does not have a letter
        for _, letters in self.of_length.values():
            for place in range(len(letters) - 1):
                seen += self._counted(letters[place], letters[place + 1])
            edge = np.full(letters.shape[1], _EDGE)
            seen += self._counted(edge, letters[0]) + self._counted(letters[-1], edge)
        like_listed = seen / seen.sum(axis=1, keepdims=True)
        by_chance = any_pair / any_pair.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):  # nothing is a word without letters
            return np.asarray(np.log((1 - _STRANGE) * like_listed + _STRANGE * by_chance))

    @staticmethod
    def _counted(one: NDArray[np.integer], other: NDArray[np.integer]) -> Floats:
        side = _EDGE + 1
        counted = np.bincount(one.astype(np.int64) * side + other, minlength=side * side)
        return counted.reshape(side, side).astype(np.float64)


def codes(word: str) -> list[int]:
    """The letters A–Z of a word as 0–25."""
    return [_CODES[ord(letter)] for letter in word]


def require_english() -> None:
    """Raise MissingExtraError where the English list is not installed, without loading it."""
    if find_spec("spellchecker") is None:
        raise MissingExtraError("pyspellchecker", "words")


@lru_cache(maxsize=1)
def english() -> Lexicon:
    """pyspellchecker's English list; read once a process.

    Raises:
        MissingExtraError: pyspellchecker is not installed.
    """
    require_english()
    from spellchecker import SpellChecker

    counts = SpellChecker(language="en").word_frequency.dictionary
    # 32,000 possessives were added by rule (abacus's); those that people said, like it's and let's, have real counts
    return Lexicon({word: count for word, count in counts.items() if count > ADDED or "'" not in word})
