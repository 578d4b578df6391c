"""The record of where a result comes from."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata

import fingerspell
from fingerspell.core import provenance


def test_versions_of_what_is_installed():
    found = provenance.versions(("numpy", "surely-not-installed"))
    assert found == {
        "fingerspell": fingerspell.__version__,
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
    }


def test_asking_for_versions_imports_nothing_heavy():
    program = (
        "import sys; from fingerspell.core.provenance import provenance; provenance(); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_record_is_json_and_carries_seed_and_digests():
    record = json.loads(json.dumps(provenance.provenance(seed=3, data="abc", recipe="def"), allow_nan=False))
    assert record["seed"] == 3
    assert record["digests"] == {"data": "abc", "recipe": "def"}
    assert record["machine"]["cores"] == os.cpu_count()
    assert record["machine"]["processor"]
    assert abs((datetime.fromisoformat(record["made"]) - datetime.now(UTC)).total_seconds()) < 10


def test_a_system_that_does_not_tell(monkeypatch):
    def refuse(*_):
        raise ValueError

    monkeypatch.setattr(os, "sysconf", refuse)
    monkeypatch.setattr(provenance, "Path", lambda _: type("", (), {"read_text": lambda self: ""})())
    assert provenance.memory_bytes() is None
    assert provenance.machine()["memory_gib"] is None
    assert provenance.processor() == (platform.processor() or platform.machine())
