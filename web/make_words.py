"""Write the page's word list, `web/public/words.json`: `python web/make_words.py`; needs the `words` part.

The most frequent English words of pyspellchecker (MIT licence), for completing words in the page, where no Python is.
Words that are never proposed are left out, and so are possessives made by rule.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np

from fingerspell.core.durable import write_bytes
from fingerspell.live.words.lexicon import english

TARGET = Path(__file__).parent / "public" / "words.json"
WORDS = 10_000
STEPS = 10  # steps of the natural logarithm of a count, each a tenth
NOTE = (
    "English words by how often they occur in film subtitles, most frequent first. From pyspellchecker, "
    "https://github.com/barrust/pyspellchecker, copyright Tyler Barrus, MIT licence; counts after P. Lison and "
    "J. Tiedemann, OpenSubtitles2016. words: A to Z, separated by spaces. runs: pairs in the words' order, "
    "how many words and the natural logarithm of the share of each in all that is said, in tenths (-30: e^-3)."
)


def main() -> None:
    """Write the file."""
    lexicon = english()
    chosen = np.flatnonzero(~lexicon.coarse)[:WORDS]
    share = np.log(lexicon.counts[chosen] / lexicon.counts.sum())
    levels, lengths = runs(np.round(share * STEPS).astype(np.int64))
    told = {
        "note": NOTE,
        "licence": licence(),
        "runs": [[int(length), int(level)] for length, level in zip(lengths, levels, strict=True)],
        "words": " ".join(lexicon.words[place] for place in chosen),
    }
    data = json.dumps(told, separators=(",", ":")).encode()
    write_bytes(TARGET, data + b"\n")
    print(f"{TARGET.name}  {len(chosen)} words  {len(data)} bytes")  # noqa: T201


def licence() -> str:
    """The text of pyspellchecker's licence, which goes with every copy."""
    text = metadata.distribution("pyspellchecker").read_text("licenses/LICENSE")
    if text is None:
        raise FileNotFoundError("the licence of pyspellchecker is not installed with it")
    return text.strip()


def runs(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[list[int], list[int]]:
    """The values, each repeated one once, and how often each is repeated."""
    starts = np.flatnonzero(np.diff(values, prepend=values[0] + 1))
    return values[starts].tolist(), np.diff(starts, append=len(values)).tolist()


if __name__ == "__main__":
    main()
