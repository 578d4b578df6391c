"""/docs: the description that OpenAPI holds, as one plain page that needs no scripts and nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fingerspell.live.service.problems import KINDS

_CODE = re.compile(r"`([^`]*)`")
_STRONG = re.compile(r"\*\*([^*]*)\*\*")


def docs_page(openapi: Mapping[str, Any]) -> str:
    """Lay out an OpenAPI description as HTML; each kind of problem has an anchor of its name."""
    return "\n".join(_lines(openapi))


def _lines(openapi: Mapping[str, Any]) -> Iterator[str]:
    title = escape(openapi["info"]["title"])
    yield f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}: the service</title>'
    yield '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    yield f"<h1>{title}: the service</h1>"
    yield from _paragraphs(openapi["info"]["description"])
    yield '<p>For programs: <a href="openapi.json">openapi.json</a></p><h2>Addresses</h2>'
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
            yield from _operation(operation)
    yield "<h2>Problems</h2><dl>"
    for kind in KINDS:
        again = f" It may be sent again after {kind.retry_after} s (Retry-After)." if kind.retry_after else ""
        yield f'<dt id="{kind.name}"><code>{kind.status} {kind.name}</code></dt><dd>{escape(kind.title)}.{again}</dd>'
    yield "</dl></html>"


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    yield from _paragraphs(f"{operation.get('summary', '')}. {operation.get('description', '')}")
    if kinds := operation.get("requestBody", {}).get("content"):
        yield f"<p>Body: {', '.join(f'<code>{escape(kind)}</code>' for kind in kinds)}</p>"
    for each in operation.get("parameters", []):
        yield f"<p>?<code>{escape(each['name'])}</code>: {escape(each.get('description', ''))}</p>"
    yield "<dl>"
    for status, answer in operation.get("responses", {}).items():
        yield f"<dt>{escape(status)} {escape(answer['description'])}</dt>"
        for content in answer.get("content", {}).values():
            for each in content.get("examples", {}).values():
                yield f"<dd><pre>{escape(_pretty(each['value']))}</pre></dd>"
    yield "</dl>"


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        coded = _CODE.sub(r"<code>\1</code>", escape(paragraph))
        strong = _STRONG.sub(r"<strong>\1</strong>", coded)
        yield f"<p>{strong}</p>"
