"""A run becomes a bundle, behind a gate: network and exported graph must agree on real photos, or nothing is written.

The gate compares the whole way. On one side JPEG bytes go through core's preprocessing, PyTorch and a softmax; on the
other the decoded photo goes into the exported file in ONNX Runtime, alone and in a batch.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fingerspell.core.bundle import (
    GOLDEN,
    INPUT,
    OUTPUT,
    TOLERANCE,
    GoldenSample,
    pixels_digest,
    require_free,
    write_bundle,
)
from fingerspell.core.errors import BundleError
from fingerspell.core.onnx_file import require_self_contained
from fingerspell.core.preprocess import PreprocessSpec, decode, preprocess
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.about import About
from fingerspell.lab.calibration import Calibration, find_calibration
from fingerspell.lab.card import NOT_STATED, make_card
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import Split
from fingerspell.lab.golden import GoldenPhoto, golden_photos, photos_of
from fingerspell.lab.graph import BundleGraph, require_features, to_onnx
from fingerspell.lab.measured import read_measured
from fingerspell.lab.nets.model import Model
from fingerspell.lab.training.run import RunFolder

GraphBuilder = Callable[[nn.Module, PreprocessSpec, float], nn.Module]
"""(network, preprocessing, temperature) → (N, H, W, 3) uint8 photos → (N, classes) probabilities, (N, D) features."""

_STEPS = 4


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes:
        path: the bundle.
        photos: golden samples in it.
        largest_difference: between the network's and the exported graph's probabilities.
        bytes: size of model.onnx.
        measured: whether the card has scores.
        certainty_measured: whether these say how sure the answers are: they do if they were measured with the same
            calibration.
        calibration: what the bundle was calibrated with; None where it was not.
        not_calibrated: why it was not, or "".
    """

    path: Path
    photos: int
    largest_difference: float
    bytes: int
    measured: bool
    certainty_measured: bool
    calibration: Calibration | None
    not_calibrated: str


def export_bundle(
    run: RunFolder,
    out: Path,
    *,
    licence: str = NOT_STATED,
    force: bool = False,
    photos: Path | None = None,
    cache_folder: Path,
    calibrate: bool | None = None,
    calibrate_on: Sequence[Path] = (),
    calibrate_like: RunFolder | None = None,
    sure_right: float | None = None,
    about: About | None = None,
    progress: Progress = silent,
    build: GraphBuilder = BundleGraph,
) -> ExportResult:
    """Write the best weights of a run as a bundle.

    Args:
        run: the run.
        out: the bundle's folder.
        licence: under which the bundle is given on, in its maker's words.
        force: replace a bundle that is there.
        photos: a folder to take the photos of the parity check from; by default those that the run is judged by.
        cache_folder: where decoded photos are kept, for golden samples of a folder that is gone.
        calibrate: None: calibrated where that can be done; True: it must be done; False: not at all.
        calibrate_on: further labelled photos to calibrate on.
        calibrate_like: a run that is calibrated in place of this one; see `find_calibration`.
        sure_right: share of right answers from which on an answer counts as sure.
        about: what only the maker can say of it; its licence holds where `licence` states none.
        progress: called after each of four steps.
        build: makes the graph from the network.

    Raises:
        BundleError: `out` is taken, the graph cannot be made, or it disagrees with the network.
        DataError: the run is incomplete, or cannot be calibrated though it must be.
    """
    require_free(out, force=force)
    model = Model.load(run.require_weights())
    split = run.read_split()
    calibration, why_not = find_calibration(
        run,
        model,
        cache_folder=cache_folder,
        wanted=calibrate,
        folders=calibrate_on,
        like=calibrate_like,
        sure_right=sure_right,
        progress=progress,
    )
    temperature = 1.0 if calibration is None else calibration.temperature
    measured = read_measured(run, calibration)
    net = copy.deepcopy(model.net).cpu().eval()
    checked = _photos(split, photos, model, cache_folder, progress)
    progress("exporting", 1, _STEPS)
    data = to_onnx(build(net, model.preprocess, temperature))
    require_self_contained(data)
    progress("exporting", 2, _STEPS)
    golden = reference_answers(net, model.labels, model.preprocess, checked, temperature)
    largest = require_parity(data, golden, model.labels, upright=model.preprocess.upright)
    require_features(data, temperature, [decode(sample.data, upright=model.preprocess.upright) for sample in golden])
    progress("exporting", 3, _STEPS)
    card = make_card(
        run,
        model,
        split,
        scores=measured.scores,
        licence=_licence(licence, about),
        temperature=temperature,
        parity=_parity_record(golden, largest),
        calibration=None if calibration is None else calibration.as_dict(),
        reliability=measured.reliability,
        about=about,
    )
    path = write_bundle(out, model=data, card=card, golden=golden, force=force)
    progress("exporting", _STEPS, _STEPS)
    return ExportResult(
        path,
        len(golden),
        largest,
        len(data),
        measured=isinstance(measured.scores, list),
        certainty_measured=measured.is_of_this,
        calibration=calibration,
        not_calibrated=why_not,
    )


def _licence(stated: str, about: About | None) -> str:
    stated = stated.strip() or NOT_STATED
    return about.licence if stated == NOT_STATED and about and about.licence else stated


def _photos(
    split: Split | None, folder: Path | None, model: Model, cache_folder: Path, progress: Progress
) -> tuple[GoldenPhoto, ...]:
    """The photos of the parity check. Raises BundleError where an imported run has none and no folder is given."""
    if folder is not None:
        manifest = scan(folder, progress)
        every = range(len(manifest.photos))
        return photos_of(manifest, every, model.labels, model.preprocess, cache_folder, progress)
    if split is None:
        raise BundleError(
            "the run was imported, and has no photos of its own for the parity check",
            expected="a folder of photos",
            remedy="name one: fingerspell export RUN --photos DIR",
        )
    return golden_photos(split, model.labels, model.preprocess, cache_folder, progress)


def _parity_record(golden: Sequence[GoldenSample], largest: float) -> dict[str, Any]:
    return {
        "photos": len(golden),
        "labels_agree": len(golden),
        "largest_difference": largest,
        "tolerance": TOLERANCE,
        "between": "PyTorch after the reference preprocessing, and ONNX Runtime on model.onnx",
    }


def reference_answers(
    net: nn.Module,
    labels: tuple[str, ...],
    spec: PreprocessSpec,
    photos: Sequence[GoldenPhoto],
    temperature: float,
) -> tuple[GoldenSample, ...]:
    """What the network itself answers after core's preprocessing.

    Raises:
        BundleError: an answer is not a finite number.
    """
    samples = []
    for photo in photos:
        with torch.no_grad():
            logits = net(torch.from_numpy(preprocess(photo.data, spec))[None])  # (1, C)
            probabilities = torch.softmax(logits / temperature, dim=1)[0].numpy()
        if probabilities.shape != (len(labels),) or not np.isfinite(probabilities).all():
            raise BundleError(
                f"the network's answer to {photo.name} is no probability for each of {len(labels)} labels",
                expected="finite numbers",
                remedy="train again; the weights are not usable",
            )
        label = labels[int(probabilities.argmax())]
        digest = pixels_digest(decode(photo.data, upright=spec.upright))
        samples.append(GoldenSample(f"{GOLDEN}/{photo.name}", photo.data, label, probabilities, digest))
    return tuple(samples)


def require_parity(model: bytes, golden: Sequence[GoldenSample], labels: tuple[str, ...], *, upright: bool) -> float:
    """The gate. Returns the largest difference between expected and found probabilities.

    Args:
        model: the content of model.onnx.
        golden: photos with the network's answers.
        labels: of the outputs.
        upright: whether photos are turned as their EXIF orientation says.

    Raises:
        BundleError: ONNX Runtime refuses the file, or an answer differs.
    """
    found = _onnx_answers(model, [decode(sample.data, upright=upright) for sample in golden])
    differences = []
    wrong = []
    for sample, rows in zip(golden, found, strict=True):
        same_shape = all(row.shape == sample.probabilities.shape for row in rows)
        difference = max(_distance(row, sample.probabilities) for row in rows) if same_shape else np.inf
        said = labels[int(rows[0].argmax())] if same_shape else "something else"
        differences.append(float(difference))
        if not difference <= TOLERANCE or said != sample.label:  # "not <=" also catches NaN
            wrong.append((float(difference), sample, said))
    if wrong:
        _refuse(wrong, len(golden))
    return max(differences)


def _distance(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    distance = float(np.abs(found.astype(np.float64) - expected).max())
    return distance if np.isfinite(distance) else float("inf")


def _refuse(wrong: list[tuple[float, GoldenSample, str]], total: int) -> None:
    worst, sample, said = max(wrong, key=lambda item: item[0])
    raise BundleError(
        f"the exported graph and the network disagree on {len(wrong)} of {total} photos; the largest difference is "
        f"{worst:.2g}, for {sample.file}: the network says {sample.label}, the graph {said}",
        expected=f"the same labels, and probabilities within {TOLERANCE:g}",
        remedy="no bundle was written; please report this together with the network's name",
    )


def _onnx_answers(model: bytes, photos: Sequence[NDArray[np.uint8]]) -> list[list[NDArray[np.float32]]]:
    """For each photo the (C,) probabilities when it goes in alone, and when it goes in with all of its size."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        answers = [[_run(session, photo[None])[0]] for photo in photos]
        for places in _by_size(photos).values():
            batch = _run(session, np.stack([photos[place] for place in places]))
            for place, row in zip(places, batch, strict=True):
                answers[place].append(row)
    except Exception as error:  # ONNX Runtime's own errors share no base class but this
        raise BundleError(
            f"ONNX Runtime refuses the exported graph: {str(error).splitlines()[0]}",
            expected="a graph that it can run on photos of any size",
            remedy="no bundle was written; please report this together with the network's name",
        ) from error
    return answers


def _run(session: Any, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(session.run([OUTPUT], {INPUT: photos})[0], dtype=np.float32)


def _by_size(photos: Sequence[NDArray[np.uint8]]) -> Mapping[tuple[int, ...], list[int]]:
    places: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, photo in enumerate(photos):
        places[photo.shape].append(place)
    return places
