"""Why an answer came out as it did: where the network looked, which photos it learnt from are most alike.

Saliency is SmoothGrad (Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise"): the gradient of
the answer's logit with respect to the pixels, averaged over noisy copies. It needs nothing of a network but
its gradient, so it serves every family. It shows where the answer is sensitive, not why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.core.errors import DataError
from fingerspell.core.preprocess import normalise
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.data.joined import Pixels
from fingerspell.lab.nets.model import Model

COPIES = 16
NOISE = 0.15
"""Standard deviation of the noise as a share of a photo's own range, within the paper's 10–20%."""
_CAP = 0.99  # a few extreme pixels would leave all others black; the paper caps at this percentile too
_BLUR = 32  # the map is averaged over a window of 1/32 of the photo's height, so that people can read it


def saliency(
    model: Model,
    pixels: NDArray[np.uint8],
    columns: Sequence[int] | NDArray[np.int64],
    *,
    copies: int = COPIES,
    noise: float = NOISE,
    seed: int = 0,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Where an answer is sensitive to the photo.

    Args:
        model: the network; it is used in evaluation mode and put back as it was.
        pixels: (N, h, w, 3) uint8, of the network's size.
        columns: (N,) for which label of the model each map is made (usually the answer).
        copies: noisy copies averaged for each photo.
        noise: standard deviation as a share of the photo's range of values.
        seed: of the noise: the same photos give the same maps.
        progress: called after each photo.

    Returns:
        (N, h, w) float32 in 0–1; 1 where it matters most. All 0 where the answer depends on no pixel.
    """
    generator = torch.Generator().manual_seed(seed)
    was_training = model.net.training
    needed = [parameter.requires_grad for parameter in model.net.parameters()]
    model.net.eval().requires_grad_(False)
    found = np.zeros(pixels.shape[:3], dtype=np.float32)
    try:
        for index, column in enumerate(columns):
            photo = torch.from_numpy(normalise(pixels[index], model.preprocess))
            draws = torch.randn((copies, *photo.shape), generator=generator)
            found[index] = _map(model, photo, int(column), draws * noise).numpy()
            progress("drawing saliency", index + 1, len(pixels))
    finally:
        model.net.train(was_training)
        for parameter, need in zip(model.net.parameters(), needed, strict=True):
            parameter.requires_grad_(need)
    return found


def _map(model: Model, photo: Tensor, column: int, draws: Tensor) -> Tensor:
    """(h, w) in 0–1 of one photo (3, h, w), from noise of shape (copies, 3, h, w) relative to its range."""
    where = next(model.net.parameters()).device
    noisy = (photo + draws * (photo.max() - photo.min())).to(where).requires_grad_()
    with torch.enable_grad():
        logits = cast(Tensor, model.net(noisy))[:, column]
        (gradient,) = torch.autograd.grad(logits.sum(), noisy)  # (copies, 3, h, w)
    strength = gradient.mean(dim=0).abs().amax(dim=0).cpu()  # (h, w)
    window = max(1, strength.shape[0] // _BLUR) // 2 * 2 + 1
    smooth = F.avg_pool2d(strength[None], window, stride=1, padding=window // 2, count_include_pad=False)[0]
    cap = torch.quantile(smooth.flatten(), _CAP)
    if cap <= 0:
        cap = smooth.max()
    return (smooth / cap).clamp(0, 1) if cap > 0 else torch.zeros_like(smooth)


def features(
    model: Model,
    pixels: Pixels,
    rows: NDArray[np.intp] | Sequence[int],
    batch: int = 64,
    *,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """The network's penultimate features: (rows, h, w, 3) uint8 and N row numbers → (N, D) float32."""
    places = np.asarray(rows, dtype=np.intp)
    where = next(model.net.parameters()).device
    was_training = model.net.training
    model.net.eval()
    found = []
    try:
        with torch.no_grad():
            for start in range(0, len(places), batch):
                some = normalise(pixels[places[start : start + batch]], model.preprocess)
                found.append(model.net.features(torch.from_numpy(some).to(where)).cpu().numpy())
                progress("comparing with training photos", min(start + batch, len(places)), len(places))
    finally:
        model.net.train(was_training)
    if not found:
        raise DataError("there are no photos to take features of", expected="at least one photo")
    return np.concatenate(found).astype(np.float32, copy=False)


def nearest(
    queries: NDArray[np.float32], references: NDArray[np.float32], count: int = 3, chunk: int = 4096
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The references most alike, by the cosine of the angle between features.

    Args:
        queries: (Q, D).
        references: (R, D).
        count: how many for each query; fewer where there are fewer references.
        chunk: references compared at once.

    Returns:
        (Q, count) positions in `references`, most alike first (of equals the earlier one); and their cosines,
        in −1…1. A feature vector of length 0 is like nothing: cosine 0.
    """
    own = _unit(queries)
    best = np.full((len(queries), 0), -np.inf, dtype=np.float32)
    places = np.zeros((len(queries), 0), dtype=np.intp)
    for start in range(0, len(references), chunk):
        some = own @ _unit(references[start : start + chunk]).T  # (Q, chunk)
        best = np.concatenate([best, some], axis=1)
        places = np.concatenate([places, np.broadcast_to(np.arange(start, start + some.shape[1]), some.shape)], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(best, order, axis=1)
        places = np.take_along_axis(places, order, axis=1)
    return places, best


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def worst_mistakes(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], count: int = 12, per_pair: int = 1
) -> NDArray[np.intp]:
    """The photos that were named wrong with the most confidence.

    Frames of one recording go wrong together; so that they do not fill the page, a confusion (truth, answer)
    is shown `per_pair` times, and again only when all others have had their turn.

    Args:
        probabilities: (N, C).
        truth: (N,) columns.
        count: at most so many.
        per_pair: of each confusion at first.

    Returns:
        Positions of photos, most confident first; empty where every answer is right.
    """
    said = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    wrong = np.flatnonzero(said != truth)
    ordered = wrong[np.argsort(-sure[wrong], kind="stable")]
    first: list[int] = []
    again: list[int] = []
    seen: dict[tuple[int, int], int] = {}
    for index in ordered:
        pair = (int(truth[index]), int(said[index]))
        seen[pair] = seen.get(pair, 0) + 1
        (first if seen[pair] <= per_pair else again).append(int(index))
    chosen = np.array((first + again)[:count], dtype=np.intp)
    return chosen[np.argsort(-sure[chosen], kind="stable")]
