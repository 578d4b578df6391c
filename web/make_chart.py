"""Draw the page's letter chart, `web/public/signs/`: `python web/make_chart.py`, about ten seconds.

One picture of each sign, by the project's own rendered hands: plain light, a plain ground, a right hand as the one who
looks at the signer sees it. J and Z carry an arrow that follows the hand through the renderer's own performance of
the letter. Nothing is drawn by chance: the same renderer gives the same bytes. After a change of the renderer, of
a pose or of this file run it again, and look at all of them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fingerspell.core.alphabet import LABELS
from fingerspell.core.durable import write_bytes
from fingerspell.hands.backgrounds import Background
from fingerspell.hands.letters import Form, View, forms, looseness
from fingerspell.hands.lighting import Lighting
from fingerspell.hands.perform import perform
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.scene import Held, Shot, camera_of, render, rotation
from fingerspell.hands.sensor import NEUTRAL
from fingerspell.hands.signers import Signer, signer
from fingerspell.hands.skeleton import INDEX, Posed, average, pose
from fingerspell.hands.skin import linear
from fingerspell.hands.solve import Spot, Touch, default_looseness, settle

Floats = NDArray[np.float64]
Point = tuple[float, float]

SIGNS = Path(__file__).parent / "public" / "signs"
SIDE = 200  # pixels of a picture
FINER = 3  # rendered so many times larger, then reduced: smooth outlines
LARGEST = 12_000  # bytes of one picture
DISTANCE = 70.0  # centimetres: a portrait's, near enough to look solid and far enough not to swell
FLESH = 1.1  # centimetres of finger around its landmarks
FILL = 0.86  # share of the picture that a sign may take
NEAREST = 1.0  # a fist would fill the picture and look like a giant's: at most so large, in pictures a hand's length
GROUND = ((0xDD, 0xE7, 0xEA), (0xAF, 0xC2, 0xC9))  # sRGB, middle and corners: apart from skin of every tone
INK = (0x0B, 0x4F, 0x9E)
PALE = (255, 255, 255)
PINKY_TIP, INDEX_TIP, WRIST, MIDDLE_KNUCKLE = 20, 8, 0, 9
CLIP = 2  # of those that are performed, the one whose J and Z are clear
HOOK = np.array([1.9, 1.15])  # the hook of J is narrow: broadened, so that it shows in a small picture
PEOPLE = (2, 14, 33, 9)  # of seed 0, in turn: light, deep brown, tan and brown skin


@dataclass(frozen=True)
class Sign:
    """How one sign is shown.

    Attributes:
        alt: how the hand is held, in words.
        form: number of the sign's form; or a form of the chart's own.
        view: from where; None for the form's first view.
        light: where the key light stands: right, up, towards the camera.
        traced: landmark that the movement's arrow begins at, or None.
        like: the label whose form is shown; by default its own.
        beside: how far from that landmark the arrow begins, to the right and down, in palm's lengths.
    """

    alt: str
    form: int | Form = 0
    view: View | None = None
    light: tuple[float, float, float] = (-0.55, 0.65, 0.75)
    traced: int | None = None
    like: str = ""
    beside: Point = (0.0, 0.0)


def _clear_t() -> Form:
    """T with the thumb a little further through, so that its tip shows between the fingers."""
    thumb, index, middle = 2, 3, 6  # bones: the thumb's last, the first of the two fingers
    between = ((index, -1.1, 1.5), (middle, 1.0, 1.0))
    touches = tuple(
        Touch(Spot(thumb, 0.3, 0.0, 0.0), Spot(bone, 0.85, side, -0.2), weight) for bone, side, weight in between
    )
    return replace(forms("T")[0], index=(80, 7, 100, 50), middle=(76, -3, 103, 56), touches=touches)


CHART: dict[str, Sign] = {
    "A": Sign("A fist, palm to you, with the thumb upright against the side of the index finger."),
    "B": Sign("Four fingers straight up and side by side, the thumb folded across the palm."),
    "C": Sign("Fingers and thumb curved towards each other with a gap between, like the letter C."),
    "D": Sign("Index finger straight up; the other fingertips meet the thumb in a ring.", view=View(yaw=45)),
    "E": Sign(
        "All fingers folded down, their tips resting on the thumb, which lies across the palm.",
        view=View(pitch=-20),
    ),
    "F": Sign("Index finger and thumb meet in a ring; the other three fingers are up and spread.", view=View(yaw=30)),
    "G": Sign(
        "Hand on its side: index finger and thumb point sideways, one above the other, the rest closed.",
        view=View(yaw=-70, roll=84, wrist_flexion=42),
    ),
    "H": Sign("Hand on its side: index and middle finger together point sideways, the rest closed."),
    "I": Sign("Little finger straight up, the rest a fist with the thumb across the fingers."),
    "J": Sign(
        "A movement: the little finger is up as in I, goes down and hooks round, drawing a J.",
        like="I", traced=PINKY_TIP, beside=(-0.3, 0.0),
    ),
    "K": Sign("Index finger up, middle finger slanting forward, the thumb's tip between the two.", view=View(yaw=-30)),
    "L": Sign("Index finger up and thumb straight out to the side, a right angle; the rest closed."),
    "M": Sign("A fist with the thumb tucked under the first three fingers, which fold over it.", view=View(pitch=-20)),
    "N": Sign("A fist with the thumb tucked under the first two fingers, which fold over it.", view=View(pitch=-20)),
    "O": Sign("All fingertips meet the tip of the thumb: fingers and thumb make a round O."),
    "P": Sign(
        "Like K turned palm down: index finger points sideways, middle finger down, thumb between.",
        view=View(yaw=-92, roll=108, wrist_flexion=50),
    ),
    "Q": Sign("Like G turned down: index finger and thumb point to the ground, a little apart.", form=1),
    "R": Sign("Index and middle finger up and crossed, the rest closed under the thumb.", view=View(yaw=10)),
    "S": Sign("A fist with the thumb across the front of the fingers.", view=View(pitch=6)),
    "T": Sign("A fist with the tip of the thumb between index and middle finger.", form=_clear_t(), view=View(pitch=8)),
    "U": Sign("Index and middle finger straight up and together, the rest closed under the thumb."),
    "V": Sign("Index and middle finger straight up and apart, the rest closed under the thumb."),
    "W": Sign("Index, middle and ring finger up and apart; the thumb holds the little finger down."),
    "X": Sign("A fist with the index finger raised and bent like a hook.", view=View(yaw=-60)),
    "Y": Sign("Thumb and little finger stretched out to both sides, the other fingers closed."),
    "Z": Sign(
        "A movement: the index finger is up and draws a Z in the air, as the signer sees it.",
        traced=INDEX_TIP,
    ),
    "space": Sign("For a space: an open hand on its side, palm up, as if it held a large ball."),
    "del": Sign("To delete: flat fingers bent down at the knuckles from a raised wrist, the thumb against them."),
    "nothing": Sign("No sign: an open hand at rest, or no hand in the picture at all."),
}  # fmt: skip


class Framed(NamedTuple):
    """A hand and the camera before it."""

    held: Held
    shot: Shot


def main() -> None:
    """Render the 29 pictures and write them with `signs.json`."""
    SIGNS.mkdir(parents=True, exist_ok=True)
    told, total = {}, 0
    for label in LABELS:
        data = encoded(draw(label))
        write_bytes(SIGNS / f"{label}.webp", data)
        told[label] = {"file": f"{label}.webp", "alt": CHART[label].alt}
        total += len(data)
        print(f"{label:8} {len(data):6} bytes")  # noqa: T201
    write_bytes(SIGNS / "signs.json", (json.dumps(told, indent=1) + "\n").encode())
    print(f"together {total} bytes")  # noqa: T201


def draw(label: str) -> Image.Image:
    """The picture of a sign, (SIDE, SIDE) RGB."""
    sign = CHART[label]
    person = somebody(PEOPLE[LABELS.index(label) % len(PEOPLE)])
    held, posed = hold(label, sign, person)
    way = np.array(sign.beside) + performed_way(label) if sign.traced is not None else np.zeros((0, 2))
    framed = frame(held, posed, person, sign, way)
    size = SIDE * FINER
    sample = render(framed.shot, held, label, size)
    if sample.mask is None or sample.landmarks is None:
        raise ValueError(f"{label} was rendered without a hand")
    picture = on_ground(sample.pixels, sample.mask)
    if sign.traced is not None:
        points = placed(way, sample.landmarks[:, :2].astype(np.float64), sign.traced)
        arrow(picture, [(float(x), float(y)) for x, y in points])
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def somebody(number: int) -> Signer:
    """A person's skin on an average right hand, so that all signs have the same proportions."""
    person = signer(0, number)
    return replace(person, handedness="right", hand=replace(average(), nail=0.1))


def hold(label: str, sign: Sign, person: Signer) -> tuple[Held, Posed]:
    """The hand as its form describes it, turned to the camera."""
    form = sign.form if isinstance(sign.form, Form) else forms(sign.like or label)[sign.form]
    view, wanted = sign.view or form.views[0], form.angles()
    wanted[INDEX["wrist_flexion"]] += view.wrist_flexion
    wanted[INDEX["wrist_deviation"]] += view.wrist_deviation
    angles = settle(wanted, form.touches, person.hand, looseness(form, default_looseness()))
    posed = pose(angles, person.hand)
    middle = (posed.landmarks.min(0) + posed.landmarks.max(0)) / 2
    return Held(angles, rotation(view.yaw, view.pitch, view.roll), middle, np.zeros(3)), posed


def frame(held: Held, posed: Posed, person: Signer, sign: Sign, way: Floats) -> Framed:
    """The camera that has the whole sign, and the way it goes, in the middle of the picture."""
    direction = np.array(sign.light) / np.linalg.norm(sign.light)
    fill_light = np.array([0.8, 0.1, 0.6])
    lights = np.array(
        [[*direction, 0.72, 0.70, 0.67, 4.0, 0.85], [*fill_light / np.linalg.norm(fill_light), 0.13, 0.14, 0.16, 2, 0]]
    )
    lighting = Lighting(lights, np.array([0.36, 0.36, 0.37]), np.array([0.2, 0.19, 0.18]), np.array([0, 1.0, 0.3]), 0.0)
    shot = Shot(
        person, DISTANCE, 1.0, (0.0, 0.0), lighting, Background("wall", 0), 1.0, (0.0, 0.0, 0.0, 0.01), None,
        np.zeros(7), NEUTRAL, 0,
    )  # fmt: skip
    seen = camera_of(shot, held, 1).project(posed.landmarks)[:, :2]
    margin = FLESH / DISTANCE
    points = np.concatenate([seen - margin, seen + margin, placed(way, seen, sign.traced)])
    low, high = points.min(0), points.max(0)
    focal = min(FILL / float((high - low).max()), NEAREST * DISTANCE / person.hand.length)
    middle = 0.5 - focal * (low + high) / 2
    return Framed(held, replace(shot, focal=focal, middle=(float(middle[0]), float(middle[1]))))


def performed_way(label: str) -> Floats:
    """(n, 2) the way of the hand while the renderer performs a letter, from its beginning, in palm's lengths."""
    plan = SynthPlan(per_class=1, size=32, signers=8, seed=0)
    frames = [made.sample.landmarks for made in perform(label, CLIP, plan, 60.0) if made.held == label]
    shown = np.stack([points for points in frames if points is not None])[:, :, :2].astype(np.float64)
    middle = shown.mean(1)
    way = (middle - middle[0]) / palm(shown[0])
    return np.asarray(rounded(way) * HOOK if label == "J" else way)


def rounded(way: Floats) -> Floats:
    """(n, 2) the way without its corners: each point the mean of those around it, both ends kept."""
    reach = len(way) // 8
    near = [min(place, len(way) - 1 - place, reach) for place in range(len(way))]
    return np.stack([way[place - few : place + few + 1].mean(0) for place, few in enumerate(near)])


def palm(points: Floats) -> float:
    """Length of the palm in a picture: the signs with a way begin with the palm to the camera."""
    return float(np.linalg.norm(points[MIDDLE_KNUCKLE] - points[WRIST]))


def placed(way: Floats, seen: Floats, landmark: int | None) -> Floats:
    """A way in palm's lengths, laid at a landmark of a hand that is seen at (21, 2) points."""
    return way if landmark is None else np.asarray(seen[landmark] + way * palm(seen))


def on_ground(pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Image.Image:
    """The hand before a plain ground that darkens to the corners, with the soft shadow of what stands before it."""
    size = len(mask)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    share = np.clip(np.hypot(x, y) / np.sqrt(2), 0, 1)[..., None] ** 1.5
    ground = linear(np.array(GROUND[0])) * (1 - share) + linear(np.array(GROUND[1])) * share
    cover = Image.fromarray(mask)
    right, down = round(size * 0.02), round(size * 0.025)
    fallen = Image.fromarray(np.pad(mask, ((down, 0), (right, 0)), mode="edge")[:size, :size])
    shadow = np.asarray(fallen.filter(ImageFilter.GaussianBlur(size * 0.03)), np.float64) / 255
    ground = ground * (1 - 0.28 * shadow[..., None])
    bright = np.where(ground <= 0.0031308, 12.92 * ground, 1.055 * ground ** (1 / 2.4) - 0.055)
    behind = Image.fromarray((bright * 255 + 0.5).astype(np.uint8))
    return Image.composite(Image.fromarray(pixels), behind, cover)


def arrow(picture: Image.Image, points: Sequence[Point]) -> None:
    """Draw a way as an arrow with a pale rim, so that it shows on skin and ground."""
    pen, wide = ImageDraw.Draw(picture), 4.0 * FINER
    tip, before = np.array(points[-1]), np.array(points[-len(points) // 4])
    ahead = (tip - before) / max(float(np.linalg.norm(tip - before)), 1e-6)
    across = np.array([-ahead[1], ahead[0]])
    for colour, extra in ((PALE, 2.0 * FINER), (INK, 0.0)):
        thick = round(wide + extra)
        pen.line(points, fill=colour, width=thick, joint="curve")
        (x, y), radius = points[0], thick * 0.9
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        length, breadth = 13.0 * FINER + 1.6 * extra, 8.0 * FINER + extra
        base = tip - ahead * extra * 0.5
        head = [base + ahead * length * 0.75, base + across * breadth, base - across * breadth]
        pen.polygon([(float(x), float(y)) for x, y in head], fill=colour)


def encoded(picture: Image.Image) -> bytes:
    """WebP, of the best quality that keeps it small."""
    for quality in range(95, 40, -3):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= LARGEST * 0.8:
            break
    return buffer.getvalue()


if __name__ == "__main__":
    main()
