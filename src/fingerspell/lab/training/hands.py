"""What a network that learns hands is told beside the letter: where the landmarks are, and which hand it sees."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fingerspell.lab.data.shapes import LEFT, UNKNOWN
from fingerspell.lab.framing import Seen
from fingerspell.lab.nets.hand import HandNetwork
from fingerspell.lab.nets.landmarks import REACH
from fingerspell.lab.recipe import HandSettings

_OUTSIDE = 0.05  # landmarks further out of the photo than this, in its sides, cannot be known from it
_SMALL = 0.02  # distances below this count by their square
_BLUR = 0.8  # cells of a heat map: the standard deviation of what it should show


def hand_loss(
    net: HandNetwork, photos: Tensor, labels: Tensor, seen: Seen, settings: HandSettings, label_smoothing: float
) -> tuple[Tensor, Tensor]:
    """The loss of letters, landmarks and handedness together.

    Letters are learnt from photos that are not mirrored on purpose. A step without a known hand learns letters alone.

    Args:
        net: the network.
        photos: (N, 3, h, w), normalised.
        labels: (N,) int64.
        seen: of the same photos.
        settings: the weights of the losses.
        label_smoothing: of the letters' cross-entropy.

    Returns:
        The loss, and the letters' logits (N, classes).
    """
    said = net.learn(photos)
    hands = torch.from_numpy(seen.hands.astype("int64")).to(photos.device)
    logits = said.logits.float()
    each = F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction="none")
    proper = (hands != LEFT).float()
    loss = (each * proper).sum() / proper.sum().clamp_min(1)
    truth = torch.from_numpy(seen.landmarks).to(photos.device)
    inside = ((truth > -_OUTSIDE) & (truth < 1 + _OUTSIDE)).all(dim=2)  # NaN is not inside
    truth, count = torch.nan_to_num(truth), inside.sum().clamp_min(1)
    loss = loss + settings.landmarks * (_distances(said.landmarks.float(), truth) * inside).sum() / count
    if settings.heat:
        loss = loss + settings.heat * (_entropies(said.heat.float(), truth) * inside).sum() / count
    known = hands != UNKNOWN
    if known.any():
        loss = loss + settings.handedness * F.cross_entropy(said.hands.float()[known], hands[known])
    return loss, logits


def _distances(said: Tensor, truth: Tensor) -> Tensor:
    """(N, 21, 2) twice → (N, 21), Huber's distance of each landmark."""
    return F.smooth_l1_loss(said, truth, beta=_SMALL, reduction="none").sum(dim=2)


def _entropies(raw: Tensor, truth: Tensor) -> Tensor:
    """(N, 21, h, w) logits, (N, 21, 2) → (N, 21), the cross-entropy of each map against a blurred point.

    It teaches the map at every place, and sooner than the distance of the mean place does.
    """
    height, width = raw.shape[2:]
    at = (truth - 0.5) / REACH + 0.5
    down, across = _blurred(at[..., 1], height), _blurred(at[..., 0], width)
    log = torch.log_softmax(raw.flatten(2), dim=2).reshape(raw.shape)
    return -(log * down[..., None] * across[:, :, None]).sum(dim=(2, 3))


def _blurred(at: Tensor, cells: int) -> Tensor:
    """(N, 21) fractions of a map's side → (N, 21, cells), a blurred point that adds up to one."""
    middles = (torch.arange(cells, device=at.device) + 0.5) / cells
    return torch.softmax(-0.5 * ((middles - at[..., None]) * cells / _BLUR).square(), dim=-1)
