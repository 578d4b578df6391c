"""Spelled words are put right where the word list is much more probable, and left alone otherwise."""

from __future__ import annotations

import string
import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerspell.core.errors import DataError, MissingExtraError
from fingerspell.live.spelling.event import Event
from fingerspell.live.words import channel as channel_module
from fingerspell.live.words import lexicon as lexicon_module
from fingerspell.live.words.channel import (
    Channel,
    align,
    any_word,
    certain_letters,
    likely_words,
    most_probable,
    spelled,
)
from fingerspell.live.words.dictionary import Dictionary, WordSettings
from fingerspell.live.words.lexicon import LETTERS, LONGEST, Lexicon, english
from fingerspell.live.words.text import correct_text

SMALL = {
    "hello": 900, "help": 4000, "held": 300, "hell": 700, "world": 800, "word": 900, "would": 5000, "cat": 50,
    "cot": 50, "cut": 50, "letter": 300, "later": 500, "better": 800, "it's": 5000, "i": 9000, "a": 8000, "the": 9999,
    "then": 2000, "fuck": 3000, "duck": 10, "fund": 100, "fundamental": 20, "international": 60,
}  # fmt: skip


@cache
def small() -> Dictionary:
    return Dictionary(Lexicon(SMALL))


@cache
def large() -> Dictionary:
    return Dictionary(english())


@pytest.fixture(scope="module")
def in_english() -> Dictionary:
    pytest.importorskip("spellchecker")
    return large()


def read_as(word: str, chance: float = 0.9, **unsure: dict[str, float]):
    """Letters of a word, each read with that probability; `at2={"M": 0.5, "N": 0.4}` says more of the third."""
    return [unsure.get(f"at{place}", {letter: chance}) for place, letter in enumerate(word)]


words = st.text(string.ascii_uppercase, min_size=1, max_size=12)
letters_of_words = st.lists(
    st.dictionaries(st.sampled_from([*LETTERS, "space", "nothing"]), st.floats(0.01, 0.3), min_size=1, max_size=4).map(
        lambda letter: letter | {"E": 0.2}
    ),
    min_size=1,
    max_size=9,
)


# what is changed, and what never


def test_a_missed_double_letter_is_put_right(in_english):
    found = in_english.correct(read_as("HELO"))
    assert (found.word, found.as_spelled, found.changed) == ("HELLO", "HELO", True)
    assert found.certainty > 0.4
    assert "HELP" in [word for word, _ in found.alternatives]


@pytest.mark.parametrize(
    ("seen", "meant"),
    [
        (read_as("WORLLD"), "WORLD"),
        (read_as("INTERNATIONL"), "INTERNATIONAL"),
        (read_as("ACOMODATE"), "ACCOMMODATE"),
        (read_as("MORNIMG", at5={"M": 0.5, "N": 0.4}), "MORNING"),
        (read_as("BEAUTIFVL", at7={"V": 0.5, "U": 0.45}), "BEAUTIFUL"),
        (read_as("FRIENDSHIPS"), "FRIENDSHIPS"),
        (read_as("SHPPING"), "SHOPPING"),
    ],
)
def test_words_are_put_right_in_english(in_english, seen, meant):
    found = in_english.correct(seen)
    assert found.word == meant
    assert found.changed == (meant != found.as_spelled)


@pytest.mark.parametrize("name", ["ZBIGNIEW", "NIAMH", "UNICEF", "GALLAUDET", "QXZV", "NGOZI"])
def test_names_and_abbreviations_that_are_not_listed_stay(in_english, name):
    assert name not in in_english.lexicon
    found = in_english.correct(read_as(name, 0.9))
    assert (found.word, found.changed) == (name, False)


@given(words, st.floats(0.98, 1.0))
def test_a_certain_word_is_never_changed(word, chance):
    found = small().correct(read_as(word, chance))
    assert (found.word, found.as_spelled, found.changed, found.alternatives) == (word, word, False, ())
    assert found.certainty == pytest.approx(chance ** len(word))


def test_one_unsure_letter_makes_a_word_uncertain():
    sure = [{"H": 0.98}, {"E": 0.98}, {"L": 0.98}, {"O": 0.98}]
    assert small().correct(sure).word == "HELO"
    assert small().correct([*sure[:3], {"O": 0.97}]).word == "HELLO"


@given(letters_of_words)
@settings(max_examples=60, deadline=None)
def test_a_result_is_near_what_was_spelled_and_always_the_same(letters):
    found = small().correct(letters)
    assert found == small().correct(letters)
    assert abs(len(found.word) - len(letters)) <= 2
    assert found.changed == (found.word != found.as_spelled)
    assert found.word == found.as_spelled or found.word in small().lexicon
    chances = [found.certainty, *(chance for _, chance in found.alternatives)]
    assert min(chances) >= 0 and sum(chances) <= 1 + 1e-9
    assert [chance for _, chance in found.alternatives] == sorted(chances[1:], reverse=True)
    assert found.word not in [word for word, _ in found.alternatives]


def test_words_three_letters_longer_or_shorter_are_no_candidates():
    dictionary = Dictionary(Lexicon({"FUNDAMENT": 1000, "FUNDAMENTAL": 1000}), WordSettings(odds=1e-9))
    assert dictionary.correct(read_as("FUNDAM", 0.5)).word == "FUNDAM"
    assert dictionary.correct(read_as("FUNDAME", 0.5)).word == "FUNDAMENT"
    assert dictionary.correct(read_as("FUNDAMENTALLY", 0.5)).word == "FUNDAMENTAL"
    assert dictionary.correct(read_as("FUNDAMENTALXYZ", 0.5)).word == "FUNDAMENTALXYZ"


def test_ties_are_broken_by_frequency_and_then_by_the_alphabet():
    unsure = [{"C": 0.9}, dict.fromkeys("OUA", 0.2), {"T": 0.9}]
    sure_of_the_list = WordSettings(odds=1e-6)
    assert Dictionary(Lexicon({"cut": 5, "cot": 5, "cat": 5}), sure_of_the_list).correct(unsure).word == "CAT"
    found = Dictionary(Lexicon({"cut": 5, "cot": 6, "cat": 5}), sure_of_the_list).correct(unsure)
    assert (found.word, [word for word, _ in found.alternatives]) == ("COT", ["CAT", "CUT"])


@pytest.mark.parametrize("letter", ["I", "A", "X"])
def test_a_single_letter_stays_whatever_it_is(letter):
    found = small().correct([{letter: 0.4, "B": 0.3}])
    assert (found.word, found.certainty, found.changed) == (letter, 0.4, False)
    assert "A" not in small().lexicon


def test_no_letters_and_too_many_are_left_alone():
    assert small().correct([]).word == ""
    assert small().correct(read_as("A" * (LONGEST + 1), 0.5)).word == "A" * (LONGEST + 1)


def test_how_common_a_word_is_decides_between_equally_likely_ones():
    seen = read_as("WORD", at3={"D": 0.5, "K": 0.5})
    weighed = WordSettings(odds=1.0)
    assert Dictionary(Lexicon({"word": 10, "work": 1000}), weighed).correct(seen).word == "WORK"
    assert Dictionary(Lexicon({"word": 1000, "work": 10}), weighed).correct(seen).word == "WORD"


def test_the_odds_say_how_readily_a_word_is_changed():
    seen = read_as("WORLT", at4={"T": 0.6, "D": 0.3})
    assert Dictionary(Lexicon(SMALL), WordSettings(odds=1e9)).correct(seen).word == "WORLT"
    assert Dictionary(Lexicon(SMALL), WordSettings(odds=1.0)).correct(seen).word == "WORLD"


def test_coarse_words_are_left_alone_but_never_proposed(in_english):
    unsure = {"V": 0.5, "C": 0.45}
    for dictionary in (small(), in_english):
        assert dictionary.correct(read_as("FUCK", 0.9)).word == "FUCK"
        found = dictionary.correct(read_as("FUVK", at2=unsure))
        assert "FUCK" not in [found.word, *(word for word, _ in found.alternatives)]
        assert "FUCK" not in dictionary.complete("FU", limit=100)
    assert "FUNDAMENTAL" in small().complete("FU")


def test_a_listed_word_that_stays_is_as_certain_as_the_list_and_its_letters_make_it():
    never = WordSettings(odds=1e12)
    found = Dictionary(Lexicon(SMALL), never).correct(read_as("WORLD"))
    assert (found.word, found.changed) == ("WORLD", False)
    assert found.certainty > 0.9
    assert small().correct(read_as("FUCK")).certainty > 0.9, "a coarse word too, where it is what was spelled"


@pytest.mark.parametrize("letter", [{}, {"space": 1.0}, {"A": 0.0}, {"A": float("nan")}, {"A": -0.1}, {"A": 1.2}])
def test_what_is_no_distribution_is_refused(letter):
    with pytest.raises(ValueError):
        small().correct([{"A": 0.9}, letter])


@pytest.mark.parametrize("wrong", [{"unlisted": 0}, {"unlisted": 1}, {"odds": 0}, {"tempering": -1}])
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match="bounds"):
        WordSettings(**wrong)
    with pytest.raises(ValueError, match="floor is 0"):
        Channel(floor=0)
    with pytest.raises(ValueError, match="extra is nan"):
        Channel(extra=float("nan"))


# completion


def test_completions_are_longer_words_the_most_frequent_first():
    assert small().complete("HEL") == ("HELP", "HELLO", "HELL", "HELD")
    assert small().complete("HEL", limit=2) == ("HELP", "HELLO")
    assert small().complete("HELP") == ()
    assert small().complete("TH") == ("THE", "THEN")
    assert small().complete("C") == ("CAT", "COT", "CUT")


def test_one_unsure_letter_of_a_beginning_may_be_another():
    unsure = [{"W": 0.6, "M": 0.3}, {"O": 1.0}]
    assert small().complete(unsure) == ("WOULD", "WORD", "WORLD")
    assert small().complete([{"M": 0.6, "W": 0.35}, {"O": 1.0}]) == ("WOULD", "WORD", "WORLD")
    assert small().complete([{"M": 0.6, "W": 0.04}, {"O": 1.0}]) == ()
    assert small().complete([{"M": 0.98, "W": 0.06}, {"O": 1.0}]) == (), "a sure letter is what it is"
    assert small().complete([{"M": 0.6, "W": 0.35}, {"E": 0.5, "O": 0.4}]) == (), "two letters differ"


def test_the_likelier_letter_comes_first():
    dictionary = Dictionary(Lexicon({"word": 10, "more": 12}))
    assert dictionary.complete([{"W": 0.9, "M": 0.08}, {"O": 1.0}]) == ("WORD", "MORE")


def test_nothing_is_completed_from_nothing_or_without_end():
    assert small().complete("") == ()
    assert small().complete("A" * LONGEST) == ()
    with pytest.raises(ValueError, match="no letter"):
        small().complete("HE1")


# the channel


def best_alignment(seen, word: str, channel: Channel) -> float:
    """The same by recursion over both, as it is written in textbooks."""
    numbers = [LETTERS.index(letter) for letter in word]

    @cache
    def best(i: int, j: int) -> float:
        if i == 0 and j == 0:
            return 0.0
        ways = []
        if i and j:
            ways.append(best(i - 1, j - 1) + seen[i - 1][numbers[j - 1]])
            ways.append(best(i - 1, j) + seen[i - 1][numbers[j - 1]] + np.log(channel.twice))
        if i:
            ways.append(best(i - 1, j) + np.log(channel.extra / 26))
        if j:
            double = j > 1 and word[j - 1] == word[j - 2]
            ways.append(best(i, j - 1) + np.log(channel.missed_double if double else channel.missed))
        return max(ways)

    return best(len(seen), len(word))


@given(letters_of_words, st.lists(st.text("ABEL", min_size=2, max_size=9), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_alignment_is_that_of_the_textbook(letters, some):
    channel = Channel(missed=0.03, twice=0.02, extra=0.005)
    seen = channel.emissions(letters)
    assert align(seen, some, channel) == pytest.approx([best_alignment(seen, word, channel) for word in some])


@given(letters_of_words.filter(lambda letters: len(letters) > 1), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_no_word_is_more_probable_than_its_quick_bound(letters, seed):
    draw = np.random.default_rng(seed)
    lexicon = Lexicon({"".join(draw.choice(list("ABELST"), draw.integers(2, 10))): draw.random() for _ in range(80)})
    channel = Channel()
    seen, prior = channel.emissions(letters), np.log(lexicon.counts)
    places, bounds = most_probable(seen, lexicon, prior, channel)
    assert {lexicon.words[place] for place in places} == {
        word for word in lexicon.words if abs(len(word) - len(letters)) <= 2
    }
    if len(places):
        scores = prior[places] + align(seen, [lexicon.words[place] for place in places], channel)
        assert (bounds >= scores - 1e-9).all()


def test_only_the_most_promising_words_are_compared(monkeypatch):
    lexicon, channel = Lexicon(SMALL), Channel()
    seen = channel.emissions(read_as("HELO"))
    monkeypatch.setattr(channel_module, "_COMPARED", 2)
    kept = likely_words(seen, lexicon, np.log(lexicon.counts), channel)
    assert [lexicon.words[place] for place in kept] == ["HELP", "HELLO"]


@pytest.mark.parametrize("word", ["MOTHER", "INTERNATIONAL", "SHIPS", "HELLO", "QUESTIONABLE", "TO", "UNLIKELY"])
def test_in_english_those_that_are_not_compared_would_not_win(in_english, word, monkeypatch):
    draw = np.random.default_rng(len(word))
    letters = [
        {name: float(chance) for name, chance in zip(LETTERS, row, strict=True)}
        for row in draw.dirichlet(np.full(26, 0.05), len(word))
    ]
    letters = [letter if draw.random() < 0.25 else {name: 0.7} for name, letter in zip(word, letters, strict=True)]
    quick = in_english.correct(letters)
    monkeypatch.setattr(channel_module, "_COMPARED", 10**6)
    assert quick.word == in_english.correct(letters).word


def test_emissions_share_what_is_left_and_keep_a_floor():
    seen = np.exp(Channel(trust=1.0, floor=1e-12).emissions([{"A": 0.5, "space": 0.26}, {"B": 1.0}]))
    assert seen[0][0] == pytest.approx(0.5 / 0.74)
    assert seen[0][1:] == pytest.approx(0.24 / 25 / 0.74)
    assert seen[1] == pytest.approx([0.0, 1.0, *[0.0] * 24])
    floored = np.exp(Channel(trust=0.5, floor=0.26).emissions([{"A": 0.64, "B": 0.36}]))
    assert floored[0][:3] == pytest.approx([0.74 * 0.8 / 1.4 + 0.01, 0.74 * 0.6 / 1.4 + 0.01, 0.01])
    assert floored.sum() == pytest.approx(1)


def test_an_unlisted_word_looks_like_the_list():
    lexicon = Lexicon({"banana": 1, "nab": 1, "bandana": 1})
    seen = {word: Channel(floor=0.001).emissions(certain_letters(word)) for word in ("BANA", "NNBB", "XQXQ")}
    scores = {word: any_word(letters, lexicon.pairs) for word, letters in seen.items()}
    assert scores["BANA"] > scores["NNBB"] and scores["BANA"] > scores["XQXQ"]
    followers = np.exp(lexicon.pairs)
    assert followers.sum(axis=1) == pytest.approx(1)
    assert followers[26, 26] == 0
    # after N there is an A four times and a D once; half is left to chance
    assert followers[13][[0, 3, 25]] == pytest.approx([0.5 * 4 / 5 + 0.5 / 27, 0.5 / 5 + 0.5 / 27, 0.5 / 27])


def test_any_word_adds_up_all_strings():
    pairs = np.log(np.random.default_rng(0).dirichlet(np.ones(27), 27))
    seen = Channel().emissions([{"A": 0.6}, {"B": 0.7}])
    every = [pairs[26, a] + seen[0][a] + pairs[a, b] + seen[1][b] + pairs[b, 26] for a in range(26) for b in range(26)]
    assert any_word(seen, pairs) == pytest.approx(np.logaddexp.reduce(every))


def test_the_first_of_equally_probable_letters_is_spelled():
    assert spelled([{"space": 0.9, "B": 0.4, "A": 0.4}, {"C": 0.1, "D": 0.2}]) == "BD"


# the list


def test_a_list_is_in_order_and_knows_only_words_that_can_be_spelled():
    lexicon = Lexicon({"its": 5, "it's": 7, "b": 9, "naïve": 9, "a1": 9, "bee": 3, "ant": 3, "x" * (LONGEST + 1): 1})
    assert lexicon.words == ("ITS", "ANT", "BEE")
    assert lexicon.counts.tolist() == [12, 3, 3]
    places, letters = lexicon.of_length[3]
    assert places.tolist() == [0, 1, 2]
    assert ["".join(LETTERS[number] for number in column) for column in letters.T] == ["ITS", "ANT", "BEE"]


@pytest.mark.parametrize("counts", [{}, {"a": 3}, {"word": 0}, {"word": -1, "other": 2}, {"word": float("nan")}])
def test_a_list_without_words_or_with_words_that_never_occur_is_refused(counts):
    with pytest.raises(DataError, match="word list"):
        Lexicon(counts)


def test_the_english_list_is_read_late_and_corrects_quickly(in_english):
    late = Dictionary()
    assert "lexicon" not in vars(late)
    late.read_list()
    assert late.lexicon is in_english.lexicon, "one list for the whole process"
    assert len(in_english.lexicon.words) > 100_000
    assert in_english.lexicon.words[:3] == ("THE", "YOU", "TO")
    assert "ITS" in in_english.lexicon and "ABACUSS" not in in_english.lexicon
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        in_english.correct(read_as("BEAUTIFVL", 0.7))
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.03


def test_without_the_package_the_extra_is_named_before_any_word(monkeypatch):
    monkeypatch.setattr(lexicon_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"fingerspell\[words\]"):
        Dictionary()
    assert Dictionary(Lexicon(SMALL)).correct(read_as("HELO")).word == "HELLO", "a list of one's own needs no package"


# whole texts


class Spelling:
    """Events as a speller reports them."""

    def __init__(self) -> None:
        self.text, self.events = "", []

    def add(self, kind, label: str, text: str, certainty: float = 0.9, **others: float):
        self.text = text
        candidates = sorted({label: certainty, **others}.items(), key=lambda item: -item[1])
        self.events.append(Event(kind, len(self.events) * 1.0, label, certainty, tuple(candidates), text))
        return self

    def write(self, text: str, certainty: float = 0.9):
        for character in text:
            self.add("written", "space" if character == " " else character, self.text + character, certainty)
        return self


def test_a_text_is_corrected_word_by_word_and_keeps_its_spaces():
    found = correct_text(Spelling().write(" HELO  WORLLD ").events, small())
    assert found.text == " HELLO  WORLD "
    assert [(each.as_spelled, each.word) for each in found.words] == [("HELO", "HELLO"), ("WORLLD", "WORLD")]


def test_a_text_of_nothing():
    assert correct_text([], small()).text == ""
    assert correct_text(Spelling().write("  ").events, small()).text == "  "


def test_letters_follow_removals_and_revisions():
    spelling = Spelling().write("HELI").add("unsure", "M", "HELI", 0.3)
    spelling.add("revised", "J", "HELJ", 0.8).add("removed", "del", "HEL", 0.9).write("LO")
    found = correct_text(spelling.events, Dictionary(Lexicon(SMALL), WordSettings(odds=1e12)))
    assert found.text == "HELLO"
    assert found.words[0].as_spelled == "HELLO"


def test_a_revised_letter_brings_its_own_doubts():
    sure = Spelling().write("HEL", 1.0).write("I", 1.0)
    assert correct_text(sure.events, small()).text == "HELI"
    revised = sure.add("revised", "O", "HELO", 0.6)
    assert correct_text(revised.events, small()).text == "HELLO"


def test_a_letter_revised_to_itself_stays_one_letter():
    spelling = Spelling().write("HELLO", 1.0).add("revised", "O", "HELLO", 0.7)
    assert correct_text(spelling.events, small()).words[0].as_spelled == "HELLO"


def test_a_removed_letter_takes_its_doubts_with_it():
    spelling = Spelling().write("HEL", 1.0).write("X", 0.5).add("removed", "del", "HEL").write("O", 1.0)
    assert correct_text(spelling.events, small()).text == "HELO", "all that is left is certain"


def test_a_removal_from_an_empty_text_changes_nothing():
    assert correct_text(Spelling().add("removed", "del", "").write("CAT").events, small()).text == "CAT"


def test_letters_follow_undo_and_clear_which_are_no_events():
    spelling = Spelling().write("HELO X")
    spelling.text = "HELO"  # undone twice
    assert correct_text(spelling.write(" CAT").events, small()).text == "HELLO CAT"
    spelling.text = ""  # cleared
    assert correct_text(spelling.write("WORLLD").events, small()).text == "WORLD"
    spelling.text = "HELO WORLLD"  # brought back: what was thought of its new letters is not known
    assert correct_text(spelling.write("A").events, small()).text == "HELO WORLLDA"


def test_the_written_letter_leads_even_where_another_seemed_likelier():
    spelling = Spelling().write("C").add("written", "A", "CA", 0.3, O=0.6).write("T")
    assert correct_text(spelling.events, small()).words[0].as_spelled == "CAT"
