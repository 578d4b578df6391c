"""Large blocks stay in the process where there is glibc; elsewhere nothing happens."""

import ctypes
import subprocess
import sys

import pytest

from fingerspell.lab import allocator

FAULTS = """
import resource, sys
if sys.argv[1] == "lab": import fingerspell.lab
import numpy as np
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(12): np.empty(1 << 25, dtype=np.uint8)[::4096] = 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, "torch" in sys.modules)
"""


def faults(what: str) -> tuple[int, bool]:
    told = subprocess.run([sys.executable, "-c", FAULTS, what], capture_output=True, text=True, check=True).stdout
    return int(told.split()[0]), told.split()[1] == "True"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_importing_the_lab_saves_page_faults_and_comes_before_torch():
    if not allocator.keep_large_blocks():
        pytest.skip("the C library here has no mallopt")
    with_it, torch_loaded = faults("lab")
    assert with_it * 3 < faults("nothing")[0]
    assert not torch_loaded


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("asked for the C library"))
    assert allocator.keep_large_blocks() is False


@pytest.mark.parametrize("kind", [object, OSError])
def test_a_c_library_without_mallopt_is_left_alone(monkeypatch, kind):
    def load(_):
        if kind is OSError:
            raise OSError
        return kind()

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", load)
    assert allocator.keep_large_blocks() is False


def test_a_refused_setting_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: type("C", (), {"mallopt": staticmethod(lambda option, value: 0)}))
    assert allocator.keep_large_blocks() is False
