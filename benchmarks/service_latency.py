"""How long the service takes to answer: photos over HTTP, and frames on a stream.

    python benchmarks/service_latency.py BUNDLE [--requests 300] [--seconds 10]

Starts `fingerspell live BUNDLE` in a process of its own and asks it on this machine, with a photo of the bundle at
200×200 pixels as JPEG: POST /v1/predict on 1 and on 8 connections that are kept open, then a stream of 30 frames a
second. Times are the client's, from the first byte sent to the last one read. Prints a table for people and one JSON
line last.
"""

from __future__ import annotations

import argparse
import io
import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from websockets.sync.client import connect

from fingerspell.core.bundle import read_bundle
from fingerspell.core.provenance import machine, now, versions

SIDE = 200
CONNECTIONS = (1, 8)
FRAMES_A_SECOND = 30
WARM_UP = 20


@contextmanager
def service(bundle: Path) -> Iterator[str]:
    """The address of a service that runs."""
    command = [sys.executable, "-m", "fingerspell.cli.main", "live", str(bundle), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip().rstrip("/")
        finally:
            process.terminate()


def photo_of(bundle: Path) -> bytes:
    buffer = io.BytesIO()
    sample = read_bundle(bundle).golden[0].data
    Image.open(io.BytesIO(sample)).convert("RGB").resize((SIDE, SIDE)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def posted(address: str, photo: bytes, connections: int, requests: int) -> tuple[list[float], float]:
    """Seconds of each request, and of all together."""

    def client(count: int) -> list[float]:
        times = []
        with httpx.Client(base_url=address, timeout=30) as http:
            for _ in range(WARM_UP):
                http.post("/v1/predict", content=photo).raise_for_status()
            ready.wait()
            for _ in range(count):
                start = time.perf_counter()
                http.post("/v1/predict", content=photo).raise_for_status()
                times.append(time.perf_counter() - start)
        return times

    ready = threading.Barrier(connections + 1)
    with ThreadPoolExecutor(connections) as pool:
        running = [pool.submit(client, requests // connections) for _ in range(connections)]
        ready.wait()
        start = time.perf_counter()
        times = [each for client_times in running for each in client_times.result()]
        return times, time.perf_counter() - start


def streamed(address: str, photo: bytes, seconds: float) -> tuple[list[float], int, int]:
    """Seconds from a frame to its reading; frames sent; frames dropped."""
    sent: dict[float, float] = {}
    times: list[float] = []
    dropped = 0
    with connect(address.replace("http", "ws") + "/v1/stream") as stream:
        stream.send('{"type": "hello"}')
        stream.recv()
        frames = int(seconds * FRAMES_A_SECOND)

        def send() -> None:
            start = time.perf_counter()
            for number in range(frames):
                at = number / FRAMES_A_SECOND
                time.sleep(max(start + at - time.perf_counter(), 0))
                sent[at] = time.perf_counter()
                stream.send(struct.pack("<d", at) + photo)

        sender = threading.Thread(target=send)
        sender.start()
        while True:
            answer = json.loads(stream.recv(10))
            times.append(time.perf_counter() - sent[answer["seconds"]])
            dropped = answer["dropped"]
            if len(times) + dropped == frames:
                break
        sender.join()
    return times, frames, dropped


def row(name: str, times: list[float], **more: object) -> dict[str, object]:
    milliseconds = np.array(times) * 1000
    found = {
        "what": name,
        "requests": len(times),
        "median_ms": round(float(np.median(milliseconds)), 2),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 2),
        "slowest_ms": round(float(milliseconds.max()), 2),
        **more,
    }
    extra = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in more.items())
    print(f"{name:<34} {len(times):>6} {found['median_ms']:>9} {found['p95_ms']:>8} {found['slowest_ms']:>9}  {extra}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="latency of the service")
    parser.add_argument("bundle", type=Path, help="a bundle made by 'fingerspell export'")
    parser.add_argument("--requests", type=int, default=300, help="of each row over HTTP")
    parser.add_argument("--seconds", type=float, default=10, help="of the stream")
    arguments = parser.parse_args()
    photo, results = photo_of(arguments.bundle), []
    with service(arguments.bundle) as address:
        print(f"{'':<34} {'times':>6} {'median ms':>9} {'p95 ms':>8} {'slowest':>9}")
        for connections in CONNECTIONS:
            times, together = posted(address, photo, connections, arguments.requests)
            name = f"POST /v1/predict, {connections} connection{'s' * (connections > 1)}"
            results.append(row(name, times, requests_a_second=round(len(times) / together, 1)))
        times, frames, dropped = streamed(address, photo, arguments.seconds)
        name = f"stream, {FRAMES_A_SECOND} frames a second"
        results.append(row(name, times, frames=frames, dropped=dropped))
    print(
        json.dumps(
            {
                "benchmark": "service_latency",
                "made": now(),
                "machine": machine(),
                "versions": versions(),
                "photo": {"side": SIDE, "bytes": len(photo)},
                "results": results,
            }
        )
    )


if __name__ == "__main__":
    main()
