"""What a recogniser makes of a word: how probable its letters are, given each word of a list.

A noisy channel (Kernighan, Church and Gale 1990; Brill and Moore 2000) whose confusions are not learnt but told: each
letter comes with what the recogniser thought of it. Besides, a letter may be missed, most readily the second of a
double letter; written twice; or written where none was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.words.lexicon import LETTERS, Lexicon

Floats = NDArray[np.float64]

Letters = Sequence[Mapping[str, float]]
"""Of each spelled letter: label → probability 0–1. What is no letter A–Z is passed over; the rest, where they add up to
less than 1, is shared by the letters that are not named."""

REACH = 2
"""Letters that a word may be longer or shorter than what was spelled."""

_COMPARED = 1500  # words that are compared letter by letter: the best by a bound that is quick


@dataclass(frozen=True)
class Channel:
    """How letters go astray.

    Attributes:
        trust: exponent of the recogniser's probabilities: below 1, it is less sure than it says.
        floor: share of each letter's probability that is spread over the whole alphabet.
        missed: probability that a letter is not written.
        missed_double: that the second of a double letter is not.
        twice: that a letter is written twice.
        extra: that a letter is written where none was meant.

    Raises:
        ValueError: a value that is not above 0 and at most 1; nothing is impossible.
    """

    trust: float = 0.9
    floor: float = 0.02
    missed: float = 0.008
    missed_double: float = 0.25
    twice: float = 0.01
    extra: float = 0.002

    def __post_init__(self) -> None:
        for each in fields(self):
            if not 0 < getattr(self, each.name) <= 1:
                raise ValueError(f"{each.name} is {getattr(self, each.name)}; it must be above 0 and at most 1")

    def emissions(self, letters: Letters) -> Floats:
        """(letters, 26) log-probabilities of what was seen, for each letter that may have been meant.

        Raises:
            ValueError: a letter without any probability for A–Z, or one that is not from 0 to 1.
        """
        seen = np.stack([_spread(letter) for letter in letters]) ** self.trust
        seen /= seen.sum(axis=1, keepdims=True)
        return np.asarray(np.log((1 - self.floor) * seen + self.floor / len(LETTERS)))


def spelled(letters: Letters) -> str:
    """The most probable letters; of equally probable ones the first that is named."""
    return "".join(max((name for name in letter if _is_letter(name)), key=letter.__getitem__) for letter in letters)


def certain_letters(word: str) -> Letters:
    """A word's letters as if each was read without doubt. Raises ValueError for other characters than A–Z."""
    for letter in word:
        if not _is_letter(letter):
            raise ValueError(f"{letter!r} is no letter A–Z")
    return [{letter: 1.0} for letter in word]


def _is_letter(name: str) -> bool:
    return len(name) == 1 and name in LETTERS


def _spread(letter: Mapping[str, float]) -> Floats:
    """(26,) probabilities that add up to 1."""
    named = {name: float(chance) for name, chance in letter.items() if _is_letter(name)}
    chances = np.array(list(letter.values()), dtype=np.float64)
    if not np.isfinite(chances).all() or (chances < 0).any() or (chances > 1 + 1e-6).any() or not any(named.values()):
        raise ValueError(f"probabilities of letters A–Z from 0 to 1 are needed, not {dict(letter)}")
    left = max(0.0, 1.0 - float(chances.sum())) / max(len(LETTERS) - len(named), 1)
    spread = np.array([named.get(name, left) for name in LETTERS])
    return np.asarray(spread / spread.sum())


def any_word(seen: Floats, pairs: Floats) -> float:
    """Log-probability of the letters if they are no word of the list, but look like one.

    Args:
        seen: (n, 26) as `Channel.emissions` gives them.
        pairs: (27, 27) as `Lexicon.pairs`.
    """
    edge = len(LETTERS)
    reached = pairs[edge, :edge] + seen[0]
    for row in seen[1:]:
        reached = np.logaddexp.reduce(reached[:, None] + pairs[:edge, :edge], axis=0) + row
    return float(np.logaddexp.reduce(reached + pairs[:edge, edge]))


def likely_words(seen: Floats, lexicon: Lexicon, prior: Floats, channel: Channel) -> NDArray[np.int64]:
    """Places of the words that are worth comparing letter by letter, in order.

    Args:
        seen: (n, 26) emissions.
        lexicon: the words.
        prior: (words,) log-probabilities.
        channel: how letters go astray.
    """
    places, bounds = most_probable(seen, lexicon, prior, channel)
    if len(places) > _COMPARED:
        places = places[np.argpartition(-bounds, _COMPARED)[:_COMPARED]]
    return np.sort(places)


def most_probable(seen: Floats, lexicon: Lexicon, prior: Floats, channel: Channel) -> tuple[NDArray[np.int64], Floats]:
    """Places of the words of about this length, and more than what was seen can be as probable for each.

    Each letter of a word is compared with the nearest letters that were spelled, whichever suits best, as no alignment
    of all can do better (one that goes to and fro by more than a letter is possible, but hardly ever worth its costs).
    Arguments as for `likely_words`.
    """
    n = len(seen)
    least = np.log(max(channel.missed, channel.missed_double))
    superfluous = np.log(max(channel.twice, channel.extra / len(LETTERS)))
    places, bounds = [np.zeros(0, np.int64)], [np.zeros(0)]
    for length in range(max(n - REACH, 2), n + REACH + 1):
        if length not in lexicon.of_length:
            continue
        some, letters = lexicon.of_length[length]
        bound = prior[some] + max(n - length, 0) * superfluous
        low, high = min(0, n - length) - 1, max(0, n - length) + 1
        for place in range(length):
            near = seen[max(place + low, 0) : max(place + high + 1, 0)]
            bound += np.maximum(near.max(axis=0, initial=-np.inf), least)[letters[place]]
        places.append(some)
        bounds.append(bound)
    return np.concatenate(places), np.concatenate(bounds)


def align(seen: Floats, words: Sequence[str], channel: Channel) -> Floats:
    """(words,) log-probability of what was seen for each word, by the best alignment of the two.

    Args:
        seen: (n, 26) emissions.
        words: letters A–Z.
        channel: how letters go astray.
    """
    lengths = np.array([len(word) for word in words])
    longest = int(lengths.max())
    padded = "".join(word.ljust(longest, "A") for word in words).encode("ascii")
    letters = (np.frombuffer(padded, np.uint8) - ord("A")).reshape(len(words), longest).T  # (longest, words)
    double = np.zeros(letters.shape, bool)
    double[1:] = letters[1:] == letters[:-1]
    skip = np.where(double, np.log(channel.missed_double), np.log(channel.missed))  # (longest, words)
    extra, twice = np.log(channel.extra / len(LETTERS)), np.log(channel.twice)
    # reached[j]: the best for the letters seen so far and the word's first j
    reached = np.concatenate([np.zeros((1, len(words))), np.cumsum(skip, axis=0)])
    for row in seen:
        matched = row[letters]  # (longest, words)
        now = reached + extra
        np.maximum(now[1:], reached[:-1] + matched, out=now[1:])
        np.maximum(now[1:], reached[1:] + matched + twice, out=now[1:])
        for place in range(longest):
            np.maximum(now[place + 1], now[place] + skip[place], out=now[place + 1])
        reached = now
    return np.asarray(reached[lengths, np.arange(len(words))])
