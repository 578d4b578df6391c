"""Which of both recognises is always said; a lost service, a lost network and a broken runtime are got over."""

from __future__ import annotations

import re

from chromium import READY
from test_spelling import text_of, wait_for_text

TOKEN = "a-token-that-is-long-enough"


def by_service(page) -> None:
    page.check("input[name=place][value=service]", force=True)
    page.wait_for_selector(f"{READY}[data-place=service]")


def test_a_service_that_dies_is_missed_and_found_again(camera, serve, drawn_bundle, shoot):
    first = serve(drawn_bundle)
    with camera() as tab:
        page = tab.go(first.address)
        by_service(page)
        page.click("#camera")
        wait_for_text(page, "B")
        kept = text_of(page)
        first.kill()
        page.wait_for_selector(".where[data-state=waiting]")
        assert page.inner_text("#place") == "By the service at 127.0.0.1: no connection"
        assert re.search(r"Trying again in \d+ s", page.inner_text("#place-detail"))
        shoot(page, "service-lost-1280-light")
        assert text_of(page).startswith(kept), "the text is kept"
        serve(drawn_bundle, port=first.port)
        page.wait_for_selector(f"{READY}[data-place=service]")
        before = text_of(page)
        page.wait_for_function("text => document.getElementById('text').textContent.length > text.length", arg=before)
        assert page.inner_text("#place") == "By the service at 127.0.0.1"


def test_without_a_network_the_page_goes_on_by_itself(camera, site):
    with camera() as tab:
        page = tab.go(site)
        page.context.set_offline(True)
        page.wait_for_function("() => document.getElementById('place-detail').textContent.includes('offline')")
        assert page.inner_text("#place") == "In this page: nothing is sent"
        page.click("#camera")
        wait_for_text(page, "B")
        page.context.set_offline(False)
        page.wait_for_function("() => document.getElementById('place-detail').hidden")


def test_a_runtime_that_does_not_load_is_replaced_by_the_service(camera, service):
    with camera() as tab:
        tab.page.route("**/*.wasm", lambda route: route.abort())
        page = tab.go(service.address, f"{READY}[data-place=service]")
        assert page.inner_text("#place") == "By the service at 127.0.0.1"
        assert "inside the page cannot be used" in page.inner_text("#place-detail")
        page.click("#camera")
        wait_for_text(page, "B")
        page.click("#camera")
        tab.page.unroute("**/*.wasm")
        page.check("input[name=place][value=service]", force=True)
        page.check("input[name=place][value=page]", force=True)
        page.wait_for_selector(f"{READY}[data-place=page]")


def test_a_model_that_is_missing_on_a_static_host_is_said(camera, site):
    with camera() as tab:
        tab.page.route("**/model.onnx", lambda route: route.fulfill(status=404))
        page = tab.go(site, ".where[data-state=failed]")
        assert page.inner_text("#place") == "Not working"
        assert "model.onnx cannot be fetched (404)" in page.inner_text("#place-detail")
        assert page.locator("input[name=place]").count() == 0, "there is no service to choose"
        page.click("#tab-signs")
        assert page.locator(".chart li").count() == 6


def test_a_damaged_model_and_a_damaged_card_are_said(camera, site):
    with camera() as tab:
        tab.page.route("**/model.onnx", lambda route: route.fulfill(body=b"no model"))
        page = tab.go(site, ".where[data-state=failed]")
        assert "cannot be used" in page.inner_text("#place-detail")
        tab.page.route("**/card.json", lambda route: route.fulfill(body="{"))
        page = tab.go(site, ".where[data-state=failed]")
        assert "card is damaged" in page.inner_text("#place-detail")


def test_a_token_comes_with_the_address_and_is_taken_out_of_sight(camera, serve, drawn_bundle):
    guarded = serve(drawn_bundle, token=TOKEN)
    with camera() as tab:
        page = tab.go(guarded.address, ".where[data-state=failed]")
        assert "token" in page.inner_text("#place-detail")
        tab.page.goto("about:blank")
        page = tab.go(f"{guarded.address}#token={TOKEN}")
        assert TOKEN not in page.url
        assert page.get_attribute(".where", "data-place") == "page"
        by_service(page)
        page.reload()  # kept for this tab
        page.wait_for_selector(f"{READY}[data-place=service]")
        assert TOKEN not in page.evaluate("JSON.stringify(localStorage)")
