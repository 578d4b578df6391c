"""Make the pictures of docs/hands.md: `make hands-pictures`, under a minute on two cores.

Photos and clip are made as the page's commands make them. The photos are those of seed 0, none picked; the clip's seed
was chosen for a clear picture. A change of the renderer changes the pictures: run this again and look at them.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

from fingerspell.cli.synth import default_jobs
from fingerspell.core.alphabet import LABELS
from fingerspell.core.durable import write_bytes
from fingerspell.hands.backgrounds import Background
from fingerspell.hands.clips import make_clips
from fingerspell.hands.contact import Pixels, contact_sheet, draw_landmarks
from fingerspell.hands.letters import Form, forms, looseness
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.scene import Held, draw_shot, render, rotation
from fingerspell.hands.sensor import NEUTRAL
from fingerspell.hands.signers import Signer, signer
from fingerspell.hands.skeleton import INDEX, pose
from fingerspell.hands.solve import default_looseness, settle
from fingerspell.hands.synth import synthesise

HERE = Path(__file__).parent
LARGEST = 450_000  # bytes of one picture
PLAN = SynthPlan(per_class=8, size=160, signers=8, seed=0)
WORD, CLIP_PLAN = "HELLO", replace(PLAN, seed=2)
LANDMARKED = ("A", "C", "G", "K", "M", "R", "X", "Y")  # the same signs whatever they look like
PLAIN_SIGNER, PLAIN_SHOT, PLAIN_WALL = 5, 7, 3


def main() -> None:
    """Render, and write the four pictures beside this file."""
    save("hands-forms", contact_sheet([("", row) for row in in_rows(list(plain_forms()), 10)], 10, 92))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rendered"
        synthesise(out, PLAN, jobs=default_jobs())
        rows = [
            (label, [read(out / PLAN.photo_path(label, index)) for index in range(PLAN.per_class)]) for label in LABELS
        ]
        save("hands-sheet", contact_sheet(rows, PLAN.per_class, 92))
        save("hands-landmarks", landmarks(out))
        make_clips(out / "clips", CLIP_PLAN, [WORD], jobs=1)
        save("hands-clip", clip(out / "clips"))


def plain_forms() -> Iterator[Pixels]:
    """Each way to hold each sign, by one signer without habits, in one light, with the sign's name in the corner."""
    person = replace(signer(PLAN.seed, PLAIN_SIGNER), handedness="right")
    for label in LABELS:
        for form in forms(label):
            held = held_plainly(form, person)
            shot = draw_shot(np.random.default_rng(PLAIN_SHOT), person, [held], PLAN.size)
            shot = replace(shot, sensor=NEUTRAL, background=Background("wall", PLAIN_WALL), sleeve=None)
            yield stamped(render(shot, held, label, PLAN.size).pixels, label)


def held_plainly(form: Form, person: Signer) -> Held:
    """A form as it is described, from its first view."""
    view, wanted = form.views[0], form.angles()
    wanted[INDEX["wrist_flexion"]] += view.wrist_flexion
    wanted[INDEX["wrist_deviation"]] += view.wrist_deviation
    angles = settle(wanted, form.touches, person.hand, looseness(form, default_looseness()))
    points = pose(angles, person.hand).landmarks
    return Held(angles, rotation(view.yaw, view.pitch, view.roll), (points.min(0) + points.max(0)) / 2, np.zeros(3))


def landmarks(out: Path) -> Image.Image:
    """Photos, the same with their landmarks, and their masks; each of another signer."""
    known = {row["path"]: row for row in pq.read_table(out / "labels.parquet").to_pylist()}
    rows: dict[str, list[Pixels]] = {"photo": [], "landmarks": [], "mask": []}
    for index, label in enumerate(LANDMARKED):
        row = known[PLAN.photo_path(label, index)]
        photo = read(out / row["path"])
        rows["photo"].append(photo)
        rows["landmarks"].append(draw_landmarks(photo, np.reshape(row["landmarks"], (21, 3)).astype(np.float32)))
        rows["mask"].append(read(out / row["mask"]))
    return contact_sheet(list(rows.items()), len(LANDMARKED), 110)


def clip(folder: Path) -> Image.Image:
    """Twenty moments of a clip, evenly spaced, each with the sign that is held then."""
    told = pq.read_table(folder / "frames.parquet").to_pylist()
    (video,) = pq.read_table(folder / "clips.parquet").column("path").to_pylist()
    with av.open(str(folder / video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    chosen = np.linspace(0, len(frames) - 1, 20).round().astype(int)
    rows = []
    for part in in_rows(list(chosen), 10):
        pictures = [stamped(frames[number], told[number]["label"] or "") for number in part]
        rows.append((f"{told[part[0]]['seconds']:.1f} s", pictures))
    return contact_sheet(rows, 10, 92)


def in_rows(items: list[Any], length: int) -> list[list[Any]]:
    """The items, so many at a time."""
    return [items[start : start + length] for start in range(0, len(items), length)]


def read(path: Path) -> Pixels:
    """A picture as (height, width, 3) uint8."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def stamped(pixels: Pixels, text: str) -> Pixels:
    """A copy with a word in its upper left corner."""
    if not text:
        return pixels
    picture = Image.fromarray(pixels)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=20.0)
    left, top, right, bottom = pen.textbbox((5, 3), text, font=font)
    pen.rectangle((left - 4, top - 3, right + 4, bottom + 3), fill=(32, 33, 36))
    pen.text((5, 3), text, fill=(250, 250, 248), font=font)
    return np.asarray(picture)


def save(name: str, picture: Image.Image) -> None:
    """Write a JPEG, of the best quality that keeps it small."""
    for quality in range(88, 40, -6):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= LARGEST:
            break
    write_bytes(HERE / f"{name}.jpg", buffer.getvalue())
    print(  # noqa: T201
        f"{name}.jpg  {picture.width}×{picture.height}  {buffer.tell() / 1000:.0f} kB, quality {quality}"
    )


if __name__ == "__main__":  # the processes that render import this file again
    main()
