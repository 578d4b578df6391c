"""What is counted, for Prometheus: how many and how long, nothing of what a picture showed."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_REQUEST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_FRAME = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """The counters of one service, in a registry of their own.

    Args:
        queue_depth: asked for the places held whenever somebody looks.
        open_streams: asked for the open streams, likewise.
    """

    def __init__(self, queue_depth: Callable[[], int], open_streams: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "fingerspell_requests", "Requests that were answered", ["route", "method", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "fingerspell_request_seconds",
            "From a request's head to the end of its answer",
            ["route"],
            buckets=_REQUEST,
            registry=registry,
        )
        self.recognition_seconds = Histogram(
            "fingerspell_recognition_seconds",
            "Decoding and recognising one photo or frame",
            ["source"],
            buckets=_FRAME,
            registry=registry,
        )
        self.recognised = Counter(
            "fingerspell_frames_recognised", "Photos and frames recognised", ["source"], registry=registry
        )
        self.dropped = Counter(
            "fingerspell_frames_dropped", "Frames of streams that a newer one replaced", registry=registry
        )
        queue = Gauge("fingerspell_queue_depth", "Requests that are recognised or wait for it", registry=registry)
        queue.set_function(queue_depth)
        streams = Gauge("fingerspell_open_streams", "Streams that are open", registry=registry)
        streams.set_function(open_streams)

    def recognised_in(self, source: str, seconds: float, frames: int = 1) -> None:
        """Count frames of a source (`predict`, `spell`, `stream`) that together took some seconds."""
        self.recognised.labels(source).inc(frames)
        for _ in range(frames):
            self.recognition_seconds.labels(source).observe(seconds / frames)

    def page(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)
