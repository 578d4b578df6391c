"""People: always the same for the same numbers, different from each other, and within what people are like."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.core.alphabet import LABELS
from fingerspell.hands.signers import signer
from fingerspell.hands.skin import MONK, linear

PEOPLE = [signer(0, number) for number in range(120)]


def luminance(colour):
    return float(np.asarray(colour) @ [0.2126, 0.7152, 0.0722])


def same(one, other):
    return (
        one.handedness == other.handedness
        and one.precision == other.precision
        and all(
            np.array_equal(a, b)
            for a, b in (
                (one.style, other.style),
                (one.taste, other.taste),
                (one.hand.lengths, other.hand.lengths),
                (one.hand.radii, other.hand.radii),
                (one.hand.knuckles, other.hand.knuckles),
                (one.skin.packed(), other.skin.packed()),
            )
        )
    )


def test_a_person_stays_the_same():
    assert same(signer(3, 7), signer(3, 7))
    assert signer(3, 7).number == 7
    assert not same(signer(3, 7), signer(4, 7))


def test_no_two_are_alike():
    lengths = {person.hand.lengths.tobytes() for person in PEOPLE}
    skins = {person.skin.packed().tobytes() for person in PEOPLE}
    styles = {person.style.tobytes() for person in PEOPLE}
    assert len(lengths) == len(skins) == len(styles) == len(PEOPLE)


def test_hands_are_of_human_size():
    lengths = np.array([person.hand.length for person in PEOPLE])
    assert lengths.min() > 14 and lengths.max() < 22.5
    assert 17.4 < lengths.mean() < 19.0
    assert 0.8 < lengths.std() < 1.9
    for person in PEOPLE:
        hand = person.hand
        assert (hand.lengths > 1).all() and (hand.lengths < 7).all()
        assert (hand.radii > 0.35).all() and (hand.radii < 2).all()
        assert (np.diff(hand.radii[1:], axis=1) < 0).all()  # fingers taper
        breadth = hand.knuckles[0, 0] - hand.knuckles[3, 0]
        assert 0.25 < breadth / hand.length < 0.45
        assert hand.lengths[2].sum() > hand.lengths[4].sum()  # the middle finger is longer than the pinky
        assert (hand.lengths[1:, 0] > hand.lengths[1:, 1]).all()
        assert 0.8 < hand.palm < 2.2
        assert 0 <= hand.nail < 1
        assert (hand.forearm > 1).all() and (hand.forearm < 5).all()


def test_both_hands_sign_mostly_the_right():
    left = np.mean([person.handedness == "left" for person in PEOPLE])
    assert {person.handedness for person in PEOPLE} == {"left", "right"}
    assert 0.04 < left < 0.3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_few_people_cover_the_range_of_skin(seed):
    tones = sorted(luminance(signer(seed, number).skin.back) for number in range(10))
    scale = [luminance(linear(tone)) for tone in MONK]
    assert tones[0] < scale[7]  # one of the dark tones
    assert tones[-1] > 0.7 * scale[4]  # one of the light ones
    assert np.diff(np.log(tones)).max() < 1.1  # and no large gap between


def test_skin_is_skin():
    for person in PEOPLE:
        skin = person.skin
        for colour in (skin.back, skin.palm):
            assert ((colour > 0) & (colour < 0.9)).all()
            assert colour[0] > colour[1] > colour[2]  # red over green over blue, in everybody
        assert skin.packed().shape == (15,)
        assert 0 <= skin.gloss <= 0.3 and 5 <= skin.sharpness <= 60
        for share in (skin.creases, skin.mottle):
            assert 0 <= share <= 1
        assert (skin.nail >= 0).all() and (skin.nail <= 1).all()


def test_palms_differ_most_from_dark_backs():
    contrast = np.array([luminance(each.skin.palm) / luminance(each.skin.back) for each in PEOPLE])
    tone = np.array([luminance(each.skin.back) for each in PEOPLE])
    order = tone.argsort()
    assert contrast[order[:30]].min() > 1.4
    assert contrast[order[:30]].mean() > 1.5 * contrast[order[-30:]].mean()


def test_habits_are_small_and_tastes_are_shares():
    styles = np.array([person.style for person in PEOPLE])
    assert styles.shape == (len(PEOPLE), 24)
    assert 1 < styles.std() < 8 and np.abs(styles.mean(axis=0)).max() < 3
    for person in PEOPLE:
        assert len(person.taste) >= len(LABELS)
        assert ((person.taste >= 0) & (person.taste < 1)).all()
        assert 0.5 < person.precision < 2
