"""The tracer against geometry that can be written down: a ball, a finger-like capsule, a camera with round numbers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.letters import forms
from fingerspell.hands.signers import signer
from fingerspell.hands.skeleton import pose
from fingerspell.hands.solve import settle
from fingerspell.hands.surface import distance, wrap
from fingerspell.hands.tracer import Camera, normal_at, openness, shadow, trace

DOWN = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])
"""Right, down and forward of a camera on the z axis that looks towards the origin, with y up."""


def rays(camera, height, width):
    """(h, w, 3) unit directions through the middles of the pixels."""
    y, x = np.mgrid[:height, :width] + 0.5
    flat = np.stack([(x - camera.centre[0]) / camera.focal, (y - camera.centre[1]) / camera.focal, np.ones_like(x)], -1)
    ways = flat @ camera.basis
    return ways / np.linalg.norm(ways, axis=-1, keepdims=True)


def ball_depth(camera, centre, radius, height, width):
    """Distance along each ray to a ball; inf where it is missed."""
    ways, to = rays(camera, height, width), np.asarray(centre, float) - camera.eye
    middle = ways @ to
    square = radius**2 - (to @ to - middle**2)
    return np.where(square > 0, middle - np.sqrt(np.maximum(square, 0)), np.inf)


def area(camera, centre, radius):
    """Pixels that a ball covers (an ellipse off the axis; exact)."""
    to = camera.basis @ (np.asarray(centre, float) - camera.eye)
    away, off = to @ to, np.hypot(to[0], to[1])
    half = np.arcsin(radius / np.sqrt(away))
    turn = np.arctan2(off, to[2])
    long = (np.tan(turn + half) - np.tan(turn - half)) / 2
    middle = (np.tan(turn + half) + np.tan(turn - half)) / 2
    # the cone around the ball cuts the picture plane in an ellipse
    across = np.sqrt(np.tan(half) ** 2 * (1 + np.tan(turn) ** 2)) if off == 0 else _short(middle, turn, half)
    return np.pi * long * across * camera.focal**2


def _short(middle, turn, half):
    """Half of the ellipse's other axis: where the cone meets the line across at its middle."""
    axis = np.array([np.sin(turn), 0, np.cos(turn)])
    a = axis[0] * middle + axis[2]
    return np.sqrt(a**2 / np.cos(half) ** 2 - middle**2 - 1)


def test_project_by_hand():
    camera = Camera(np.array([0.0, 0.0, 50.0]), DOWN, 100.0, (32.0, 24.0))
    points = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [10, 5, 25], [-5, -5, -50]], float)
    expected = [[32, 24, 50], [52, 24, 50], [32, 4, 50], [72, 4, 25], [27, 29, 100]]
    np.testing.assert_allclose(camera.project(points), expected)


def test_project_with_a_turned_camera():
    # from the side: the eye on +x looks to −x, its right is −z... with y up, right of a view to −x is −z
    camera = Camera(np.array([20.0, 1.0, 2.0]), np.array([[0, 0, -1.0], [0, -1.0, 0], [-1.0, 0, 0]]), 10.0, (5.0, 5.0))
    np.testing.assert_allclose(camera.project(np.array([[0, 1, 2], [10, 3, -2]], float)), [[5, 5, 20], [9, 3, 10]])


@pytest.mark.parametrize(("centre", "radius"), [((0, 0, 0), 3.0), ((4, -3, 2), 2.5), ((-5, 5, -6), 1.0)])
def test_a_ball_is_as_far_and_as_large_as_geometry_says(ball, centre, radius):
    camera = Camera(np.array([0.0, 0.0, 40.0]), DOWN, 300.0, (62.0, 70.0))
    depth, coverage = trace(ball(centre, radius), camera, 144, 128)
    exact = ball_depth(camera, centre, radius, 144, 128)
    well_inside = np.isfinite(ball_depth(camera, centre, 0.8 * radius, 144, 128))
    assert well_inside.sum() > 10
    np.testing.assert_allclose(depth[well_inside], exact[well_inside], atol=0.03)
    assert (coverage[well_inside] == 1).all()
    touched = coverage > 0
    reached = camera.eye + np.where(touched, depth, 0)[..., None] * rays(camera, 144, 128)
    off_surface = np.abs(np.linalg.norm(reached - centre, axis=-1) - radius)[touched]
    assert off_surface.max() < 0.6 * 40 / 300  # half a pixel, at the edge
    assert np.median(off_surface) < 0.02
    assert coverage.sum() == pytest.approx(area(camera, centre, radius), rel=0.02)
    outside = ~np.isfinite(ball_depth(camera, centre, radius + 0.4, 144, 128))
    assert (coverage[outside] == 0).all() and np.isinf(depth[outside]).all()
    rows, columns = np.mgrid[:144, :128] + 0.5  # a ball off the axis looks a little stretched, away from the middle
    x, y, _ = camera.project(np.array([centre], float))[0]
    assert (coverage * columns).sum() / coverage.sum() == pytest.approx(x, abs=0.2)
    assert (coverage * rows).sum() / coverage.sum() == pytest.approx(y, abs=0.2)


def test_depth_at_a_projected_centre(ball):
    camera = Camera(np.array([3.0, -2.0, 30.0]), DOWN, 100.0, (32.0, 32.0))
    centre = np.array([2.0, 1.5, 1.0])
    x, y, _ = camera.project(centre[None])[0]
    depth, _ = trace(ball(centre, 2.0), camera, 64, 64)
    exact = np.linalg.norm(centre - camera.eye) - 2.0
    assert depth[int(y), int(x)] == pytest.approx(exact, abs=0.04)


def test_edges_are_partly_covered(ball):
    camera = Camera(np.array([0.0, 0.0, 40.0]), DOWN, 200.0, (32.0, 32.0))
    _, coverage = trace(ball((0, 0, 0), 3.0), camera, 64, 64)
    partly = (coverage > 0) & (coverage < 1)
    assert 20 < partly.sum() < 150
    assert np.unique(coverage[partly]).size > 5
    assert coverage.max() == 1 and coverage.min() == 0


def test_a_capsule_stands_where_it_should(field_from):
    field_of, cone_row = field_from
    field = field_of([cone_row((-2, 0, 0), (3, 0, 0), 1.0)])
    camera = Camera(np.array([0.0, 0.0, 60.0]), DOWN, 300.0, (40.0, 24.0))
    _, coverage = trace(field, camera, 48, 80)
    scale = 300 / 60
    columns = np.flatnonzero(coverage.max(axis=0) > 0.5)
    rows = np.flatnonzero(coverage.max(axis=1) > 0.5)
    assert columns[0] == pytest.approx(40 - 3 * scale, abs=1.1) and columns[-1] + 1 == pytest.approx(
        40 + 4 * scale, abs=1.1
    )
    assert rows[0] == pytest.approx(24 - scale, abs=1.1) and rows[-1] + 1 == pytest.approx(24 + scale, abs=1.1)
    assert coverage.sum() == pytest.approx((np.pi + 10) * scale**2, rel=0.02)


def test_normals_point_outward(ball):
    centre = np.array([1.0, 2.0, -1.0])
    field = ball(centre, 2.0)
    ways = np.random.default_rng(0).normal(size=(20, 3))
    for way in ways / np.linalg.norm(ways, axis=1, keepdims=True):
        found = normal_at(field.cones, field.groups, *(centre + 2.0 * way))
        np.testing.assert_allclose(found, way, atol=0.01)


def test_a_hand_is_traced_as_its_whole_field_says(front):
    """What is left out for a block of pixels never mattered to it."""
    hand = signer(2, 1).hand
    for label, behind in (("X", False), ("nothing", True)):
        form = forms(label)[0]
        field = wrap(pose(settle(form.angles(), form.touches, hand), hand), hand, (3.0, 0.8))
        camera = front(48, behind=behind)
        depth, coverage = trace(field, camera, 48, 48)
        ways = rays(camera, 48, 48)
        assert 300 < (coverage == 1).sum() < 1800
        for row, column in np.argwhere(coverage == 1)[::9]:
            reached = camera.eye + depth[row, column] * ways[row, column]
            assert abs(distance(field.cones, field.groups, *reached)) < 0.1  # a fifth of a pixel
            before = camera.eye + np.linspace(20, depth[row, column] - 0.3, 120)[:, None] * ways[row, column]
            # less than half a pixel of something nearer may be passed
            assert min(distance(field.cones, field.groups, *point) for point in before) > -0.5 * 22 / 48
        for row, column in np.argwhere(coverage == 0)[::23]:
            along = camera.eye + np.linspace(40, 80, 300)[:, None] * ways[row, column]
            assert min(distance(field.cones, field.groups, *point) for point in along) > 0


def test_a_hand_is_the_same_whatever_block_it_falls_into(front):
    """Moved by a few pixels, the picture moves and nothing else happens."""
    hand = signer(2, 1).hand
    field = wrap(pose(np.zeros(24), hand), hand)
    camera = front(64)
    depth, coverage = trace(field, camera, 64, 64)
    moved = Camera(camera.eye, camera.basis, camera.focal, (camera.centre[0] + 3, camera.centre[1] + 5))
    further_depth, further = trace(field, moved, 64, 64)
    both = (coverage[:-5, :-3] == 1) & (further[5:, 3:] == 1)
    assert both.sum() > 400
    np.testing.assert_allclose(coverage[:-5, :-3], further[5:, 3:], atol=0.25)
    off = np.abs(depth[:-5, :-3][both] - further_depth[5:, 3:][both])
    assert np.quantile(off, 0.97) < 0.08 and np.median(off) < 0.02


def test_a_shadow_falls_behind_what_stands_before_the_light(ball):
    field = ball((0, 0, 5), 1.0)
    cones, groups = field.cones, field.groups
    assert shadow(cones, groups, 0, 0, 0, 0, 0, 1, 8.0) == 0
    assert shadow(cones, groups, 0, 0, 0, 0, 0, -1, 8.0) == 1
    assert shadow(cones, groups, 6, 0, 0, 0, 0, 1, 8.0) == 1
    assert shadow(cones, groups, 0, 0, 8, 0, 0, 1, 8.0) == 1
    edge = [shadow(cones, groups, x, 0, 0, 0, 0, 1, 4.0) for x in np.linspace(0.9, 3.0, 12)]
    assert edge == sorted(edge) and edge[0] < 0.05 and edge[-1] == 1
    assert len({round(value, 3) for value in edge}) > 4  # it is soft
    soft, hard = (shadow(cones, groups, 1.3, 0, 0, 0, 0, 1, hardness) for hardness in (2.0, 20.0))
    assert soft < hard


def test_folds_are_less_open_than_free_skin(field_from):
    field_of, cone_row = field_from
    wall = [cone_row((0, -9, -2), (0, 9, -2), 2.0)]
    other = [cone_row((2.3, -9, 0.5), (2.3, 9, 0.5), 2.0)]
    free = field_of(wall)
    fold = field_of(wall, other)
    alone = openness(free.cones, free.groups, 0, 0, 0, 0, 0, 1)
    folded = openness(fold.cones, fold.groups, 0, 0, 0, 0, 0, 1)
    assert alone == pytest.approx(1, abs=0.02)
    assert 0.1 < folded < 0.85
