"""A model over photos → scores that say which split and which source they come from.

A photo that the run has learnt from, chosen its epoch by, or set aside as a guard is never scored: it is
recognised by the SHA-256 of its content, whatever its name or folder. (The same picture saved anew is not.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS
from fingerspell.core.errors import DataError
from fingerspell.core.preprocess import normalise
from fingerspell.core.progress import Progress, silent
from fingerspell.core.scoring import score
from fingerspell.lab.data.additions import Addition
from fingerspell.lab.data.cache import PhotoCache, open_cache
from fingerspell.lab.data.dealing import Part
from fingerspell.lab.data.manifest import LeftOut, Manifest, scan
from fingerspell.lab.data.recordings import recording_order
from fingerspell.lab.data.split import Split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.sources import (
    OVERLAP,
    UNKNOWN,
    SourceResult,
    folder_sentence,
    part_sentence,
    presumed_sentence,
)

__all__ = [
    "SourceResult",
    "evaluate_folder",
    "evaluate_split",
    "held_out_part",
    "probabilities",
    "recording_stretches",
]

STRETCHES = 5
_LEARNT = {
    "train": "the run learnt from this very photo",
    "val": "the run chose its epoch by this very photo",
    "guard": "a guard photo, a neighbour of photos the run is judged by",
}


def probabilities(
    model: Model,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | Sequence[int],
    batch: int = 64,
    *,
    device: str | torch.device | None = None,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """A model's probabilities, in evaluation mode and without gradients.

    Args:
        model: the network and its preprocessing. Its mode is put back afterwards.
        pixels: (rows, h, w, 3) uint8, already brought to the network's size.
        rows: (N,) which of them, in which order.
        batch: photos at once; changes the result by rounding only.
        device: where to compute; by default where the network is.
        progress: called after each batch.

    Returns:
        (N, len(model.labels)) float32, each row of sum 1.
    """
    places = np.asarray(rows, dtype=np.intp)
    found = np.empty((len(places), len(model.labels)), dtype=np.float32)
    if device is not None:
        model.net.to(device)
    where = next(model.net.parameters()).device
    was_training = model.net.training
    model.net.eval()
    try:
        with torch.no_grad():
            for start in range(0, len(places), batch):
                some = places[start : start + batch]
                inputs = torch.from_numpy(normalise(pixels[some], model.preprocess)).to(where)
                # In float64 each row sums to 1 whatever the number of labels and the size of the logits.
                shares = torch.softmax(model.net(inputs).double(), dim=1)
                found[start : start + len(some)] = shares.cpu().numpy()
                progress("scoring photos", start + len(some), len(places))
    finally:
        model.net.train(was_training)
    return found


def held_out_part(split: Split) -> Part:
    """The part to judge by: `test`, or `val` where the split has no test part."""
    return "test" if split.counts["test"] else "val"


def evaluate_split(
    model: Model,
    split: Split,
    cache: PhotoCache,
    part: Part | None = None,
    *,
    also_learnt: Sequence[Addition] = (),
    learnt_is_known: bool = True,
    device: str | torch.device | None = None,
    progress: Progress = silent,
) -> SourceResult:
    """Score one part of the split that a run was trained with.

    Photos of the part whose very content also stands in the training part are left out and counted. Where it is not
    known what the model learnt from, the split is what Keras would have made: all of its part is scored, as Keras does.

    Args:
        model: the trained model.
        split: the run's split.
        cache: of the split's manifest, in the model's size.
        part: by default the held-out part (see `held_out_part`).
        also_learnt: the further folders that the run learnt from.
        learnt_is_known: False for an imported model, whose split is only assumed.
        device: where to compute.
        progress: called while photos are scored.

    Raises:
        DataError: no photo of the part can be scored, or the network gives no finite numbers.
    """
    part = part or held_out_part(split)
    photos = split.manifest.photos
    learnt: set[str] = set()
    if part != "train" and learnt_is_known:
        learnt = {photos[index].sha256 for index in split.indices("train")}
        learnt |= {photo.sha256 for addition in also_learnt for photo in addition.learnt}
    left_out: list[LeftOut] = []
    chosen: list[int] = []
    for index in split.indices(part):
        if photos[index].sha256 in learnt:
            left_out.append(LeftOut(photos[index].path, _LEARNT["train"]))
        else:
            chosen.append(index)
    source = split.manifest.root.resolve().name
    sentence = part_sentence(split, part, source, [addition.name for addition in also_learnt])
    return _score_photos(
        model,
        split.manifest,
        cache,
        chosen,
        groups=split.blocks,
        left_out=left_out,
        name=f"{source} ({part} part, {split.strategy} split)",
        strategy=split.strategy if learnt_is_known else UNKNOWN,
        part=part,
        sentence=sentence if learnt_is_known else presumed_sentence(split, part, source),
        device=device,
        progress=progress,
    )


def evaluate_folder(
    model: Model,
    folder: Path,
    cache_folder: Path,
    training_split: Split | None = None,
    progress: Progress = silent,
    *,
    also_learnt: Sequence[Addition] = (),
    learnt_is_known: bool = True,
    device: str | torch.device | None = None,
) -> SourceResult:
    """Score a folder of photos without letting anything through that the run has seen.

    Where the folder is the very one the run was trained on, its held-out part alone is scored and the result
    is that of `evaluate_split`. Elsewhere photos of the run's train, val and guard parts are left out, and those
    that it learnt from in further folders.

    Args:
        model: the trained model.
        folder: what `scan` understands.
        cache_folder: where decoded photos are kept.
        training_split: the run's split; None where it is not known (then nothing can be recognised as seen).
        progress: called while photos are hashed, decoded and scored.
        also_learnt: the further folders that the run learnt from.
        learnt_is_known: False for an imported model: then the split only names the folder that it is judged by.
        device: where to compute.

    Raises:
        DataError: no photos, or none that may be scored.
    """
    manifest = scan(folder, progress)
    if training_split is not None and manifest.digest == training_split.manifest.digest:
        cache = open_cache(training_split.manifest, model.preprocess, cache_folder, progress)
        return evaluate_split(
            model,
            training_split,
            cache,
            also_learnt=also_learnt,
            learnt_is_known=learnt_is_known,
            device=device,
            progress=progress,
        )
    if not learnt_is_known:
        training_split = None
    parts = _parts_by_content(training_split, also_learnt)
    known = [parts.get(photo.sha256, "") for photo in manifest.photos]
    left_out = list(manifest.left_out)
    left_out += [LeftOut(p.path, _LEARNT[k]) for p, k in zip(manifest.photos, known, strict=True) if k in _LEARNT]
    shared, own = len(known) - known.count(""), known.count("test")
    strategy = _standing(training_split, len(known), shared, own)
    name = folder.resolve().name or str(folder)
    return _score_photos(
        model,
        manifest,
        open_cache(manifest, model.preprocess, cache_folder, progress),
        [index for index, part in enumerate(known) if part not in _LEARNT],
        groups=recording_stretches(manifest),
        left_out=left_out,
        name=name,
        strategy=strategy,
        part="",
        sentence=folder_sentence(name, training_split, shared, own, strategy, [its.name for its in also_learnt]),
        device=device,
        progress=progress,
    )


def _standing(split: Split | None, photos: int, shared: int, own: int) -> str:
    """What a folder counts as: "" for another collection, the split's strategy, an overlap, or unknown.

    A folder with more than one photo in a hundred from the training folder is of the same recordings, and
    what remains of it may well be neighbours of photos that were learnt from.
    """
    if split is None:
        return UNKNOWN
    if shared * 100 <= photos:
        return ""
    return split.strategy if own == photos else OVERLAP


def _parts_by_content(split: Split | None, also_learnt: Sequence[Addition]) -> dict[str, str]:
    """The part of each content; where copies stand in several parts, the one nearest to learning."""
    added = {photo.sha256: "train" for addition in also_learnt for photo in addition.learnt}
    if split is None:
        return added
    closeness = {"train": 3, "val": 2, "guard": 1, "test": 0}
    found: dict[str, str] = {}
    for photo, part in zip(split.manifest.photos, split.parts, strict=True):
        before = found.get(photo.sha256)
        if before is None or closeness[part] > closeness[before]:
            found[photo.sha256] = part
    return found | added


def recording_stretches(manifest: Manifest, pieces: int = STRETCHES) -> list[str]:
    """For each photo a group for the bootstrap: each class's numbering cut into contiguous stretches.

    A class usually comes from one or a few recordings, and photos that follow each other are near-duplicates.
    As groups, single photos would give an interval several times too narrow. A few long stretches a class
    keep neighbours together however long the recordings are, and the interval becomes rather too wide.
    """
    names = [""] * len(manifest.photos)
    seen: Counter[str] = Counter()
    for index in recording_order(manifest.photos):
        label = manifest.photos[index].label
        count = manifest.counts[label]
        names[index] = f"{label}/{seen[label] * min(pieces, count) // count}"
        seen[label] += 1
    return names


def _score_photos(
    model: Model,
    manifest: Manifest,
    cache: PhotoCache,
    chosen: Sequence[int],
    *,
    groups: Sequence[str],
    left_out: list[LeftOut],
    name: str,
    strategy: str,
    part: str,
    sentence: str,
    device: str | torch.device | None,
    progress: Progress,
) -> SourceResult:
    column = {label: index for index, label in enumerate(model.labels)}
    reasons = {item.path: item.reason for item in cache.damaged}
    kept: list[int] = []
    for index in chosen:
        photo = manifest.photos[index]
        if photo.label not in column:
            left_out.append(LeftOut(photo.path, "its label is none that the model knows"))
        elif photo.path not in cache.rows:
            left_out.append(LeftOut(photo.path, f"damaged: {reasons.get(photo.path, 'not decoded')}"))
        else:
            kept.append(index)
    if not kept:
        reason = ", ".join(f"{n} × {why}" for why, n in Counter(item.reason for item in left_out).most_common(3))
        raise DataError(
            f"no photo of {name} may be scored" + (f" ({reason})" if reason else ""),
            expected="photos that the run has not seen, of labels it knows",
            remedy="give another folder",
        )
    rows = np.array([cache.rows[manifest.photos[index].path] for index in kept], dtype=np.intp)
    truth = np.array([column[manifest.photos[index].label] for index in kept], dtype=np.int64)
    own_groups = tuple(groups[index] for index in kept)
    shares = probabilities(model, cache.pixels, rows, device=device, progress=progress)
    present = {manifest.photos[index].label for index in kept}
    return SourceResult(
        name=name,
        strategy=strategy,
        part=part,
        description=sentence,
        folder=manifest.root,
        digest=manifest.digest,
        labels=model.labels,
        paths=tuple(manifest.photos[index].path for index in kept),
        stored=cache.pixels,
        rows=rows,
        probabilities=shares,
        truth=truth,
        groups=own_groups,
        scores=score(shares, truth, model.labels, own_groups),
        left_out=tuple(left_out),
        labels_missing=tuple(label for label in LABELS if label in column and label not in present),
    )
