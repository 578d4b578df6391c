"""Spelled words → the words that were probably meant. Off unless asked for: names and abbreviations are words too.

What was spelled and each word of the list are weighed against each other: how common a word is, times how probable the
recogniser's doubts are if that word was meant; against a word that is not in the list but looks like one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.words.channel import (
    Channel,
    Letters,
    align,
    any_word,
    certain_letters,
    likely_words,
    spelled,
)
from fingerspell.live.words.lexicon import LETTERS, LONGEST, Lexicon, codes, english, require_english

Floats = NDArray[np.float64]

ALTERNATIVES = 4
COMPLETIONS = 5

_ALIKE = 9  # decimals up to which two words count as equally probable
_NEARLY = 0.05  # probability from which another letter is tried for one that is unsure


@dataclass(frozen=True)
class WordSettings:
    """When a word is changed. Set on photos of `rooms` with `benchmarks/word_correction.py`, and measured on others.

    Attributes:
        certain: a word whose letters all have at least this probability always stays.
        tempering: exponent of the words' frequencies; 0 makes all words equally common.
        unlisted: probability that a word is not in the list.
        odds: how many times more probable than any unlisted word a listed one must be.
        channel: how letters go astray.

    Raises:
        ValueError: `unlisted` is not between 0 and 1, `odds` not above 0, or `tempering` below 0.
    """

    certain: float = 0.98
    tempering: float = 0.65
    unlisted: float = 0.05
    odds: float = 100.0
    channel: Channel = field(default_factory=Channel)

    def __post_init__(self) -> None:
        if not (0 < self.unlisted < 1 and self.odds > 0 and self.tempering >= 0):
            raise ValueError(f"settings out of their bounds: {self}")


@dataclass(frozen=True)
class Correction:
    """What became of one spelled word.

    Attributes:
        word: as it is to be read, in capitals.
        as_spelled: the letters as they were written.
        certainty: probability of `word` among all that may have been meant, 0–1; of a word that stays because each
            letter is certain, that all its letters are right.
        changed: whether the two differ.
        alternatives: other words of the list with their probabilities, most probable first.
    """

    word: str
    as_spelled: str
    certainty: float
    changed: bool
    alternatives: tuple[tuple[str, float], ...] = ()


class Dictionary:
    """Corrects and completes spelled words. May be used from several threads at once.

    The list is read at the first word that needs it, or by `read_list`, in less than half a second.

    Args:
        lexicon: the words; by default pyspellchecker's English list.
        settings: when a word is changed.

    Raises:
        MissingExtraError: the English list is wanted, and pyspellchecker is not installed.
    """

    def __init__(self, lexicon: Lexicon | None = None, settings: WordSettings | None = None) -> None:
        if lexicon is None:
            require_english()
        self._given = lexicon
        self.settings = settings or WordSettings()

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words."""
        return self._given if self._given is not None else english()

    @cached_property
    def prior(self) -> Floats:
        """(words,) log-probability of each word of the list, before a letter is seen."""
        weights = self.settings.tempering * np.log(self.lexicon.counts)
        return np.asarray(weights - np.logaddexp.reduce(weights) + np.log1p(-self.settings.unlisted))

    def read_list(self) -> None:
        """Read the list now, so that the first word need not wait."""
        self.correct([{"A": 0.5}, {"A": 0.5}])

    def correct(self, letters: Letters) -> Correction:
        """The word that was probably meant.

        Words of one letter stay as they are, and so do words of more than `LONGEST` letters.

        Args:
            letters: of each spelled letter, label → probability, as an event's `candidates`.

        Raises:
            ValueError: a letter without a probability for A–Z, or one that is not from 0 to 1.
        """
        settings, as_spelled = self.settings, spelled(letters)
        sure = [letter[name] for letter, name in zip(letters, as_spelled, strict=True)]
        seen = settings.channel.emissions(letters) if letters else np.zeros((0, len(LETTERS)))
        if not 2 <= len(letters) <= LONGEST or min(sure) >= settings.certain:
            return Correction(as_spelled, as_spelled, float(np.prod(sure)), changed=False)
        unlisted = float(np.log(settings.unlisted)) + any_word(seen, self.lexicon.pairs)
        places, scores = self._ranked(seen, as_spelled)
        total = np.logaddexp.reduce(np.append(scores, unlisted))
        chances = np.exp(scores - total)
        words = [self.lexicon.words[place] for place in places[: ALTERNATIVES + 1]]
        if words and scores[0] - unlisted >= np.log(settings.odds):
            word, certainty = words[0], float(chances[0])
        else:
            word, certainty = as_spelled, float(np.exp(unlisted - total))
            if as_spelled in self.lexicon:
                certainty += float(chances[places == self.lexicon.ranks[as_spelled]].sum())
        others = [(other, float(chance)) for other, chance in zip(words, chances, strict=False) if other != word]
        return Correction(word, as_spelled, certainty, word != as_spelled, tuple(others[:ALTERNATIVES]))

    def _ranked(self, seen: Floats, as_spelled: str) -> tuple[NDArray[np.int64], Floats]:
        """Places of the likely words and their log-probabilities, best first; of equal ones the most frequent."""
        places = likely_words(seen, self.lexicon, self.prior, self.settings.channel)
        places = places[~self.lexicon.coarse[places] | (places == self.lexicon.ranks.get(as_spelled, -1))]
        if not len(places):
            return places, np.zeros(0)
        words = [self.lexicon.words[place] for place in places]
        scores = self.prior[places] + align(seen, words, self.settings.channel)
        order = np.lexsort((places, -scores.round(_ALIKE)))
        return places[order], scores[order]

    def complete(self, letters: Letters | str, limit: int = COMPLETIONS) -> tuple[str, ...]:
        """The most frequent longer words that begin with these letters, the most frequent first.

        Where one letter is unsure, its runners-up are tried too, and count as much less as they are less probable.

        Args:
            letters: the beginning of a word, as for `correct`; or a string, each letter of which is certain.
            limit: how many words at most.

        Raises:
            ValueError: not such letters.
        """
        if isinstance(letters, str):
            letters = certain_letters(letters)
        if not 1 <= len(letters) < LONGEST:
            return ()
        seen, top = self.settings.channel.emissions(letters), codes(spelled(letters))
        found: list[tuple[float, int]] = []
        for length, (places, words) in self.lexicon.of_length.items():
            if length <= len(letters):
                continue
            scores = np.where(self.lexicon.coarse[places], -np.inf, self.prior[places])
            scores += _beginnings(seen, words, top, self._tried(letters))
            best = np.flatnonzero(np.isfinite(scores))
            best = best[np.lexsort((places[best], -scores[best].round(_ALIKE)))[:limit]]
            found += [(-round(float(scores[one]), _ALIKE), int(places[one])) for one in best]
        return tuple(self.lexicon.words[place] for _, place in sorted(found)[:limit])

    def _tried(self, letters: Letters) -> NDArray[np.bool_]:
        """(letters, 26) which other letters are tried."""
        likely = np.array([[letter.get(name, 0.0) >= _NEARLY for name in LETTERS] for letter in letters])
        unsure = np.array([max(letter.values()) < self.settings.certain for letter in letters])
        return np.asarray(likely & unsure[:, None])


def _beginnings(seen: Floats, words: NDArray[np.uint8], top: list[int], tried: NDArray[np.bool_]) -> Floats:
    """(words,) log-probability of the first letters; −∞ where more than one differs, or one that is not tried."""
    scores, differ = np.zeros(words.shape[1]), np.zeros(words.shape[1], np.int64)
    for place, letter in enumerate(top):
        here = words[place]
        other = here != letter
        differ += np.where(other & ~tried[place][here], 2, other)
        scores += seen[place][here]
    return np.where(differ <= 1, scores, -np.inf)
