"""What a network that learns hands is told beside the letter: where the landmarks are, and which hand it sees."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fingerspell.lab.data.shapes import LEFT, UNKNOWN
from fingerspell.lab.framing import Seen
from fingerspell.lab.nets.hand import HandNetwork
from fingerspell.lab.recipe import HandSettings

_OUTSIDE = 0.05  # landmarks further out of the photo than this, in its sides, cannot be known from it
_SMALL = 0.02  # distances below this count by their square


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
    loss = loss + settings.landmarks * _landmark_loss(said.landmarks.float(), seen)
    known = hands != UNKNOWN
    if known.any():
        loss = loss + settings.handedness * F.cross_entropy(said.hands.float()[known], hands[known])
    return loss, logits


def _landmark_loss(said: Tensor, seen: Seen) -> Tensor:
    """The mean distance (Huber's) over the landmarks that are known and not far out of the photo."""
    truth = torch.from_numpy(seen.landmarks).to(said.device)
    inside = ((truth > -_OUTSIDE) & (truth < 1 + _OUTSIDE)).all(dim=2)  # NaN is not inside
    distance = F.smooth_l1_loss(said, torch.nan_to_num(truth), beta=_SMALL, reduction="none").sum(dim=2)
    return (distance * inside).sum() / inside.sum().clamp_min(1)
