"""Skin: its tones in their order, palms and nails where they are, and light that behaves like light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.signers import signer
from fingerspell.hands.skeleton import average, joint_radii, pose
from fingerspell.hands.skin import MONK, Skin, linear, shade
from fingerspell.hands.surface import wrap
from fingerspell.hands.tracer import trace

SIDE = 64
EVEN = np.array([[0.8, 0.8, 0.8], [0.8, 0.8, 0.8], [0.0, 1.0, 0.0]])
DARK = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1.0]])
PLAIN = Skin(
    back=np.array([0.5, 0.3, 0.2]), palm=np.array([0.5, 0.3, 0.2]), nail=np.array([0.5, 0.3, 0.2]), redness=0.0,
    creases=0.0, mottle=0.0, gloss=0.0, sharpness=20.0, texture=3.0,
)  # fmt: skip
CLOTH = np.array([0.1, 0.2, 0.8, 0.9, 0.1, 0.1, 0.0])


def light(*direction, colour=(1.0, 1.0, 1.0), hardness=4.0, strength=0.0):
    way = np.array(direction, float)
    return np.array([[*(way / np.linalg.norm(way)), *colour, hardness, strength]])


NONE = np.zeros((0, 8))


@pytest.fixture
def shot_of(front, open_hand):
    """Factory: (radiance, shows, coverage, camera, skeleton) of a flat hand."""

    def make(
        skin=PLAIN, lights=NONE, around=EVEN, *, behind=False, sleeve=None, cloth=CLOTH, angles=open_hand, who=None
    ):
        hand = average() if who is None else who.hand
        skeleton = pose(angles, hand)
        field = wrap(skeleton, hand, sleeve)
        camera = front(SIDE, behind=behind, middle=(0.0, 7.0), across=26)
        depth, coverage = trace(field, camera, SIDE, SIDE)
        lengths = np.linalg.norm(skeleton.ends - skeleton.starts, axis=1)
        bones = (skeleton.starts, skeleton.frames, lengths, np.stack(joint_radii(hand), axis=1))
        colour, shows = shade(field, camera, depth, coverage, bones, skin, cloth, lights, around)
        return colour, shows, coverage, camera, skeleton

    return make


def around_points(camera, points, radius=3):
    """(h, w) where a pixel lies within some pixels of one of the points."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    near = np.zeros((SIDE, SIDE), bool)
    for x, y, _ in camera.project(np.asarray(points)):
        near |= (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    return near


def test_srgb_to_light_by_hand():
    np.testing.assert_allclose(linear((0, 255)), [0, 1])
    assert linear((188,))[0] == pytest.approx(0.5029, abs=1e-3)
    assert linear((10,))[0] == pytest.approx(10 / 255 / 12.92)


def test_the_scale_goes_from_light_to_dark():
    assert len(MONK) == 10
    published = "f6ede4 f3e7db f7ead0 eadaba d7bd96 a07e56 825c43 604134 3a312a 292420"
    assert " ".join(bytes(tone).hex() for tone in MONK) == published
    tones = [linear(tone) @ [0.2126, 0.7152, 0.0722] for tone in MONK]
    assert tones[0] == max(tones) and tones[-1] == min(tones)
    assert (np.diff(tones[2:]) < 0).all()


def test_every_tone_keeps_its_place_and_its_hue(shot_of):
    shown = []
    for tone in MONK:
        skin = replace(PLAIN, back=linear(tone), palm=linear(tone), nail=linear(tone))
        colour, shows, coverage, _, _ = shot_of(skin)
        shown.append(colour[(shows == 1) & (coverage == 1)].mean(axis=0))
    shown, albedo = np.array(shown), np.array([linear(tone) for tone in MONK])
    for channel in range(3):
        np.testing.assert_array_equal(shown[:, channel].argsort(), albedo[:, channel].argsort())
    share = shown / albedo
    assert share.min() > 0.5 * 0.8 and share.max() < 1.05  # even light, less in the folds, some red light in them
    assert np.ptp(share, axis=0).max() < 0.02  # the same for all tones


def test_skin_is_packed_as_the_kernel_reads_it():
    skin = Skin(np.array([1, 2, 3.0]), np.array([4, 5, 6.0]), np.array([7, 8, 9.0]), 10, 11, 12, 13, 14, 15)
    assert skin.packed().tolist() == list(range(1, 16))


def test_red_is_red_and_blue_is_blue(shot_of):
    colour, shows, _, _, _ = shot_of(replace(PLAIN, back=np.array([0.6, 0.3, 0.1]), palm=np.array([0.6, 0.3, 0.1])))
    red, green, blue = colour[shows == 1].mean(axis=0)
    assert red > 1.5 * green > 2 * blue
    colour, shows, _, _, _ = shot_of(lights=light(0, 0, 1, colour=(0, 0, 1)), around=DARK)
    red, green, blue = colour[shows == 1].mean(axis=0)
    assert blue > 0.05 and red == 0 and green == 0


def test_the_palm_of_dark_skin_is_lighter_than_its_back(shot_of):
    dark = next(person for person in (signer(0, n) for n in range(40)) if person.skin.back.mean() < 0.04)
    means = []
    for behind in (False, True):
        colour, _, _, camera, skeleton = shot_of(dark.skin, behind=behind)
        spots = around_points(camera, skeleton.knuckles * [1, 0.6, 1], 4)
        means.append(colour[spots].mean(axis=0))
    assert (means[0] > 1.3 * means[1]).all()


def test_palm_and_back_have_their_own_colours(shot_of):
    skin = replace(
        PLAIN, back=np.array([0.1, 0.1, 0.6]), palm=np.array([0.6, 0.1, 0.1]), nail=np.array([0.1, 0.1, 0.6])
    )
    front_colour, front_shows, _, front_camera, skeleton = shot_of(skin)
    back_colour, _, _, back_camera, _ = shot_of(skin, behind=True)
    joints = skeleton.landmarks[[6, 7, 10, 11, 14, 15, 9]]
    seen = front_colour[around_points(front_camera, joints, 2)]
    assert (seen[:, 0] > 2 * seen[:, 2]).mean() > 0.9
    seen = back_colour[around_points(back_camera, joints, 2)]
    assert (seen[:, 2] > 2 * seen[:, 0]).mean() > 0.9
    arm = front_colour[front_shows == 2].mean(axis=0)
    assert arm[2] > arm[0]  # the inside of the forearm is hardly lighter than its outside


def test_nails_are_on_the_backs_of_the_fingertips_only(shot_of):
    skin = replace(PLAIN, nail=np.array([0.0, 0.9, 0.0]))
    colour, shows, _, camera, skeleton = shot_of(skin, behind=True)
    green = (colour[..., 1] > 1.5 * colour[..., 0]) & (shows == 1)
    tips = skeleton.landmarks[[8, 12, 16, 20]]
    for tip in tips:
        assert (green & around_points(camera, [tip], 4)).sum() >= 2
    beds = skeleton.landmarks[[4, 8, 12, 16, 20]] * 0.75 + skeleton.landmarks[[3, 7, 11, 15, 19]] * 0.25
    assert not (green & ~around_points(camera, beds, 5)).any()
    colour, shows, _, _, _ = shot_of(skin)
    assert ((colour[..., 1] > 1.5 * colour[..., 0]) & (shows == 1)).sum() <= 6  # the thumb is seen from the side


def test_creases_are_dark_lines_in_the_palm_and_at_the_joints(shot_of):
    smooth, shows, coverage, camera, skeleton = shot_of(around=EVEN)
    lined, _, _, _, _ = shot_of(replace(PLAIN, creases=1.0))
    share = np.where(shows == 1, lined[..., 1] / np.maximum(smooth[..., 1], 1e-9), 1.0)
    inside = (shows == 1) & (coverage == 1)
    assert (share <= 1 + 1e-9).all() and share.min() < 0.75
    assert 0.02 < (share[inside] < 0.93).mean() < 0.4
    joints = around_points(camera, skeleton.landmarks[[6, 7, 10, 11, 14, 15, 18, 19]], 1.5)
    assert share[joints & inside].mean() < share[inside].mean() - 0.05
    palm = around_points(camera, [[-1, 4.5, 1]], 9) & inside
    assert (share[palm] < 0.9).any()


def test_mottling_changes_tones_and_not_the_mean(shot_of):
    smooth, shows, _, _, _ = shot_of()
    blotched, _, _, _, _ = shot_of(replace(PLAIN, mottle=1.0))
    other, _, _, _, _ = shot_of(replace(PLAIN, mottle=1.0, texture=700.0))
    share = blotched[shows == 1][:, 1] / smooth[shows == 1][:, 1]
    assert 0.02 < share.std() < 0.2 and share.mean() == pytest.approx(1, abs=0.06)
    assert np.abs(blotched - other).max() > 0.01


def test_redness_reddens_the_fingertips(shot_of):
    pale, shows, coverage, camera, skeleton = shot_of()
    rosy, _, _, _, _ = shot_of(replace(PLAIN, redness=1.0))
    inside = (shows == 1) & (coverage == 1)
    share = rosy[inside][:, 0] / rosy[inside][:, 2] / (pale[inside][:, 0] / pale[inside][:, 2])
    tips = around_points(camera, skeleton.landmarks[[8, 12, 16, 20]] - [0, 0.4, 0], 2)[inside]
    assert share.min() > 0.99 and share[tips].mean() > 1.1 > share[~tips].mean()


def test_the_lit_side_is_brighter(shot_of):
    from_right, shows, coverage, _, _ = shot_of(lights=light(1, 0, 0.3), around=DARK)
    from_left, _, _, _, _ = shot_of(lights=light(-1, 0, 0.3), around=DARK)
    inside = (shows == 1) & (coverage == 1)
    # right and left edges of the hand as a whole, and the middle of it
    rows, columns = np.nonzero(inside)
    edge = {"right": [], "left": []}
    for row in np.unique(rows):
        line = columns[rows == row]
        edge["right"].append((row, line.max()))
        edge["left"].append((row, line.min()))
    for bright, dark, side in ((from_right, from_left, "right"), (from_left, from_right, "left")):
        where = tuple(np.array(edge[side]).T)
        assert bright[where].mean() > 1.4 * dark[where].mean()
    before, _, _, _, _ = shot_of(lights=light(0, 0, 1), around=DARK)
    after, _, _, _, _ = shot_of(lights=light(0, 0, -1), around=DARK)
    assert before[inside].mean() > 10 * after[inside].mean()
    both = shot_of(lights=np.concatenate([light(1, 0, 0.3), light(-1, 0, 0.3)]), around=DARK)[0]
    np.testing.assert_allclose(both, from_right + from_left, atol=1e-9)  # light adds up


def test_light_from_above_and_from_below(shot_of):
    lying = np.array([[1.0, 1, 1], [0, 0, 0], [0, 0, 1.0]])  # above is where the camera is
    colour, shows, coverage, _, _ = shot_of(around=lying)
    other, _, _, _, _ = shot_of(around=lying * [[1], [1], [-1]])
    inside = (shows == 1) & (coverage == 1)
    assert colour[inside].mean() > 3 * other[inside].mean()
    np.testing.assert_allclose(colour[inside] + other[inside], shot_of(around=lying * 0 + [[1], [1], [0]])[0][inside])


def test_shadow_darkens_and_never_brightens(shot_of, open_hand):
    bent = open_hand.copy()
    bent[0], bent[2] = 80, 60  # the index finger stands before the palm
    lights = light(0.5, 0.7, 0.6)
    free, shows, _, _, _ = shot_of(lights=lights, around=DARK, angles=bent)
    shaded, _, _, _, _ = shot_of(lights=light(0.5, 0.7, 0.6, strength=1.0), around=DARK, angles=bent)
    half, _, _, _, _ = shot_of(lights=light(0.5, 0.7, 0.6, strength=0.5), around=DARK, angles=bent)
    skin = shows == 1
    assert (shaded[skin] <= free[skin] * 1.07 + 1e-9).all()  # at a shadow's edge red light bleeds into it
    darker = skin & (free[..., 1] > 0.05) & (shaded[..., 1] < 0.5 * free[..., 1])
    assert 30 < darker.sum() < 0.6 * skin.sum()
    assert (half[darker] > shaded[darker] - 1e-9).all() and half[darker].mean() > 1.2 * shaded[darker].mean()


def test_what_is_far_before_the_light_casts_its_shadow(shot_of, monkeypatch):
    from fingerspell.hands.surface import Field

    lights, palm = light(0.8, 0, 0.6, strength=1.0), np.array([0, 4.5, 1.4])
    free, shows, _, camera, _ = shot_of(lights=lights, around=DARK)
    real = wrap

    def with_ball(*things):
        field = real(*things)
        middle = palm + 9.0 * lights[0, :3]
        ball = [*middle, 2.0, 0, 0, 0, 1e6, 0, 16]
        group = [len(field.cones), len(field.cones) + 1, 0.1, *middle, 2.0]
        return Field(np.vstack([field.cones, ball]), np.vstack([field.groups, group]))

    monkeypatch.setitem(globals(), "wrap", with_ball)
    shaded = shot_of(lights=lights, around=DARK)[0]
    under = around_points(camera, [palm], 2) & (shows == 1)
    assert free[under][:, 1].mean() > 0.05
    assert shaded[under][:, 1].mean() < 0.3 * free[under][:, 1].mean()


def test_gloss_adds_the_lights_own_colour(shot_of):
    lights = light(0.2, 0.3, 1, colour=(0.2, 0.2, 1.0))
    matt, shows, _, _, _ = shot_of(lights=lights, around=DARK)
    wet, _, _, _, _ = shot_of(replace(PLAIN, gloss=0.3), lights=lights, around=DARK)
    added = (wet - matt)[shows == 1]
    assert (added >= -1e-12).all() and added.max() > 0.05
    np.testing.assert_allclose(added[:, 2], 5 * added[:, 0], atol=1e-9)
    spread = [
        ((shot_of(replace(PLAIN, gloss=0.3, sharpness=s), lights=lights, around=DARK)[0] - matt)[..., 2] > 0.05).sum()
        for s in (6.0, 50.0)
    ]
    assert spread[0] > 2 * spread[1]


def test_folds_are_darker_and_warmer(shot_of):
    colour, shows, coverage, camera, skeleton = shot_of()
    webs = (skeleton.knuckles[:-1] + skeleton.knuckles[1:]) / 2 + [0, 1.9, 0.2]
    fold = around_points(camera, webs, 1.2) & (shows == 1) & (coverage == 1)
    free = around_points(camera, skeleton.landmarks[[8, 12, 16]] - [0, 1.2, 0], 1.5)
    assert colour[fold][:, 1].mean() < colour[free][:, 1].mean() - 0.01
    assert (colour[fold][:, 0] / colour[fold][:, 2]).mean() > (colour[free][:, 0] / colour[free][:, 2]).mean()


def test_what_a_pixel_shows(shot_of):
    colour, shows, coverage, camera, skeleton = shot_of(sleeve=(4.5, 0.5))
    assert set(np.unique(shows)) == {0, 1, 2, 3}
    assert ((shows > 0) == (coverage > 0)).all()
    assert (colour[shows == 0] == 0).all()
    rows = {what: np.nonzero(shows == what)[0].mean() for what in (1, 2, 3)}
    assert rows[1] < rows[2] < rows[3]  # hand, forearm, sleeve, downward
    x, y, _ = camera.project(np.array([[0.3, 5, 0], [0, -1.8, 0], [0, -5.5, 0]])).T
    assert [shows[int(b), int(a)] for a, b in zip(x, y, strict=True)] == [1, 2, 3]
    assert 3 not in shot_of()[1]
    for landmark in (8, 12, 16, 20, 4):
        x, y, _ = camera.project(skeleton.landmarks[[landmark]] - [0, 0.4, 0])[0]
        assert shows[int(y), int(x)] == 1


def test_cloth_has_its_colours_and_stripes(shot_of):
    colour, shows, _, _, _ = shot_of(sleeve=(2.0, 0.5))
    red, green, blue = colour[shows == 3].mean(axis=0)
    assert blue > 3 * green > 4 * red
    striped, shows, _, _, _ = shot_of(sleeve=(2.0, 0.5), cloth=np.array([*CLOTH[:6], 2.0]))
    rows = striped[:, SIDE // 2][shows[:, SIDE // 2] == 3]
    red = rows[:, 0] > rows[:, 2]
    assert 0.15 < red.mean() < 0.7
    assert np.abs(np.diff(red.astype(int))).sum() >= 2
