"""`fingerspell live`: the page in the browser, and recognition over HTTP."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from fingerspell.cli import console
from fingerspell.cli.bundles import BundleArgument, bundle_or_default
from fingerspell.core.errors import MissingExtraError

_MIB = 1 << 20


def live_command(
    bundle: BundleArgument = None,
    host: Annotated[str, typer.Option(help="Address to listen on. Others than this machine need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; without it 8000 or the next free one.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="FINGERSPELL_TOKEN",
            help="What requests must bring. Rather set the variable: others on this machine can read a command line.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A further name under which the service is reached, through a proxy for instance."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    max_body: Annotated[int, typer.Option(min=1, help="Largest request, MiB.")] = 100,
    max_pixels: Annotated[int, typer.Option(min=1, help="Largest photo or frame, millions of pixels.")] = 25,
    max_video: Annotated[float, typer.Option(min=1, help="Longest video, seconds.")] = 120,
    max_time: Annotated[float, typer.Option(min=1, help="Longest recognition of one request, seconds.")] = 120,
    queue: Annotated[int, typer.Option(min=1, help="Requests that may wait or be recognised at once.")] = 16,
    streams: Annotated[int, typer.Option(min=1, help="Streams that may be open at once.")] = 8,
    drain: Annotated[float, typer.Option(min=0.1, help="Seconds for what runs when told to stop.")] = 20,
) -> None:
    """Open the page in the browser, and answer HTTP.

    The bundle is verified first. The address is printed once the service answers. Ctrl-C or SIGTERM stops it: what runs
    is ended first, and the exit code is 0. What each address takes and gives stands at /docs.

    Examples:

      fingerspell live

      fingerspell live asl.bundle --no-open --port 8000

      FINGERSPELL_TOKEN=… fingerspell live --host 0.0.0.0 --allow-host sign.example.org
    """
    _require("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client")
    from fingerspell.live.recognizer import Recognizer
    from fingerspell.live.service.context import Service
    from fingerspell.live.service.limits import Limits
    from fingerspell.live.service.security import Access, is_local
    from fingerspell.live.service.server import Server, address_of, listen

    limits = Limits(
        body_bytes=max_body * _MIB,
        pixels=max_pixels * 1_000_000,
        video_seconds=max_video,
        frames=max(int(max_video * 60), 1),
        request_seconds=max_time,
        waiting=queue,
        streams=streams,
        drain_seconds=drain,
    )
    access = Access.listening_on(host, token or None, allow_host or ())
    recognizer = Recognizer(bundle_or_default(bundle))
    recognizer.verify()
    with listen(host, port) as listener:
        address = address_of(host, listener)
        if not is_local(host):
            console.note("note: browsers give a page the camera only on this machine or over https (use a proxy)")

        def started() -> None:
            console.give(address)
            if open_page and not webbrowser.open(f"{address}#token={token}" if token else address):
                console.note("note: no browser could be opened; open the address yourself")

        Server(Service(recognizer, limits, access), started=started).run(sockets=[listener])


def _require(*modules: str) -> None:
    """Say which part is missing before anything is begun."""
    from importlib.util import find_spec

    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(module, "service")
