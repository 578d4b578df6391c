"""A network for hands that it has never seen: letters, with landmarks and handedness learnt beside them.

The trunk is that of a small pre-activation ResNet (He et al. 2016). Beside the letters it learns where the 21 landmarks
of the hand are, as the mean place under a softmax of a heat map (Sun et al., "Integral Human Pose Regression", 2018),
which makes it look at the hand's shape instead of at what else tells photos of one collection apart; and whether it
sees a right hand or the mirror image of one.

Letters are learnt from right hands. When it is used, the network looks at a photo and at its mirror image, and weighs
the features of both by which of them shows a right hand: it is surer of the letter there, and of the hand; and most
people sign with the right one. The weights of these three were found on a person whom it had not learnt from: of
`rooms`, 82% instead of 84% are read right, and of its mirror image 73% instead of 20% (records/).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fingerspell.lab.nets.blocks import Network, PreActivationBlock, global_average, he_conv
from fingerspell.lab.nets.norming import norm_relu

LANDMARKS = 21
_BY_LETTER, _BY_HAND, _MOSTLY_RIGHT = 2.0, 0.6, 1.0  # see above; a logit of the photo against its mirror image
_REACH = 1.25  # landmarks may lie this far outside the photo, as a multiple of its half-side


@dataclass(frozen=True, eq=False, slots=True)
class Learnt:
    """What the network says while it learns.

    Attributes:
        logits: (N, classes).
        landmarks: (N, 21, 2), fractions of the photo.
        hands: (N, 2) logits of a right and of a left hand.
    """

    logits: Tensor
    landmarks: Tensor
    hands: Tensor


class HandNetwork(Network):
    """Strided stem, three stages, and three heads.

    Args:
        classes: how many letters.
        height, width: of the input, pixels.
        stages: (channels, blocks) of each; all but the first halve the maps.
        parts: channels that are read at each landmark beside the mean of all places; 0 for none.
    """

    def __init__(
        self,
        classes: int,
        height: int,
        width: int,
        stages: tuple[tuple[int, int], ...] = ((32, 1), (64, 2), (128, 2)),
        parts: int = 0,
    ) -> None:
        super().__init__()
        inputs = stages[0][0]
        self.stem = he_conv(3, inputs, 5, stride=2)
        blocks = []
        for stage, (channels, count) in enumerate(stages):
            for number in range(count):
                blocks.append(PreActivationBlock(inputs, channels, 2 if number == 0 and stage > 0 else 1))
                inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(inputs)
        self.heat = nn.Conv2d(inputs, LANDMARKS, 1)
        self.hand = nn.Linear(inputs, 2)
        self.parts = nn.Conv2d(inputs, parts, 1, bias=False) if parts else None
        width_of_parts = 256 if parts else 0
        self.mix = (
            nn.Sequential(
                nn.Linear(LANDMARKS * (parts + 2), width_of_parts, bias=False),
                nn.BatchNorm1d(width_of_parts),
                nn.ReLU(),
            )
            if parts
            else None
        )
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(inputs + width_of_parts, classes)

    def learn(self, photos: Tensor) -> Learnt:
        """(N, 3, h, w) normalised photos, mostly of right hands → what is compared with the truth."""
        features, landmarks, hands = self._look(photos)
        return Learnt(self.classify(features), landmarks, hands)

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, D): of the photo and of its mirror image, weighed by which shows a right hand."""
        plain, _, hands = self._look(photos)
        mirrored, _, others = self._look(photos.flip(3))
        surer = self._sure(plain) - self._sure(mirrored)  # (N, 1)
        rather = (hands[:, :1] - hands[:, 1:]) - (others[:, :1] - others[:, 1:])
        right = torch.sigmoid(_BY_LETTER * surer + _BY_HAND * rather + _MOSTLY_RIGHT)
        return right * plain + (1 - right) * mirrored

    def _sure(self, features: Tensor) -> Tensor:
        """(N, D) → (N, 1), the logarithm of the most probable letter's probability."""
        best: Tensor = torch.log_softmax(self.classify(features), dim=1).amax(dim=1, keepdim=True)
        return best

    def classify(self, features: Tensor) -> Tensor:
        """(N, D) → (N, classes)."""
        logits: Tensor = self.output(self.dropout(features))
        return logits

    def _look(self, photos: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, h, w) → features (N, D), landmarks (N, 21, 2), handedness (N, 2)."""
        maps = norm_relu(self.norm, self.blocks(self.stem(photos)))
        mean = global_average(maps)
        heat = torch.softmax(self.heat(maps).flatten(2).float(), dim=2)  # (N, 21, h·w)
        places = _places(maps.shape[2], maps.shape[3], heat)  # (h·w, 2)
        landmarks = (heat.unsqueeze(3) * places).sum(dim=2)  # (N, 21, 2); a product of matrices would round to bfloat16
        features = mean
        if self.parts is not None and self.mix is not None:
            read = heat @ self.parts(maps).flatten(2).transpose(1, 2).to(heat.dtype)  # (N, 21, parts)
            shape = torch.cat([read, _normalised(landmarks.detach())], dim=2).flatten(1)
            features = torch.cat([mean.to(heat.dtype), self.mix(shape).to(heat.dtype)], dim=1)
        return features, landmarks, self.hand(mean)


def _places(height: int, width: int, like: Tensor) -> Tensor:
    """(h·w, 2): x and y of each place of a map, as fractions of the photo."""
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / width
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / height
    grid = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)
    return (grid - 0.5) * _REACH + 0.5


def _normalised(landmarks: Tensor) -> Tensor:
    """(N, 21, 2) landmarks about their middle, in their own spread."""
    about = landmarks - landmarks.mean(dim=1, keepdim=True)
    return about / (about.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-3)
