"""People who sign: each has a hand, a skin, a handedness and habits of their own, drawn once and kept.

Sizes vary as in adults and older children: hand length 18.2 ± 1.2 cm (ANSUR II, Gordon et al. 2014: men 19.3 ± 1.0,
women 18.1 ± 0.9), breadth, digit lengths and thickness on their own. About one person in nine is left-handed
(Papadatou-Pastou et al. 2020); we draw one in eight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.sample import Handedness
from fingerspell.hands.skeleton import Proportions, average
from fingerspell.hands.skin import MONK, Skin, linear

Floats = NDArray[np.float64]

_STREAM = 0x51  # keeps a signer's numbers apart from those of photos


@dataclass(frozen=True, eq=False, slots=True)
class Signer:
    """One person.

    Attributes:
        number: from 0.
        hand: measures.
        skin: colours and texture.
        handedness: the hand that spells.
        style: (24,) degrees by which this person's joints differ from the usual in every sign.
        taste: where in 0–1 this person's choice lies among the forms of a sign, one number a label.
        precision: how much this person's signs vary from one photo to the next; 1 is usual.
    """

    number: int
    hand: Proportions
    skin: Skin
    handedness: Handedness
    style: Floats
    taste: Floats
    precision: float


def signer(seed: int, number: int) -> Signer:
    """The person of that number among those of a seed: always the same one."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, _STREAM, number])))
    # Tones are dealt in turn over the scale, so that even a few signers cover it.
    return Signer(
        number=number,
        hand=_hand(rng),
        skin=_skin(rng, (number * 0.618034 + rng.uniform(0, 0.12)) % 1.0),
        handedness="left" if rng.random() < 1 / 8 else "right",
        style=_style(rng),
        taste=rng.random(32),
        precision=float(rng.uniform(0.7, 1.35)),
    )


def _hand(rng: np.random.Generator) -> Proportions:
    usual = average()
    size = float(np.clip(rng.normal(18.2, 1.2), 14.5, 21.5)) / usual.length
    breadth = size * float(np.clip(rng.normal(1.03, 0.055), 0.9, 1.18))
    thick = size * float(np.clip(rng.normal(1.03, 0.085), 0.85, 1.28))
    reach = size * float(np.clip(rng.normal(1.0, 0.04), 0.9, 1.1))  # fingers against palm
    lengths = usual.lengths * reach * np.clip(rng.normal(1.0, 0.03, (5, 1)), 0.92, 1.08)
    lengths *= np.clip(rng.normal(1.0, 0.025, (5, 3)), 0.94, 1.06)
    radii = usual.radii * thick * np.clip(rng.normal(1.0, 0.03, (5, 1)), 0.92, 1.08)
    radii[:, 1:3] *= float(rng.uniform(0.95, 1.06))  # knobbly or smooth joints
    radii[:, 3] *= float(rng.uniform(0.9, 1.06))  # tapered or blunt tips
    knuckles = usual.knuckles * np.array([breadth, size, size])
    knuckles[:, 1] *= np.clip(rng.normal(1.0, 0.015, 4), 0.96, 1.04)
    arm = usual.forearm * thick * float(rng.uniform(0.88, 1.12))
    nail = max(0.0, float(rng.normal(-0.1, 0.3)))
    palm = usual.palm * thick * float(rng.uniform(0.93, 1.08))
    return Proportions(knuckles, usual.thumb_base * [breadth, size, size], lengths, radii, palm, arm, min(nail, 0.9))


def _skin(rng: np.random.Generator, place: float) -> Skin:
    """Somewhere on the tone scale; the palm is lighter and redder, the more so the darker the back."""
    scale = linear(np.array(MONK, dtype=np.float64))
    at = place * (len(MONK) - 1)
    low = min(int(at), len(MONK) - 2)
    back = np.exp(np.log(scale[low]) * (1 - at + low) + np.log(scale[low + 1]) * (at - low))
    # The scale's lightest swatches are paler than skin is; blood shows through light skin most.
    lightness = float(back.mean())
    blood = np.array([1.0, 0.78, 0.7]) ** (0.35 + 1.1 * lightness)
    back = np.clip(back * blood * rng.uniform(0.85, 1.08), 0.012, 0.85)
    pink = np.array([0.72, 0.46, 0.36]) * rng.uniform(0.85, 1.1)
    share = float(rng.uniform(0.3, 0.55))
    palm = np.exp(np.log(back) * (1 - share) + np.log(pink) * share)
    nail = np.clip(np.exp(0.5 * (np.log(palm) + np.log(np.array([0.78, 0.56, 0.5])))) * rng.uniform(0.9, 1.2), 0, 0.9)
    if rng.random() < 0.12:  # varnish
        nail = rng.uniform(0.02, 0.8, 3)
    return Skin(
        back=back,
        palm=np.clip(palm, 0.015, 0.85),
        nail=nail,
        redness=float(rng.uniform(0.3, 1.1)),
        creases=float(rng.uniform(0.35, 1.0)),
        mottle=float(rng.uniform(0.2, 1.0)),
        gloss=float(rng.uniform(0.02, 0.16)),
        sharpness=float(rng.uniform(8, 40)),
        texture=float(rng.uniform(0, 1000)),
    )


def _style(rng: np.random.Generator) -> Floats:
    style = rng.normal(0.0, [*(4.0, 1.6, 4.5, 4.0) * 4, 4.0, 4.0, 5.0, 4.0, 5.0, 2.0, 5.0, 4.0])
    curl = rng.normal(0.0, 3.0)  # hands that close more, or less
    style[0:16:4] += 0.5 * curl
    style[2:16:4] += curl
    style[3:16:4] += rng.normal(0.0, 4.0)
    return np.asarray(style)
