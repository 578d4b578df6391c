"""`adapt_bundle`: a bundle and a person's own photos → that person's bundle, if it is better for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.bundle import Bundle, GoldenSample, require_free, write_bundle
from fingerspell.core.errors import DataError
from fingerspell.core.head import read_head, temperature_of, with_head
from fingerspell.core.preprocess import decode
from fingerspell.core.progress import Progress, silent
from fingerspell.live.adapting.card import adapted_card
from fingerspell.live.adapting.check import Checked, adapted, check
from fingerspell.live.adapting.folds import Folds, folds_of
from fingerspell.live.adapting.photos import Cut, OwnPhoto, read_own_photos
from fingerspell.live.adapting.varying import varied
from fingerspell.live.finding.finder import HandFinder
from fingerspell.live.recognizer import Recognizer

FEWEST = 10
"""Photos that must be held back in turn: of fewer, it cannot be said whether anything became better."""
MOST_LOST = 0.3
"""Share of the bundle's own photos of letters without photos that may get another answer."""
ADVISED = 5
"""Photos of each letter that users are asked for."""


@dataclass(frozen=True)
class Adapted:
    """What was found, and what was written.

    Attributes:
        path: the new bundle.
        checked: before and after, on held-out photos.
        photos: how many there are of each label.
        missing: labels without photos.
        alike: labels whose photos are near-twins, so that the check flatters.
        left_out: a sentence for each file that was not used.
        golden: photos in the bundle itself; `golden_changed` of them get another answer now.
        golden_changed: see `golden`.
    """

    path: Path
    checked: Checked
    photos: Mapping[str, int]
    missing: tuple[str, ...]
    alike: tuple[str, ...]
    left_out: tuple[str, ...]
    golden: int
    golden_changed: int


def adapt_bundle(
    bundle: Path,
    folder: Path,
    out: Path,
    *,
    hand: Literal["right", "left"] = "right",
    find: bool | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Adapted:
    """Adapt a bundle's last layer to one person's photos, and write the result as a bundle of its own.

    The photos stay where they are: neither they nor anything made of them but the layer's weights and counts goes
    into the new bundle.

    Args:
        bundle: the one to start from, of format 2.
        folder: class folders with photos of the person's hand.
        out: the new bundle's folder.
        hand: `left` mirrors the photos, as recognition does for a left hand.
        find: cut the hand out of each photo, as recognition does; by default where the bundle can.
        force: replace a bundle that is at `out`.
        progress: called now and then.

    Raises:
        BundleError: `out` is taken or the bundle is damaged or of format 1.
        DataError: too few photos, the adapted layer is not better on held-out photos, or it forgets letters without
            photos; nothing is written then.
    """
    require_free(out, force=force)
    recognizer = Recognizer(bundle)
    head = read_head(recognizer.bundle.model, temperature_of(recognizer.bundle.card))
    own = read_own_photos(
        folder,
        recognizer.labels,
        upright=recognizer.bundle.preprocess.upright,
        cut=_cut(recognizer.bundle, find),
        progress=progress,
    )
    counts = Counter(photo.label for photo in own.photos)
    folds = folds_of([photo.pixels for photo in own.photos], [photo.label for photo in own.photos])
    _require_enough(counts, folds, recognizer.labels)
    features = features_of(recognizer, own.photos, hand, progress)
    truth = np.array([recognizer.labels.index(photo.label) for photo in own.photos])
    checked = check(head, features, truth, folds, progress)
    _require_better(checked)
    model = with_head(recognizer.bundle.model, adapted(head, features, truth, checked.pull))
    golden = _answered_again(recognizer.bundle, model)
    _require_kept(recognizer.bundle.golden, golden, counts)
    golden_changed = sum(new.label != old.label for new, old in zip(golden, recognizer.bundle.golden, strict=True))
    card = adapted_card(recognizer.bundle, checked, counts, hand=hand, alike=folds.alike, golden_changed=golden_changed)
    path = write_bundle(out, model=model, card=card, golden=golden, force=force, finder=recognizer.bundle.finder)
    missing = tuple(label for label in recognizer.labels if label not in counts)
    return Adapted(path, checked, dict(counts), missing, folds.alike, own.left_out, len(golden), golden_changed)


def _cut(bundle: Bundle, find: bool | None) -> Cut | None:
    if find is False or (find is None and bundle.finder is None):
        return None
    return HandFinder(bundle).cropped


def _require_enough(counts: Mapping[str, int], folds: Folds, labels: Sequence[str]) -> None:
    several = [label for label in labels if counts.get(label, 0) >= 2]
    if folds.held >= FEWEST and len(several) >= 2:
        return
    single = [label for label in labels if counts.get(label, 0) == 1]
    missing = [label for label in labels if label not in counts]
    found = f"too few photos: {sum(counts.values())} of {len(counts)} letters"
    found += f"; only one of {', '.join(single)}" if single else ""
    found += f"; none of {', '.join(missing)}" if missing else ""
    raise DataError(
        found,
        expected=f"at least {FEWEST} photos of letters with two or more each, and at least 2 such letters",
        remedy=f"take {ADVISED} photos of each letter, not all in one place and at one moment; "
        "letters may be left out, the more the better",
    )


def _require_better(checked: Checked) -> None:
    if not checked.better:
        raise DataError(
            f"adapting would not make it better: of {checked.before.photos} held-out photos {checked.before.right} "
            f"were named right before and {checked.after.right} after ({checked.gained} gained, {checked.lost} lost)",
            expected="more right answers than before, and by more than chance",
            remedy="nothing was written; check that each photo lies in the folder of its letter, or take more photos",
        )


def _require_kept(before: Sequence[GoldenSample], after: Sequence[GoldenSample], counts: Mapping[str, int]) -> None:
    """Letters without photos cannot be checked on the person's; the bundle's own photos tell whether they are lost."""
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old.label not in counts]
    lost = sorted({old.label for old, new in pairs if new.label != old.label})
    if sum(new.label != old.label for old, new in pairs) > MOST_LOST * len(pairs):
        raise DataError(
            f"adapting to these photos would make it forget letters without photos: {', '.join(lost)}",
            expected=f"at least {1 - MOST_LOST:.0%} of the bundle's own photos of such letters named as before",
            remedy=f"nothing was written; take photos of {', '.join(lost)} too",
        )


def features_of(
    recognizer: Recognizer,
    photos: Sequence[OwnPhoto],
    hand: Literal["right", "left"],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """What the last layer reads of each photo and of its variations: (N, 1 + variations, D)."""
    rows = []
    for done, photo in enumerate(photos, 1):
        pixels = photo.pixels[:, ::-1] if hand == "left" else photo.pixels
        rows.append(recognizer.features(varied(pixels)))
        progress("looking at photos", done, len(photos))
    return np.stack(rows)


def _answered_again(bundle: Bundle, model: bytes) -> tuple[GoldenSample, ...]:
    """The bundle's own photos with the answers of another model."""
    recognizer = Recognizer.of_bundle(bundle, model)
    samples = []
    for sample in bundle.golden:
        found = recognizer.predict(decode(sample.data, upright=bundle.preprocess.upright))
        samples.append(GoldenSample(sample.file, sample.data, found.label, found.probabilities, sample.pixels))
    return tuple(samples)


def as_dict(result: Adapted) -> dict[str, Any]:
    """JSON-ready, for scripts."""
    return {
        "bundle": str(result.path),
        "before": result.checked.before.as_dict(),
        "after": result.checked.after.as_dict(),
        "pull": result.checked.pull,
        "photos": dict(result.photos),
        "missing": list(result.missing),
        "alike": list(result.alike),
        "left_out": list(result.left_out),
        "golden": result.golden,
        "golden_changed": result.golden_changed,
    }
