"""Hands are cut out whole, of the right signers, with their outline and their arm."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.finder import cutouts
from fingerspell.lab.finder.cutouts import joined, photo_cutouts, plausible, rendered_cutouts
from fingerspell.lab.finder.pictures import SIDE, pictures_of
from fingerspell.lab.finder.teacher import held_out, read_taught, time_order

SCALE = cutouts.SIDE / 96


def test_signers_that_are_held_out_are_never_learnt_from(rendered):
    learnt, judged = rendered_cutouts(rendered), rendered_cutouts(rendered, judged=True)
    assert len(learnt) == 9  # twelve, less two that are held out and one that the edge cuts
    assert len(judged) == 2
    tints = {int(its.pixels[place, 70, 64, 0]) for its in (judged,) for place in range(2)}
    assert tints == {200 - 8 * 5, 200 - 8 * 11}


def test_the_outline_is_the_hands_and_not_the_forearms(hands):
    low, high = hands.outline[0].min(axis=0) / SCALE, hands.outline[0].max(axis=0) / SCALE
    assert low == pytest.approx([28, 22], abs=2) and high[0] == pytest.approx(62, abs=2.5)
    assert 76 <= high[1] <= 84  # the wrist is at 78, the forearm goes on to 96
    assert hands.cover[0][int(92 * SCALE), int(48 * SCALE)] == 255


def test_the_arm_leaves_at_the_bottom(hands):
    x, y, right, down, width = hands.arm[0]
    assert (x / SCALE, y / SCALE) == pytest.approx((48, 95), abs=2)
    assert right == pytest.approx(0, abs=0.1) and down == pytest.approx(1, abs=0.05)
    assert width / SCALE == pytest.approx(17, abs=4)
    assert bool(hands.own_arm[0])


def test_an_arm_that_ends_in_a_sleeve_begins_at_its_end(rendered, tmp_path):
    import shutil

    other = tmp_path / "short"
    shutil.copytree(rendered, other)
    for path in (other / "masks").iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        mask[84:] = 0
        cv2.imwrite(str(path), mask)
    hands = rendered_cutouts(other)
    assert not hands.own_arm.any()
    assert hands.arm[0][1] / SCALE == pytest.approx(83, abs=2) and hands.arm[0][3] > 0.95


def test_most_are_chosen_evenly(rendered):
    assert len(rendered_cutouts(rendered, most=4)) == 3  # the first is cut by the edge
    with pytest.raises(DataError, match="no whole hand"):
        rendered_cutouts(rendered, most=1)


def test_no_rendered_folder_is_said_with_a_remedy(tmp_path, rendered):
    with pytest.raises(DataError, match=r"no labels\.parquet") as caught:
        rendered_cutouts(tmp_path)
    assert "data synth" in caught.value.remedy


def test_a_mask_that_is_gone_is_named(rendered, tmp_path):
    import shutil

    other = tmp_path / "broken"
    shutil.copytree(rendered, other)
    (other / "masks" / "3.png").unlink()
    with pytest.raises(DataError, match=r"3\.png is no mask"):
        rendered_cutouts(other)
    (other / "3.png").write_bytes(b"no photo")
    with pytest.raises(DataError, match=r"3\.png cannot be read"):
        rendered_cutouts(other)


def taught_by(made):
    return read_taught(made[0], [made[1]])


def test_hands_of_photos_are_cut_along_their_landmarks(photos):
    taught = taught_by(photos(4))
    hands = photo_cutouts(taught)
    assert len(hands) == 4 and not hands.own_arm.any() and set(hands.labels) == {"A"}
    middle = hands.cover[0][60:70, 60:70]
    assert middle.min() > 200 and hands.cover[0][2, 2] == 0
    skin = hands.pixels[0][hands.cover[0] > 250]
    assert np.median(skin, axis=0).tolist() == [200, 150, 120]
    assert hands.arm[0][3] > 0.95  # downward
    assert len(joined([hands, hands])) == 8


def test_a_wrist_among_the_fingers_is_not_believed():
    points = np.array([(48, 78), *[(30 + 4 * i, 30 + 2 * i) for i in range(20)]], np.float32)
    assert plausible(points)
    points[0] = (48, 40)
    assert not plausible(points)


def test_the_last_fifth_of_each_class_is_held_out(photos):
    learn, judge = held_out(taught_by(photos(12)))
    assert len(learn.paths) == 20 and len(judge.paths) == 4
    assert sorted(judge.paths) == ["A/A10.png", "A/A11.png", "nothing/nothing10.png", "nothing/nothing11.png"]
    assert time_order("A/A9.jpg") < time_order("A/A10.jpg")


def test_pictures_are_photos_that_are_known(photos):
    taught = taught_by(photos(5))
    taught.found[0] = False  # an A without a box: a hand is there, nobody knows where
    told = []
    pictures = pictures_of([taught], progress=lambda task, done, total: told.append((done, total)))
    assert len(pictures) == 9 and told[-1] == (9, 9)
    assert np.isnan(pictures.boxes).all(axis=1).sum() == 5
    box = pictures.boxes[0] / SIDE * (96 - 2 * 3) + 3  # the border of three pixels is gone
    assert box == pytest.approx([27, 21, 65, 79], abs=1)


def test_landmarks_of_another_folder_are_refused(photos, tmp_path):
    (folder, file), (other, _) = photos(3), photos(3, "others")
    for path in other.rglob("*.png"):
        cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    with pytest.raises(DataError, match="of no photo in"):
        read_taught(other, [file])
    for content in (b"", b"PAR1 cut short"):
        file.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read as a table"):
            read_taught(folder, [file])


def test_a_photo_that_went_bad_is_named(photos):
    folder, file = photos(3)
    taught = read_taught(folder, [file])
    (folder / "A" / "A0.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"A0\.png cannot be read"):
        photo_cutouts(taught)
