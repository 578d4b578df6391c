"""Sheets show every picture in its place, and landmarks are drawn where they are."""

import numpy as np
import pytest
from PIL import Image

from fingerspell.hands.contact import FINGER_COLOURS, PALM_COLOUR, contact_sheet, draw_landmarks
from fingerspell.hands.sample import LANDMARK_NAMES

CELL, GAP = 40, 4


def plain(colour, height=80, width=80):
    return np.full((height, width, 3), colour, np.uint8)


def test_a_row_a_class_and_a_column_a_picture():
    colours = [[(250, 0, 0), (0, 250, 0), (0, 0, 250)], [(250, 250, 0), (0, 250, 250), (250, 0, 250)]]
    rows = [(name, [plain(colour) for colour in its]) for name, its in zip(("A", "nothing"), colours, strict=True)]
    sheet = np.asarray(contact_sheet(rows, columns=2, cell=CELL))
    flat = sheet.reshape(-1, 3)
    where = {}
    for row, its in enumerate(colours):
        for column, colour in enumerate(its):
            ys, xs = np.nonzero((sheet == colour).all(axis=-1))
            if column == 2:  # beyond the columns asked for
                assert len(ys) == 0
                continue
            assert (ys.max() - ys.min() + 1, xs.max() - xs.min() + 1, len(ys)) == (CELL, CELL, CELL * CELL)
            where[row, column] = ys.min(), xs.min()
    assert where[0, 0][0] == where[0, 1][0]
    assert where[0, 1][1] - where[0, 0][1] == CELL + GAP
    assert where[1, 0] == (where[0, 0][0] + CELL + GAP, where[0, 0][1])
    assert (flat[0] == (250, 250, 248)).all()


def test_each_row_has_its_name_before_it():
    one = np.asarray(contact_sheet([("nothing", [plain(9)]), ("B", [plain(9)])], columns=1, cell=CELL))
    other = np.asarray(contact_sheet([("nothing", [plain(9)]), ("D", [plain(9)])], columns=1, cell=CELL))
    left = int(np.nonzero((one == 9).all(axis=-1))[1].min())
    names = one[:, :left].astype(int)
    assert (names[16 : 16 + CELL].min(), names[16 + CELL + GAP : -16].min()) < (100, 100)  # dark ink in both rows
    changed = np.nonzero((names != other[:, :left]).any(axis=(1, 2)))[0]
    assert len(changed)
    assert changed.min() >= 16 + CELL  # only the second name is another


def test_pictures_keep_their_shape():
    sheet = np.asarray(contact_sheet([("A", [plain(7, 100, 50)])], columns=1, cell=CELL))
    ys, xs = np.nonzero((sheet == 7).all(axis=-1))
    assert (np.ptp(ys) + 1, np.ptp(xs) + 1) == (CELL, CELL // 2)


def test_a_sheet_of_nothing():
    assert contact_sheet([], columns=3, cell=CELL).size[0] > 0
    assert contact_sheet([("A", [])], columns=1, cell=CELL).mode == "RGB"


def far_apart(side):
    """Landmarks of which no two bones cross: each finger is a column of its own."""
    points = np.zeros((21, 3), np.float32)
    points[0, :2] = side / 2, side - 6.5
    for index in range(1, 21):
        finger, joint = divmod(index - 1, 4)
        points[index, :2] = int((finger + 0.5) * side / 5) + 0.5, int(side * 0.75 - joint * side / 6) + 0.5
    return points


@pytest.mark.parametrize("side", [64, 200])
def test_landmarks_are_drawn_where_they_are_in_their_fingers_colour(side):
    points = far_apart(side)
    before = plain(90, side, side)
    drawn = draw_landmarks(before, points)
    assert drawn.shape == before.shape
    assert drawn.dtype == np.uint8
    assert (before == 90).all()
    for index, name in enumerate(LANDMARK_NAMES):
        x, y = points[index, :2]
        colour = PALM_COLOUR if index == 0 else FINGER_COLOURS[(index - 1) // 4]
        found = drawn[int(y), int(x)].astype(int)
        assert np.abs(found - colour).max() < 60, name
    for finger in range(5):  # half-way along a bone
        x, y = (points[4 * finger + 2, :2] + points[4 * finger + 3, :2]) / 2
        assert np.abs(drawn[int(y), int(x)].astype(int) - FINGER_COLOURS[finger]).max() < 80
    assert (drawn[:4] == 90).all()  # nothing above the fingertips


def test_a_dot_is_centred_on_its_landmark():
    """(0, 0) is the outer corner of the first pixel: a point at 20.5 is the centre of pixel 20."""
    points = np.full((21, 3), (20.5, 30.5, 0), np.float32)
    drawn = draw_landmarks(plain(90, 64, 64), points).astype(int)
    weight = np.abs(drawn - 90).sum(axis=-1)
    ys, xs = np.mgrid[:64, :64] + 0.5
    assert abs((weight * xs).sum() / weight.sum() - 20.5) < 0.15
    assert abs((weight * ys).sum() / weight.sum() - 30.5) < 0.15


def test_the_nearer_bone_is_drawn_over_the_farther():
    points = far_apart(100)
    points[5:9] = [(20, 49.5, 0), (40, 49.5, 0), (60, 49.5, 0), (80, 49.5, 0)]  # index, crossing …
    points[9:13] = [(49.5, 20, 0), (49.5, 40, 0), (49.5, 62, 0), (49.5, 80, 0)]  # … the middle finger
    for depth, over in ((5.0, 2), (-5.0, 1)):  # a positive depth is away from the camera
        points[5:9, 2] = depth
        drawn = draw_landmarks(plain(90, 100, 100), points)
        assert np.abs(drawn[49, 49].astype(int) - FINGER_COLOURS[over]).max() < 40


def test_no_hand_no_drawing_and_points_beyond_the_edge_are_no_error():
    before = plain(90)
    same = draw_landmarks(before, None)
    assert (same == before).all()
    assert same is not before
    assert draw_landmarks(before, far_apart(400) - 150).shape == before.shape
    assert draw_landmarks(plain(90, 33, 47), far_apart(40)).shape == (33, 47, 3)
    Image.fromarray(draw_landmarks(before, far_apart(80)))
