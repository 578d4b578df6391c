"""Who may use the service: names it answers to, tokens, and pages of other sites."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from fingerspell.live.service.lifecycle import Lifecycle
from fingerspell.live.service.limits import ServiceError
from fingerspell.live.service.problems import OTHER_SITE, STOPPING, TOKEN, WRONG_HOST, Problem

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

SHORTEST_TOKEN = 16
"""Characters. A token that can be guessed is none."""

_GUARDED = ("/v1", "/bundle", "/metrics")
_ANSWERED_WHILE_STOPPING = frozenset({"/healthz", "/readyz", "/metrics"})
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True)
class Access:
    """Who may use the service.

    Attributes:
        token: that every request for /v1, /bundle and /metrics must bring, or None.
        names: that the service answers to, in lower case, without ports.
        sites: further names whose pages may use it.
        any_address: whether it answers to every IP address, too. A page that points its own name at this machine
            (DNS rebinding) always comes with a name.
    """

    token: str | None = field(default=None, repr=False)
    names: frozenset[str] = LOCAL_NAMES
    sites: frozenset[str] = frozenset()
    any_address: bool = False

    @classmethod
    def listening_on(cls, host: str, token: str | None = None, allow_hosts: Iterable[str] = ()) -> Access:
        """The access that fits where the service listens.

        Args:
            host: the address or name it listens on.
            token: None where there is none.
            allow_hosts: further names under which it is reached, through a proxy for instance.

        Raises:
            ServiceError: it would be reachable from elsewhere without a token, or the token is none.
        """
        if token is None and not is_local(host):
            raise ServiceError(
                f"the service would listen on {host}, where others can reach it, without a token",
                expected="a token, or 127.0.0.1",
                remedy="set FINGERSPELL_TOKEN to what this prints: "
                "python -c 'import secrets; print(secrets.token_urlsafe(24))'",
            )
        if token is not None and (len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]+", token)):
            raise ServiceError(
                "the token is too short or holds characters that no header can carry",
                expected=f"at least {SHORTEST_TOKEN} letters, digits and signs without spaces",
                remedy="make one: python -c 'import secrets; print(secrets.token_urlsafe(24))'",
            )
        sites = frozenset(name.strip().lower() for name in allow_hosts)
        return cls(token, LOCAL_NAMES | {host.lower()} | sites, sites, _is_wildcard(host))

    def admits_token(self, given: str | None) -> bool:
        """Whether the token is the right one, told in the same time whatever was given."""
        if self.token is None:
            return True
        return hmac.compare_digest((given or "").encode("utf-8", "replace"), self.token.encode())

    def admits_host(self, host: str | None) -> bool:
        """Whether a request may name this host."""
        name = _name_of(host)
        if name is None:
            return False
        return name in self.names or (self.any_address and _is_address(name))

    def admits_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether the page that sends the request, if it is one, is ours."""
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
            name = parts.hostname
        except ValueError:
            return False
        if parts.scheme not in {"http", "https"} or name is None:
            return False
        return parts.netloc.lower() == (host or "").lower() or name in self.sites


def is_local(host: str) -> bool:
    """Whether only this machine reaches a service that listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name_of(host: str | None) -> str | None:
    """`LocalHost:8000` → `localhost`, `[::1]:8000` → `::1`; None for what is no host."""
    match = _HOST.fullmatch(host or "")
    return None if match is None else (match[1] or match[2]).lower().rstrip(".")


class Gate:
    """Lets in what may come in: the right name, the right site, the right token, and nothing while stopping.

    Streams bring their token in their first message, because a browser cannot set headers for them.

    Args:
        app: what is behind the gate.
        access: who may use it.
        lifecycle: whether the service is stopping.
    """

    def __init__(self, app: ASGIApp, access: Access, lifecycle: Lifecycle) -> None:
        self._app, self._access, self._lifecycle = app, access, lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request or a stream in, or answer it here."""
        if scope["type"] in {"http", "websocket"}:
            try:
                self._check(scope)
            except Problem as problem:
                await problem.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), str(scope["path"])
        host = headers.get("host")
        if not self._access.admits_host(host):
            raise Problem(WRONG_HOST, "The Host header is none of the names that --allow-host or --host gave.")
        if self._lifecycle.draining and path not in _ANSWERED_WHILE_STOPPING:
            raise Problem(STOPPING, "What was running is still answered; nothing new is.", {"Connection": "close"})
        if not path.startswith(_GUARDED):
            return
        if not self._access.admits_origin(headers.get("origin"), host):
            raise Problem(OTHER_SITE, "The Origin header names another site than the one this service answers to.")
        if scope["type"] == "http" and not self._access.admits_token(_bearer(headers)):
            detail = "Send the header 'Authorization: Bearer …' with the token that the service was started with."
            raise Problem(TOKEN, detail, {"WWW-Authenticate": "Bearer"})


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
