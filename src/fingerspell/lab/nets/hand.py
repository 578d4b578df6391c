"""A network for hands that it has never seen: letters, with landmarks and handedness learnt beside them.

The trunk is that of a small pre-activation ResNet (He et al. 2016). Beside the letters it learns where the 21 landmarks
of the hand are, which makes it look at the hand's shape instead of at what else tells photos of one collection apart;
and whether it sees a right hand or the mirror image of one. Heat maps of an eighth of the photo's side are too coarse
for that: `fine` ones have a quarter, with the coarse features added from above (Lin et al., "Feature Pyramid Networks",
2017).

Letters are learnt from right hands. When it is used, the network looks at a photo and at its mirror image, and weighs
the features of both by which of them shows a right hand: it is surer of the letter there, and of the hand; and most
people sign with the right one. The weights of these three were found with `hand-parts` on a person whom it had not
learnt from (`rooms`). `hand-fine` reads 89.2% of `rooms` so, and 87.9% of its mirror image; as a network for right
hands alone it would be 89.6% and 43.5% (benchmarks/either_hand.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fingerspell.lab.nets.blocks import Network, PreActivationBlock, global_average, he_conv
from fingerspell.lab.nets.landmarks import LANDMARKS, normalised, soft_places
from fingerspell.lab.nets.norming import norm_relu

_BY_LETTER, _BY_HAND, _MOSTLY_RIGHT = 2.0, 0.6, 1.0  # see above; a logit of the photo against its mirror image


@dataclass(frozen=True, eq=False, slots=True)
class Learnt:
    """What the network says while it learns.

    Attributes:
        logits: (N, classes).
        heat: (N, 21, h', w') logits of where each landmark is; see `landmarks.soft_places`.
        landmarks: (N, 21, 2), fractions of the photo.
        hands: (N, 2) logits of a right and of a left hand.
    """

    logits: Tensor
    heat: Tensor
    landmarks: Tensor
    hands: Tensor


class HandNetwork(Network):
    """Strided stem, three stages, and three heads.

    Args:
        classes: how many letters.
        height, width: of the input, pixels.
        stages: (channels, blocks) of each; all but the first halve the maps.
        parts: channels that are read at each landmark beside the mean of all places; 0 for none.
        fine: whether landmarks are looked for on maps of a quarter of the photo's side.
    """

    def __init__(
        self,
        classes: int,
        height: int,
        width: int,
        stages: tuple[tuple[int, int], ...] = ((32, 1), (64, 2), (128, 2)),
        parts: int = 0,
        fine: bool = False,
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
        self.finer = _Finer(stages[-2][0], inputs) if fine else None
        self._early = len(blocks) - stages[-1][1]  # blocks before the last stage
        read = stages[-2][0] if fine else inputs
        self.heat = nn.Conv2d(read, LANDMARKS, 1)
        self.hand = nn.Linear(inputs, 2)
        self.parts = nn.Conv2d(read, parts, 1, bias=False) if parts else None
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
        features, heat, landmarks, hands = self._look(photos)
        return Learnt(self.classify(features), heat, landmarks, hands)

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, D): of the photo and of its mirror image, weighed by which shows a right hand."""
        plain, _, _, hands = self._look(photos)
        mirrored, _, _, others = self._look(photos.flip(3))
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

    def _look(self, photos: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, h, w) → features (N, D), heat (N, 21, h', w'), landmarks (N, 21, 2), handedness (N, 2)."""
        early = self.blocks[: self._early](self.stem(photos))
        maps = norm_relu(self.norm, self.blocks[self._early :](early))
        mean = global_average(maps)
        if self.finer is not None:
            maps = self.finer(early, maps)
        raw = self.heat(maps)
        heat, landmarks = soft_places(raw)
        features = mean
        if self.parts is not None and self.mix is not None:
            read = heat @ self.parts(maps).flatten(2).transpose(1, 2).to(heat.dtype)  # (N, 21, parts)
            shape = torch.cat([read, normalised(landmarks.detach())], dim=2).flatten(1)
            features = torch.cat([mean.to(heat.dtype), self.mix(shape).to(heat.dtype)], dim=1)
        return features, raw, landmarks, self.hand(mean)


class _Finer(nn.Module):
    """Maps of the stage before the last, with what the last one sees added from above."""

    def __init__(self, channels: int, above: int) -> None:
        super().__init__()
        self.norm_beside = nn.BatchNorm2d(channels)
        self.beside, self.above = he_conv(channels, channels, 1), he_conv(above, channels, 1)
        self.norm_both = nn.BatchNorm2d(channels)
        self.join = he_conv(channels, channels, 3)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, early: Tensor, late: Tensor) -> Tensor:
        """(N, c, h, w), before its norm, and (N, C, h/2, w/2), behind it → (N, c, h, w)."""
        above = F.interpolate(self.above(late), size=early.shape[2:], mode="nearest")
        both = self.beside(norm_relu(self.norm_beside, early)) + above
        return norm_relu(self.norm, both + self.join(norm_relu(self.norm_both, both)))
