"""Where compiled code is kept: with the other caches, apart by content, and elsewhere if that cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import numba

from fingerspell.lab import kernels

USE = """
import numpy as np, numba
before = numba.config.CACHE_DIR
from fingerspell.lab.augment_kernels import scale
assert numba.config.CACHE_DIR == before
out = np.empty((2, 2, 3), np.float32)
scale(np.full((2, 2, 3), 255, np.uint8), out)
print(float(out.min()), sum(scale.stats.cache_hits.values()))
"""


CHANGE = """
import hashlib
import numpy as np
from fingerspell.lab.augment import draw, policy
from fingerspell.lab.augment_cpu import change
numbers = np.random.default_rng(0)
photos = numbers.integers(0, 256, (16, 80, 80, 3), dtype=np.uint8)
draws = draw(policy("strong"), 1, 2, numbers.integers(0, 2**60, 16).astype(np.uint64), 80, 80)
for size in ((80, 80), (40, 40)):
    print(hashlib.sha256(change(photos, np.arange(16), draws, size).tobytes()).hexdigest())
"""


def run(cache: Path, code: str = USE, **environment: str) -> list[str]:
    settings = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    settings |= {"FINGERSPELL_CACHE": str(cache)} | environment
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=settings, check=True)
    return done.stdout.split()


def test_compiled_once_for_later_runs(tmp_path):
    assert run(tmp_path) == ["1.0", "0"]
    assert list((tmp_path / "kernels").rglob("*.nbc"))
    assert run(tmp_path) == ["1.0", "1"]


def test_numbas_own_setting_is_kept_to(tmp_path):
    assert run(tmp_path / "ours", NUMBA_CACHE_DIR=str(tmp_path / "theirs")) == ["1.0", "0"]
    assert list((tmp_path / "theirs").rglob("*.nbc"))
    assert not (tmp_path / "ours").exists()


def test_where_caches_cannot_be_written_it_works_all_the_same(tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert run(tmp_path / "file", TMPDIR=str(tmp_path)) == ["1.0", "0"]


def test_another_version_has_a_place_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path))
    source = tmp_path / "source.py"
    source.write_text("one")
    first = kernels._folder(source)
    assert kernels._folder(source) == first
    source.write_text("two")
    assert kernels._folder(source) != first
    source.write_text("one")
    monkeypatch.setattr(numba, "__version__", "0")
    assert kernels._folder(source) != first


def test_who_compiles_rounds_as_who_loads(tmp_path):
    """Or a run that is killed in the first process of a machine would not go on as if it had not been."""
    compiled = run(tmp_path, CHANGE)
    assert run(tmp_path, CHANGE) == compiled
