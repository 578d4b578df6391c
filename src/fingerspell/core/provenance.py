"""Where a result comes from: versions, machine, seed, digests of data and recipe."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from fingerspell import __version__

PACKAGES = ("torch", "numpy", "pillow", "onnx", "onnxruntime")


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Installed versions by package name; a package that is absent is left out. Imports none of them."""
    found = {"fingerspell": __version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def memory_bytes() -> int | None:
    """Physical memory in bytes, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """The hardware and system that a result was made on."""
    memory = memory_bytes()
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def now() -> str:
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(*, seed: int | None = None, **digests: str) -> dict[str, Any]:
    """The record that runs, scores and bundles carry: time, versions, machine, seed, and digests by name."""
    return {"made": now(), "versions": versions(), "machine": machine(), "seed": seed, "digests": digests}
