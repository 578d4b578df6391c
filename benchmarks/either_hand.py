"""Are left hands read as right ones are? A run with the recipe `hand` on photos of right hands and on mirrored ones.

    python benchmarks/either_hand.py RUN FOLDER [--every 4]

FOLDER must show right hands that the run has not learnt from. Rows: the network's answer as a network for right hands
alone; with the two views weighed by the handedness it has learnt alone; and as it is used (`lab/nets/hand.py`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fingerspell.core.preprocess import preprocess
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.nets.hand import HandNetwork
from fingerspell.lab.nets.model import Model
from fingerspell.lab.training.run import RunFolder


def answers(net: HandNetwork, photos: Tensor) -> dict[str, Tensor]:
    """Logits (N, classes) by row: of normalised photos (N, 3, h, w)."""
    plain, mirrored = net.learn(photos), net.learn(photos.flip(3))
    rather = (plain.hands[:, 0] - plain.hands[:, 1]) - (mirrored.hands[:, 0] - mirrored.hands[:, 1])
    right = torch.sigmoid(rather)[:, None]
    by_handedness = right * plain.logits + (1 - right) * mirrored.logits
    return {"right hands alone": plain.logits, "by handedness alone": by_handedness, "as it is used": net(photos)}


def main() -> None:
    """Answer, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take one photo of so many")
    options = parser.parse_args()
    model = Model.load(RunFolder.open(options.run).require_weights())
    net = model.net
    if not isinstance(net, HandNetwork):
        raise SystemExit(f"{options.run} is a run of {model.network}: it learns no hands")
    manifest = scan(options.folder)
    photos, right = manifest.photos[:: options.every], {"as taken": {}, "mirrored": {}}
    for start in range(0, len(photos), 128):
        some = photos[start : start + 128]
        pixels = [preprocess((manifest.root / photo.path).read_bytes(), model.preprocess) for photo in some]
        truth = torch.tensor([model.labels.index(photo.label) for photo in some])
        batch = torch.from_numpy(np.stack(pixels))
        with torch.no_grad():
            for side, shown in (("as taken", batch), ("mirrored", batch.flip(3))):
                for name, logits in answers(net, shown).items():
                    right[side][name] = right[side].get(name, 0) + int((logits.argmax(1) == truth).sum())
    shares = {side: {name: count / len(photos) for name, count in rows.items()} for side, rows in right.items()}
    print(f"{len(photos):,} photos of {options.folder.name}\n{'':<22}{'as taken':>10}{'mirrored':>10}")
    for name in shares["as taken"]:
        print(f"{name:<22}{shares['as taken'][name]:>10.1%}{shares['mirrored'][name]:>10.1%}")
    print(json.dumps({"photos": len(photos), "right": shares}))


if __name__ == "__main__":
    main()
