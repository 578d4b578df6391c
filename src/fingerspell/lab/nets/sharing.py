"""The work of a kernel shared among as many threads as torch uses. Kernels let other threads work meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec

import torch


@cache
def kernels_installed() -> bool:
    """Whether numba is here, which compiles them."""
    return find_spec("numba") is not None


def shared(count: int, work: Callable[[int, int], None]) -> None:
    """`work(first, last)` for stretches that make up 0 … count, side by side."""
    threads = min(torch.get_num_threads(), count)
    if threads < 2:
        work(0, count)
        return
    ends = [count * part // threads for part in range(threads + 1)]
    others = [_pool(threads - 1).submit(work, ends[part], ends[part + 1]) for part in range(1, threads)]
    work(0, ends[1])
    for other in others:
        other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="kernel")
