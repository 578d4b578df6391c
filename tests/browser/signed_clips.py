"""Photos to learn from, and clips for the camera: the page's own drawn signs, and real ones where they are."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

SIGNS = Path(__file__).parents[2] / "web" / "public" / "signs"
LETTERS = ("A", "B", "L", "O", "Y")
LABELS = (*LETTERS, "nothing")
LEARNT = 40  # photos of each label that are learnt from
FPS = 30
HOLD, REST = 0.7, 0.45  # seconds

Sign = Callable[[str, int], Image.Image]
Where = tuple[int, int, int]
"""Left, top and side of the sign in the frame, pixels."""
MIDDLE = (80, 0, 480)


def drawn_sign(label: str, number: int) -> Image.Image:
    """The chart's picture of a sign, a little turned, shifted, nearer or farther, lighter or darker, with noise."""
    draw = np.random.default_rng([number, *label.encode()])
    with Image.open(SIGNS / f"{label}.webp") as picture:
        photo = picture.convert("RGB")
    ground = photo.getpixel((4, 4))
    if label == "nothing":
        photo = Image.new("RGB", photo.size, ground)  # no hand, not the open one
    shift = tuple(draw.uniform(-12, 12, 2))
    photo = photo.rotate(draw.uniform(-7, 7), Image.Resampling.BILINEAR, translate=shift, fillcolor=ground)
    edge = 100 * draw.uniform(-0.1, 0.1)
    photo = photo.transform(
        (120, 120), Image.Transform.EXTENT, (edge, edge, 200 - edge, 200 - edge), Image.Resampling.BILINEAR
    )
    pixels = np.asarray(ImageEnhance.Brightness(photo).enhance(draw.uniform(0.85, 1.1)), np.float64)
    return Image.fromarray(np.clip(pixels + draw.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8))


def drawn_photos(folder: Path) -> None:
    """Class folders of drawn signs."""
    for label in LABELS:
        (folder / label).mkdir(parents=True)
        for number in range(1, LEARNT + 1):
            drawn_sign(label, number).save(folder / label / f"{label}{number}.jpg", quality=90)


def _recording(shared: Path, label: str) -> list[Path]:
    photos = (shared / "one-signer" / label).glob("*.jpg")
    return sorted(photos, key=lambda path: int(path.stem.removeprefix(label)))


def _held_out(index: int) -> bool:
    """Every third photo: enough to spell with. What a recogniser is worth is measured elsewhere."""
    return index % 3 == 2


def real_sign(shared: Path, label: str, number: int) -> Image.Image:
    """A photo of the recording that is not learnt from."""
    photos = [path for index, path in enumerate(_recording(shared, label)) if _held_out(index)]
    with Image.open(photos[7 * number % len(photos)]) as photo:
        return photo.convert("RGB")


def real_photos(shared: Path, folder: Path) -> None:
    """Class folders with the other photos of the recordings of three letters, and of "nothing"."""
    for label in ("A", "B", "L", "nothing"):
        (folder / label).mkdir(parents=True)
        for index, path in enumerate(_recording(shared, label)):
            if not _held_out(index):
                (folder / label / path.name).write_bytes(path.read_bytes())


def write_clip(path: Path, sign: Sign, word: str, bundle: Path, where: Where = MIDDLE) -> Path:
    """A clip of 640×480 pixels: each letter is held still somewhere, with a rest before, between and after.

    The page is tested, not the recogniser: only photos are shown that the bundle names rightly in Python.
    """
    from fingerspell.live.recognizer import Recognizer

    recognizer = Recognizer(bundle, threads=1)
    numbers = itertools.count(1001)  # beyond what was learnt

    def certain(label: str) -> Image.Image:
        for number in itertools.islice(numbers, 50):
            prediction = recognizer.predict(np.asarray(sign(label, number)))
            if prediction.label == label and prediction.probability > 0.7:
                return sign(label, number)
        raise AssertionError(f"the bundle names no photo of {label} rightly")

    with path.open("wb") as clip:
        clip.write(_frame(certain("nothing"), where) * round(REST * FPS))
        for letter in word:
            clip.write(_frame(certain(letter), where) * round(HOLD * FPS))
            clip.write(_frame(certain("nothing"), where) * round(REST * FPS))
    return path


def _frame(photo: Image.Image, where: Where) -> bytes:
    frame = Image.new("RGB", (640, 480), (96, 96, 96))
    left, top, side = where
    frame.paste(photo.resize((side, side), Image.Resampling.BILINEAR), (left, top))
    buffer = io.BytesIO()
    frame.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def in_mirror(clip: Path, path: Path) -> Path:
    """The same clip, signed by the other hand."""
    frames = [b"\xff\xd8\xff" + part for part in clip.read_bytes().split(b"\xff\xd8\xff")[1:]]
    turned: dict[bytes, bytes] = {}
    for frame in frames:
        if frame not in turned:
            buffer = io.BytesIO()
            with Image.open(io.BytesIO(frame)) as photo:
                photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(buffer, "JPEG", quality=88)
            turned[frame] = buffer.getvalue()
    path.write_bytes(b"".join(turned[frame] for frame in frames))
    return path
