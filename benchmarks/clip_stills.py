"""Stills of clips, as photos in class folders: every fifth frame of each letter that does not move.

    python benchmarks/clip_stills.py CLIPS STILLS

CLIPS holds `SIGNER/LETTER.mp4`; STILLS gets `LETTER/SIGNER/FRAME.png`, which every command takes as a folder of photos.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from fingerspell.live.frames.video import read_video

EVERY = 5
MOVING = ("J", "Z")


def stills_of(clips: Path, stills: Path) -> int:
    """Cut every fifth frame out of the clips of letters that do not move. Returns how many there are."""
    count = 0
    for clip in sorted(clips.glob("*/*")):
        letter = clip.stem.upper()
        if len(letter) != 1 or letter in MOVING:
            continue
        folder = stills / letter / clip.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for index, frame in enumerate(read_video(clip)):
            if index % EVERY == 0:
                Image.fromarray(np.ascontiguousarray(frame.pixels)).save(folder / f"{index:04d}.png")
                count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("stills", type=Path)
    asked = parser.parse_args()
    count = stills_of(asked.clips, asked.stills)
    if not count:
        sys.exit(f"{asked.clips}: no clips, SIGNER/LETTER.mp4, in it")
    print(f"{count} stills in {asked.stills}")


if __name__ == "__main__":
    main()
