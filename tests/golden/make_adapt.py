"""Makes adapt.json: small last layers, the features of a person's photos, and the layers that come of them.

Python and the page's TypeScript are both held to it. After a change that is meant:
`python tests/golden/make_adapt.py`, and read the difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fingerspell.core.head import Head
from fingerspell.live.adapting.check import adapted, check
from fingerspell.live.adapting.folds import Folds
from fingerspell.live.adapting.varying import varied

FILE = Path(__file__).with_name("adapt.json")
CLASSES, SIZE, VARIATIONS = 6, 8, 2


def person(seed: int, given: int, each: int, shift: float, mixed: bool, temperature: float) -> dict[str, Any]:
    """A layer that knows its classes, and a person whose photos lie a little elsewhere (or are mislabelled)."""
    draw = np.random.default_rng(seed)
    middle = draw.normal(2, 0.3, SIZE)
    directions = draw.normal(0, 1, (CLASSES, SIZE))
    weight = directions - directions.mean(axis=0)
    away = draw.normal(0, shift, (CLASSES, SIZE)) + draw.normal(0, shift, SIZE)
    photos = []
    for number in range(given * each):
        label, turn = number % given, number // given
        own = middle + weight[label] + away[label] + draw.normal(0, 0.5, SIZE)
        rows = own + draw.normal(0, 0.1, (1 + VARIATIONS, SIZE))
        said = int(draw.integers(given)) if mixed else label
        photos.append({"label": said, "turn": turn if each > 1 else -1, "features": np.round(rows, 4).tolist()})
    bias = -(weight @ middle) - (weight**2).sum(axis=1) / 2
    return {
        "weight": np.round(weight, 4).tolist(),
        "bias": np.round(bias, 4).tolist(),
        "temperature": temperature,
        "photos": photos,
    }


def cases() -> dict[str, dict[str, Any]]:
    """What is asked."""
    return {
        "a hand of its own": person(1, 5, 5, 0.9, False, 1.0),
        "a letter without photos, another temperature": person(2, 4, 4, 0.8, False, 0.5),
        "as it was learnt": person(3, 5, 4, 0.0, False, 2.0),
        "photos in wrong folders": person(6, 5, 5, 0.1, True, 1.0),
    }


def arrays(case: dict[str, Any]) -> tuple[Head, np.ndarray, np.ndarray, Folds]:
    """A case as the functions take it."""
    weight, bias = np.array(case["weight"], np.float32), np.array(case["bias"], np.float32)
    features = np.array([photo["features"] for photo in case["photos"]], np.float32)
    truth = np.array([photo["label"] for photo in case["photos"]])
    turns = np.array([photo["turn"] for photo in case["photos"]])
    return Head(weight, bias, case["temperature"]), features, truth, Folds(turns, int(turns.max()) + 1, ())


def answered(case: dict[str, Any]) -> dict[str, Any]:
    """What comes of a case."""
    head, features, truth, folds = arrays(case)
    checked = check(head, features, truth, folds)
    new = adapted(head, features, truth, checked.pull)
    return {
        "before": {"right": checked.before.right, "loss": round(checked.before.loss, 6)},
        "after": {"right": checked.after.right, "loss": round(checked.after.loss, 6)},
        "better": checked.better,
        "gained": checked.gained,
        "lost": checked.lost,
        "pull": checked.pull,
        "weight": [[round(float(each), 7) for each in row] for row in new.weight],
        "bias": [round(float(each), 7) for each in new.bias],
    }


def picture() -> dict[str, Any]:
    """A small photo (height, width, RGB row by row) and its variations."""
    photo = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return {"shown": _flat(photo), "varied": [_flat(each) for each in varied(photo)]}


def _flat(photo: np.ndarray) -> dict[str, Any]:
    return {"height": photo.shape[0], "width": photo.shape[1], "rgb": photo.ravel().tolist()}


def golden() -> dict[str, Any]:
    """The file's content."""
    return {
        "cases": [{"name": name, **case, "expected": answered(case)} for name, case in cases().items()],
        "picture": picture(),
    }


def write(content: dict[str, Any], path: Path) -> None:
    """Write it, a case a line."""
    rows = ",\n".join(json.dumps(case) for case in content["cases"])
    path.write_text(f'{{"cases": [\n{rows}\n], "picture": {json.dumps(content["picture"])}}}\n')


if __name__ == "__main__":
    write(golden(), FILE)
