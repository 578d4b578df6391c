"""Lights: drawn within reason, and turned into a hand's coordinates without losing their way."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.lighting import Lighting, draw_lighting
from fingerspell.hands.scene import rotation


def drawn(count=300):
    return [draw_lighting(np.random.default_rng([7, number])) for number in range(count)]


def test_lights_are_light():
    for lighting in drawn():
        lights = lighting.lights
        assert lights.shape[1] == 8 and len(lights) <= 2
        np.testing.assert_allclose(np.linalg.norm(lights[:, :3], axis=1), 1)
        assert (lights[:, 3:6] >= 0).all() and (lights[:, 3:6] < 5).all()
        assert (lights[:, 6] > 0).all()
        assert ((lights[:, 7] >= 0) & (lights[:, 7] <= 1)).all()
        for around in (lighting.above, lighting.below):
            assert around.shape == (3,) and (around > 0).all() and (around < 5).all()
        assert np.linalg.norm(lighting.up) == pytest.approx(1)
        assert lighting.up[1] > 0
        assert -1 < lighting.behind < 1


def test_light_differs_as_rooms_do():
    many = drawn()
    keys = np.array([each.lights[0] for each in many if len(each.lights)])
    assert any(len(each.lights) == 0 for each in many)  # a silhouette has only what is around it
    assert (keys[:, 0] > 0.3).any() and (keys[:, 0] < -0.3).any()
    assert 0.04 < (keys[:, 2] < -0.4).mean() < 0.2  # a window behind the hand now and then
    assert np.median(keys[:, 1]) > 0.2  # mostly from above
    assert np.median([each.above.mean() / each.below.mean() for each in many]) > 1.2
    warmth = keys[:, 3] / keys[:, 5]
    assert (warmth > 1.3).any() and (warmth < 0.95).any()
    strength = [each.lights[:, 3:6].sum() + each.above.sum() for each in many]
    assert max(strength) > 8 * min(strength)


def test_the_same_numbers_give_the_same_light():
    one, other = (draw_lighting(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.lights, other.lights)
    np.testing.assert_array_equal(one.above, other.above)


def a_light(direction):
    light = np.array([[*direction, 1.0, 0.5, 0.25, 3.0, 0.9]])
    return Lighting(light, np.array([0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3]), np.array([0.0, 1.0, 0.0]), 0.0)


def test_a_turned_hand_sees_the_light_from_elsewhere():
    turn = rotation(90, 0, 0)  # the palm to the right of the picture
    np.testing.assert_allclose(turn @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    lights, around = a_light((1, 0, 0)).for_hand(turn, mirrored=False)
    np.testing.assert_allclose(lights[0], [0, 0, 1, 1, 0.5, 0.25, 3, 0.9], atol=1e-12)  # it shines on the palm
    np.testing.assert_allclose(around, [[0.3, 0.2, 0.1], [0.1, 0.2, 0.3], [0, 1, 0]], atol=1e-12)
    lights, _ = a_light((1, 0, 0)).for_hand(turn, mirrored=True)
    np.testing.assert_allclose(lights[0, :3], [0, 0, -1], atol=1e-12)


def test_up_turns_with_the_hand():
    turn = rotation(0, 0, 90)  # the fingers to the left of the picture
    np.testing.assert_allclose(turn @ [0, 1, 0], [-1, 0, 0], atol=1e-12)
    _, around = a_light((0, 0, 1)).for_hand(turn, mirrored=False)
    np.testing.assert_allclose(turn @ around[2], [0, 1, 0], atol=1e-12)


def test_the_scene_keeps_its_own_lights():
    lighting = a_light((1, 0, 0))
    kept = lighting.lights.copy()
    lighting.for_hand(rotation(30, 20, 10), mirrored=True)
    np.testing.assert_array_equal(lighting.lights, kept)
