"""Where a speller's settings come from: what is given, then the card, then the defaults."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fingerspell.live.reader import Reader
from fingerspell.live.spelling.settings import SpellingError, SpellingSettings, settings_for

SURE = {"calibration": {"answer_from": 0.61}}


@pytest.mark.parametrize("card", [{}, {"calibration": {"answer_from": None}}, {"calibration": "no"}])
def test_a_card_without_a_threshold_changes_nothing(card):
    assert settings_for(card) == SpellingSettings()
    assert settings_for(card, hold=None, certain=None) == SpellingSettings()


def test_a_letter_must_be_as_sure_as_the_card_asks_for():
    assert settings_for(SURE) == SpellingSettings(certain=0.61)
    assert settings_for(SURE, hold=0.5, release=None) == SpellingSettings(certain=0.61, hold=0.5)


def test_what_is_given_comes_first():
    assert settings_for(SURE, certain=0.3).certain == 0.3
    with pytest.raises(SpellingError, match="certain is 7"):
        settings_for(SURE, certain=7)


@pytest.mark.parametrize(("threshold", "certain"), [(0.0, 0.05), (1.0, 0.99)])
def test_it_stays_within_what_a_speller_can_do(threshold, certain):
    assert settings_for({"calibration": {"answer_from": threshold}}).certain == certain


def test_a_reader_takes_them_from_its_recognisers_card():
    recogniser = SimpleNamespace(labels=("A", "B", "nothing"), bundle=SimpleNamespace(card=SURE, finder=None))
    assert Reader(recogniser).speller.settings.certain == 0.61
    assert Reader(recogniser, SpellingSettings()).speller.settings.certain == 0.4


def test_the_service_takes_them_from_the_card_too():
    spell = pytest.importorskip("fingerspell.live.service.spell")
    service = SimpleNamespace(recognizer=SimpleNamespace(bundle=SimpleNamespace(card=SURE)))
    assert spell._settings(service, hold=None, certain=None).certain == 0.61
    assert spell._settings(service, certain=0.3).certain == 0.3
