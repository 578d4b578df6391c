"""Photos: the landmarks sit on the joints, left hands mirror right ones, and the same plan gives the same bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")
pytest.importorskip("cv2", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.core.alphabet import LABELS
from fingerspell.core.errors import DataError
from fingerspell.hands import scene
from fingerspell.hands.lighting import Lighting
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.sample import LANDMARK_NAMES
from fingerspell.hands.signers import signer
from fingerspell.hands.skeleton import INDEX, average, pose
from fingerspell.hands.surface import Field

PLAN = SynthPlan(per_class=4, size=64, signers=8, seed=11)
TIPS = [4, 8, 12, 16, 20]


@pytest.fixture
def taken(monkeypatch):
    """Factory: (sample, shot, held) of a photo of a plan; shot and held are None for an empty scene."""
    kept = []
    real = scene.render

    def watched(shot, held, *rest, **named):
        kept.append((shot, held))
        return real(shot, held, *rest, **named)

    monkeypatch.setattr(scene, "render", watched)

    def make(label, index, plan=PLAN):
        kept.clear()
        sample = scene.render_one(label, index, plan)
        return (sample, *(kept[0] if kept else (None, None)))

    return make


def held_open(open_hand, turn=None, centre=(0.0, 8.0, 0.0), place=(0.0, 0.0, 0.0)):
    turn = np.eye(3) if turn is None else turn
    return scene.Held(open_hand, turn, np.array(centre), np.array(place))


def projected(shot, held, size):
    """Where the joints are in the picture, from the world's conventions alone: x right, y up, z to the camera."""
    joints = pose(held.angles, shot.signer.hand).landmarks
    world = np.stack([held.turn @ (joint - held.centre) + held.place for joint in joints])
    if shot.signer.handedness == "left":
        world[:, 0] *= -1  # a left hand lives in a mirrored world
    scale = shot.focal * size / (shot.distance - world[:, 2])
    x = shot.middle[0] * size + scale * world[:, 0]
    y = shot.middle[1] * size - scale * world[:, 1]
    return np.stack([x, y], axis=1), world[0, 2] - world[:, 2]


def test_landmarks_sit_on_the_joints_in_every_sign(taken, monkeypatch):
    real = scene.signer
    monkeypatch.setattr(
        scene, "signer", lambda seed, number: replace(real(seed, number), handedness=("right", "left")[number % 2])
    )
    seen = {"right": 0, "left": 0}
    for label in LABELS:
        for index in range(4):
            sample, shot, held = taken(label, index)
            if sample.landmarks is None:
                continue
            assert sample.handedness == shot.signer.handedness
            flat, depth = projected(shot, held, PLAN.size)
            assert np.abs(sample.landmarks[:, :2] - flat).max() < 0.01
            seen[sample.handedness] += 1
            # z: centimetres from the wrist along the view, away from the camera (a pinhole's depth)
            np.testing.assert_allclose(sample.landmarks[:, 2], depth, atol=1e-3)
            assert sample.landmarks[0, 2] == 0
    assert min(seen.values()) > 50


@pytest.mark.parametrize("handedness", ["right", "left"])
@pytest.mark.parametrize("yaw", [0.0, 20.0])
def test_a_marker_on_a_joint_is_seen_at_its_landmark(monkeypatch, studio, open_hand, handedness, yaw):
    """Nothing of the projection is used: a bright ball is put on the joint and looked for in the picture."""
    turn = scene.rotation(yaw, -8, 12)
    held = held_open(open_hand, turn, place=(1.0, -0.5, 2.0))
    shot = studio(handedness, focal=60 / 44, middle=(0.53, 0.48))
    clean = scene.render(shot, held, "B", 96)
    real = scene.wrap
    for name in ("thumb_tip", "index_tip", "index_pip", "middle_mcp", "ring_dip", "pinky_tip", "wrist"):
        place = LANDMARK_NAMES.index(name)
        joint = pose(held.angles, shot.signer.hand).landmarks[place]

        def marked(posed, hand, sleeve, joint=joint):
            field = real(posed, hand, sleeve)
            ball = [*joint, 4.0, 0, 0, 0, 1e6, 0, 17]  # larger than the flesh around any joint; of cloth
            group = [len(field.cones), len(field.cones) + 1, 0.1, *joint, 4.0]
            return Field(np.vstack([field.cones, ball]), np.vstack([field.groups, group]))

        monkeypatch.setattr(scene, "wrap", marked)
        black = scene.render(replace(shot, cloth=np.zeros(7)), held, "B", 96).pixels.astype(int)
        white = scene.render(replace(shot, cloth=np.array([1.0, 1, 1, 1, 1, 1, 0])), held, "B", 96).pixels.astype(int)
        monkeypatch.setattr(scene, "wrap", real)
        ball = (white - black).sum(axis=2) > 120
        rows, columns = np.nonzero(ball)
        assert len(rows) > 100
        found = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
        assert np.abs(clean.landmarks[place, :2] - found).max() < 1.0, name


@pytest.mark.parametrize("handedness", ["right", "left"])
def test_fingertips_lie_on_the_mask(studio, open_hand, handedness):
    sample = scene.render(studio(handedness), held_open(open_hand), "B", 96)
    for finger in range(5):
        tip, before = sample.landmarks[4 * finger + 4, :2], sample.landmarks[4 * finger + 3, :2]
        along = (tip - before) / np.linalg.norm(tip - before)
        inside, outside = tip - 2 * along, tip + 3 * along
        assert sample.mask[int(inside[1]), int(inside[0])] == 255
        assert sample.mask[int(outside[1]), int(outside[0])] == 0
    for landmark in (0, 1, 2, 5, 9, 13, 17, 6, 10, 14, 18):
        x, y = sample.landmarks[landmark, :2]
        assert sample.mask[int(y), int(x)] == 255


def test_a_right_hand_shows_its_palm_with_the_thumb_to_the_right(studio, open_hand):
    for handedness, side in (("right", 1), ("left", -1)):
        sample = scene.render(studio(handedness), held_open(open_hand), "B", 96)
        assert side * (sample.landmarks[4, 0] - sample.landmarks[20, 0]) > 20
        assert sample.landmarks[12, 1] < sample.landmarks[9, 1] < sample.landmarks[0, 1]  # the fingers point up
    back = scene.render(studio(), held_open(open_hand, scene.rotation(180, 0, 0)), "B", 96)
    assert back.landmarks[4, 0] < back.landmarks[20, 0]


def test_near_and_far(studio, open_hand):
    tipped = scene.render(studio(), held_open(open_hand, scene.rotation(0, 40, 0)), "B", 96)
    assert tipped.landmarks[12, 2] < -8  # the fingers come to the camera
    assert tipped.landmarks[0, 2] == 0
    near, far = (scene.render(studio(), held_open(open_hand, place=(0, 0, z)), "B", 96) for z in (15.0, -15.0))
    long, short = (sample.landmarks[0, 1] - sample.landmarks[9, 1] for sample in (near, far))
    assert long == pytest.approx(short * 75 / 45, rel=0.02)


def test_a_left_hand_is_the_mirror_image_of_a_right_one(studio, open_hand, monkeypatch):
    monkeypatch.setattr(scene, "_backdrop", lambda shot, size, photos: np.full((size, size, 3), 0.1, np.float32))
    lights = np.array([[0.6, 0.6, 0.53, 1.0, 0.8, 0.6, 6.0, 0.9], [-0.9, 0.0, 0.43, 0.2, 0.2, 0.4, 3.0, 0.5]])
    lighting = Lighting(lights, np.full(3, 0.3), np.full(3, 0.1), np.array([0.6, 0.8, 0.0]), 0.0)
    mirrored = lights * np.array([-1, *[1] * 7])
    other = Lighting(mirrored, lighting.above, lighting.below, np.array([-0.6, 0.8, 0.0]), 0.0)
    held = held_open(open_hand, scene.rotation(25, 10, -15), place=(1.5, 0.5, 1.0))
    sleeve, cloth = (3.0, 0.5), np.array([0.1, 0.2, 0.7, 0.8, 0.7, 0.1, 1.5])
    right = scene.render(
        studio("right", middle=(0.45, 0.5), lighting=lighting, sleeve=sleeve, cloth=cloth), held, "B", 80
    )
    left = scene.render(studio("left", middle=(0.55, 0.5), lighting=other, sleeve=sleeve, cloth=cloth), held, "B", 80)
    np.testing.assert_allclose(left.mask, right.mask[:, ::-1], atol=1)
    assert np.abs(left.pixels.astype(int) - right.pixels[:, ::-1]).max() <= 1
    np.testing.assert_allclose(left.landmarks[:, 0], 80 - right.landmarks[:, 0], atol=1e-3)
    np.testing.assert_allclose(left.landmarks[:, 1:], right.landmarks[:, 1:], atol=1e-4)
    np.testing.assert_allclose([80 - left.box[2], 80 - left.box[0]], [right.box[0], right.box[2]])
    # and it is no symmetric scene
    assert np.abs(right.pixels.astype(int) - right.pixels[:, ::-1]).max() > 50


def test_the_box_is_around_the_hand_and_not_its_forearm(studio, open_hand):
    sample = scene.render(studio(focal=60 / 34), held_open(open_hand), "B", 96)
    left, top, right, bottom = sample.box
    rows, columns = np.nonzero(sample.mask > 0)
    assert (left, top, right) == (columns.min(), rows.min(), columns.max() + 1)
    wrist = sample.landmarks[0, 1]
    assert abs(bottom - wrist) < 8 and bottom < rows.max() - 5
    x, y = sample.landmarks[:, 0], sample.landmarks[:, 1]
    assert (x > left - 1).all() and (x < right + 1).all() and (y > top - 1).all()


def test_a_sleeve_is_not_skin(studio, open_hand):
    bare = scene.render(studio(focal=60 / 34), held_open(open_hand), "B", 96)
    dressed = scene.render(studio(focal=60 / 34, sleeve=(4.0, 0.5)), held_open(open_hand), "B", 96)
    assert dressed.mask.sum() < 0.95 * bare.mask.sum()
    assert (dressed.mask[-1] == 0).all() and (bare.mask[-1] > 0).any()
    wrist = int(bare.landmarks[0, 1])
    np.testing.assert_array_equal(dressed.mask[: wrist - 4], bare.mask[: wrist - 4])
    assert np.abs(dressed.pixels[-1].astype(int) - bare.pixels[-1]).max() > 20


def test_the_hand_hides_the_background_and_throws_a_shadow(studio, open_hand):
    held = held_open(open_hand)
    dark, bright = (scene.render(studio(backdrop=level), held, "B", 80) for level in (0.05, 0.6))
    inside, outside = dark.mask == 255, dark.mask == 0
    np.testing.assert_array_equal(dark.pixels[inside], bright.pixels[inside])
    assert (bright.pixels[outside].astype(int) - dark.pixels[outside]).min() > 10
    shaded = scene.render(studio(backdrop=0.6, cast=(0.7, 0.2, 0.0, 0.03)), held, "B", 80)
    lost = bright.pixels.astype(int).sum(2) - shaded.pixels.sum(2)
    np.testing.assert_array_equal(shaded.pixels[inside], bright.pixels[inside])
    right_of_it = outside & np.roll(inside, 16, axis=1)
    assert right_of_it.sum() > 30
    assert lost[right_of_it].mean() > 60
    assert lost[outside & ~np.roll(inside, 16, axis=1)].mean() < 0.4 * lost[right_of_it].mean()


def test_smear_blurs_the_hand_along_its_way(studio, open_hand):
    held = held_open(open_hand)
    still = scene.render(studio(), held, "B", 80)
    across = scene.render(studio(), held, "B", 80, smear=(12.0, 0.0))
    np.testing.assert_array_equal(
        still.pixels, scene.render(studio(), held, "B", 80, smear=(0.6, 0.0)).pixels
    )  # less than a pixel is nothing

    def sharpness(sample, axis):
        return np.abs(np.diff(sample.pixels.astype(int).sum(axis=2), axis=axis)).mean()

    assert sharpness(across, 1) < 0.7 * sharpness(still, 1)
    assert sharpness(across, 0) > 0.7 * sharpness(still, 0)
    np.testing.assert_array_equal(across.landmarks, still.landmarks)


def test_the_same_photo_has_the_same_bytes():
    for label in ("A", "Q", "space"):
        one, other = scene.render_one(label, 2, PLAN), scene.render_one(label, 2, PLAN)
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_array_equal(one.landmarks, other.landmarks)
        assert (one.box, one.signer, one.handedness, one.jpeg_quality) == (
            other.box,
            other.signer,
            other.handedness,
            other.jpeg_quality,
        )
        more = scene.render_one(label, 2, replace(PLAN, per_class=500, labels=(label,)))
        np.testing.assert_array_equal(one.pixels, more.pixels)


def test_another_photo_is_another():
    first = scene.render_one("K", 0, PLAN).pixels.astype(int)
    for label, index, plan in (("K", 1, PLAN), ("K", 8, PLAN), ("V", 0, PLAN), ("K", 0, replace(PLAN, seed=12))):
        assert np.abs(first - scene.render_one(label, index, plan).pixels).mean() > 5
    assert scene.render_one("K", 9, PLAN).signer == 1


def test_every_photo_has_a_scene_of_its_own(taken):
    shots = [taken(label, index)[1] for label in ("A", "B", "S") for index in (0, 8)]  # all of one signer
    assert len({shot.seed for shot in shots}) == len({shot.distance for shot in shots}) == 6
    assert len({shot.signer.number for shot in shots}) == 1


def test_half_of_nothing_is_empty():
    plan = replace(PLAN, size=32)
    samples = [scene.render_one("nothing", index, plan) for index in range(60)]
    empty = [sample for sample in samples if sample.landmarks is None]
    assert 18 <= len(empty) <= 42
    for sample in samples:
        assert sample.label == "nothing" and sample.pixels.shape == (32, 32, 3)
        assert (sample.box is None) is (sample.handedness is None) is (sample.landmarks is None)
        assert bool(sample.mask.any()) is (sample.landmarks is not None)
        assert sample.mask.shape == (32, 32) and sample.mask.dtype == np.uint8
    assert np.mean([sample.pixels.std() for sample in empty]) > 5  # there is something to see
    assert scene.render_one("A", 0, plan).landmarks is not None


@pytest.mark.parametrize("size", [64, 300])
def test_a_sample_is_as_it_says(size):
    plan = replace(PLAN, size=size)
    for label, index in (("L", 1), ("del", 3)):
        sample = scene.render_one(label, index, plan)
        assert sample.pixels.shape == (size, size, 3) and sample.pixels.dtype == np.uint8
        assert sample.mask.shape == (size, size) and sample.mask.dtype == np.uint8
        assert sample.pixels.flags.c_contiguous and sample.mask.flags.c_contiguous
        assert sample.landmarks.shape == (21, 3) and sample.landmarks.dtype == np.float32
        assert sample.label == label and sample.signer == index
        assert 1 <= sample.jpeg_quality <= 95
        left, top, right, bottom = sample.box
        assert 0 <= left < right <= size and 0 <= top < bottom <= size
        assert sample.handedness == signer(PLAN.seed, index).handedness
        assert 0.03 < (sample.mask > 127).mean() < 0.9


def test_hands_are_mostly_in_the_picture():
    inside, middles, sizes = [], [], []
    plan = replace(PLAN, size=32, signers=30)
    for label in LABELS:
        for index in range(4):
            sample = scene.render_one(label, index, plan)
            if sample.landmarks is not None:
                flat = sample.landmarks[:, :2] / 32
                inside.append(((flat > 0) & (flat < 1)).all(axis=1).mean())
                middles.append((flat.min(0) + flat.max(0)) / 2)
                sizes.append((flat.max(0) - flat.min(0)).max())
    assert np.mean(inside) > 0.9 and np.mean(np.array(inside) == 1) > 0.7
    assert np.abs(np.mean(middles, axis=0) - 0.5).max() < 0.06
    assert np.std(middles, axis=0).min() > 0.02  # but not always in the middle
    assert 0.4 < np.median(sizes) < 0.9


@pytest.mark.parametrize("handedness", ["right", "left"])
def test_what_is_to_be_seen_is_framed(open_hand, handedness):
    """Also where the hand is not at the origin, as in a clip."""
    person = replace(signer(0, 1), handedness=handedness)
    held = held_open(open_hand, place=(9.0, -6.0, 0.0))
    for seed in range(8):
        shot = scene.draw_shot(np.random.default_rng(seed), person, [held], 32)
        flat, _ = projected(shot, held, 1)
        assert np.abs((flat.min(0) + flat.max(0)) / 2 - 0.5).max() < 0.35
        assert shot.distance >= 24
    far = scene.draw_shot(np.random.default_rng(1), person, [held], 32, nearest=70.0)
    assert 70 <= far.distance <= 80


def test_a_person_keeps_to_their_own_form():
    person = signer(0, 4)
    chosen = [id(scene.choose_form(np.random.default_rng(seed), "E", person)) for seed in range(200)]
    counts = sorted(np.unique(chosen, return_counts=True)[1])
    assert len(counts) > 1 and counts[-1] > 120  # their own in four of five, and now and then another
    others = {id(scene.choose_form(np.random.default_rng(0), "E", signer(0, who))) for who in range(20)}
    assert len(others) > 1


def test_views_are_drawn_by_weight():
    form = scene.forms("X")[0]
    rng = np.random.default_rng(0)
    drawn = [form.views.index(scene.choose_view(rng, form)) for _ in range(1000)]
    weights = np.array([view.weight for view in form.views])
    np.testing.assert_allclose(np.bincount(drawn, minlength=len(weights)) / 1000, weights / weights.sum(), atol=0.06)


def test_a_pose_turns_the_hand_about_its_middle():
    person = signer(0, 2)
    held = scene.draw_pose(np.random.default_rng(1), "B", person)
    joints = pose(held.angles, person.hand).landmarks
    np.testing.assert_allclose(held.centre, (joints.min(0) + joints.max(0)) / 2)
    np.testing.assert_allclose(held.turn @ held.turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(held.place, 0)


def test_the_wrist_bends_as_the_view_says():
    person = signer(0, 2)
    checked = 0
    for label in LABELS:
        for name in ("wrist_flexion", "wrist_deviation"):
            wished = [getattr(view, name) for form in scene.forms(label) for view in form.views]
            if min(wished) * max(wished) > 0 and min(map(abs, wished)) > 11:
                bent = [
                    scene.draw_pose(np.random.default_rng(seed), label, person).angles[INDEX[name]]
                    for seed in range(12)
                ]
                assert np.mean(bent) * wished[0] > 0, label
                checked += 1
    assert checked >= 3


def test_own_pictures_stand_behind_the_hands(tmp_path, open_hand):
    for number, colour in enumerate([(255, 0, 255), (255, 0, 255)]):
        Image.new("RGB", (80, 60), colour).save(tmp_path / f"room{number}.png")
    plan = replace(PLAN, backgrounds=tmp_path, signers=3)
    hue, plain = [], []
    for index in range(4):
        with_own, without = (
            scene.render_one("A", index, plan),
            scene.render_one("A", index, replace(plan, backgrounds=None)),
        )
        np.testing.assert_array_equal(with_own.mask, without.mask)
        for sample, kept in ((with_own, hue), (without, plain)):
            seen = sample.pixels[sample.mask == 0].astype(float).mean(axis=0)
            kept.append(min(seen[0], seen[2]) - seen[1])
    assert np.median(hue) > 25 > np.median(plain)
    with pytest.raises(DataError):
        replace(PLAN, backgrounds=tmp_path / "missing")


def test_an_empty_scene_is_what_is_behind(studio, open_hand):
    shot = studio(backdrop=0.5)
    empty = scene.empty_scene(shot, 64)
    held = scene.render(shot, held_open(open_hand), "B", 64)
    outside = held.mask == 0
    np.testing.assert_array_equal(empty.pixels[outside], held.pixels[outside])
    assert empty.label == "nothing" and empty.landmarks is None and not empty.mask.any()


def test_noise_differs_from_frame_to_frame_and_the_background_does_not(studio, open_hand, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    for number in range(5):
        Image.fromarray(np.roll(picture, 40 * number, axis=2)).save(tmp_path / f"{number}.png")
    photos = scene.backgrounds.PhotoBackgrounds(tmp_path)
    shot, held = studio(backdrop=0.5), held_open(open_hand)
    frames = [scene.render(shot, held, "B", 48, photos, frame=frame).pixels for frame in (0, 1, 2)]
    np.testing.assert_array_equal(frames[0], frames[1])
    np.testing.assert_array_equal(frames[0], frames[2])
    noisy = replace(shot, sensor=replace(shot.sensor, read=0.02))
    frames = [scene.render(noisy, held, "B", 48, photos, frame=frame).pixels.astype(int) for frame in (0, 1)]
    assert 0.5 < np.abs(frames[0] - frames[1]).mean() < 20


def test_average_hands_have_average_pictures(studio, open_hand):
    """The picture's scale: centimetres, distance and focal length give pixels."""
    shot = studio()
    shot = replace(shot, signer=replace(shot.signer, hand=average()))
    sample = scene.render(shot, held_open(open_hand), "B", 104)
    middle = sample.landmarks[9, :2] - sample.landmarks[0, :2]
    per_centimetre = 104 * (60 / 26) / 60
    assert middle[1] == pytest.approx(-8.8 * per_centimetre, rel=0.02)
    assert middle[0] == pytest.approx(0.4 * per_centimetre, rel=0.05)
