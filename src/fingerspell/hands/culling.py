"""Which parts of a hand matter to a small piece of the picture: the field is cut down to the cones that come near a
straight piece in space, so that every evaluation after that is short."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.kernels import kernel
from fingerspell.hands.segments import between

Floats = NDArray[np.float64]


@kernel
def cull(
    cones: Floats, groups: Floats, start: Floats, end: Floats, margin: float, kept_cones: Floats, kept_groups: Floats
) -> int:
    """Copy the cones that come within `margin` of a segment, and their groups, into `kept_…`; tells how many groups.

    Args:
        cones, groups: a field (see `surface`).
        start, end: (3,) of the segment.
        margin: centimetres; beyond it, the cut field may be wrong.
        kept_cones, kept_groups: as large as `cones` and `groups`; overwritten.
    """
    kept, count = 0, 0
    one, two = np.empty(3), np.empty(3)
    for g in range(groups.shape[0]):
        first = kept
        for i in range(int(groups[g, 0]), int(groups[g, 1])):
            for axis in range(3):
                one[axis] = cones[i, axis]
                two[axis] = cones[i, axis] + cones[i, 4 + axis]
            distance, _, _ = between(one, two, start, end)
            if distance - max(cones[i, 3], cones[i, 3] + cones[i, 8]) < margin:
                kept_cones[kept] = cones[i]
                kept += 1
        if kept > first:
            kept_groups[count] = groups[g]
            kept_groups[count, 0], kept_groups[count, 1] = first, kept
            count += 1
    return count
