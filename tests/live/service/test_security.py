"""Tokens, names and sites."""

from __future__ import annotations

import pytest

from fingerspell.live.service.limits import ServiceError
from fingerspell.live.service.security import Access, is_local

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def guarded(launch, tmp_path_factory):
    page = tmp_path_factory.mktemp("guarded")
    (page / "index.html").write_text("<!doctype html>")
    service = launch(access=Access.listening_on("127.0.0.1", TOKEN), page=page)
    yield service
    service.stop()


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/bundle/model.onnx", "/bundle/finder.onnx", "/bundle/card.json", "/v1/predict", "/v1/anything"],
)
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ü"]
)
def test_what_is_guarded_needs_the_token(guarded, is_problem, path, given) -> None:
    headers = {"Authorization": b"" if given is None else given.encode()}
    answer = guarded.http.request("GET" if path != "/v1/predict" else "POST", path, headers=headers)
    is_problem(answer, 401, "token")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text


def test_with_the_token_it_is_given(guarded, photo) -> None:
    assert guarded.http.get("/metrics").status_code == 200
    assert guarded.http.get("/bundle/card.json").json()["labels"] == ["A", "B", "J", "nothing"]
    assert guarded.http.post("/v1/predict", content=photo()).status_code == 200
    headers = {"Authorization": f"bearer {TOKEN}"}
    assert guarded.http.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/openapi.json", "/docs"])
def test_the_page_and_the_states_are_public(guarded, path) -> None:
    assert guarded.http.get(path, headers={"Authorization": ""}).status_code == 200


@pytest.mark.parametrize(
    ("host", "fits"),
    [("localhost", True), ("LOCALHOST:1", True), ("localhost.", True), ("127.0.0.1:8000", True), ("[::1]:80", True),
     ("evil.example", False), ("evil.example:8000", False), ("127.0.0.1.evil.example", False), ("", False),
     ("localhost@evil.example", False), ("localhost:8000:9", False), ("[::1", False), ("192.168.1.5", False),
     ("localhost/", False), ("::1", False)],
)  # fmt: skip
def test_only_this_machines_names_are_answered_to(host, fits) -> None:
    assert Access.listening_on("127.0.0.1").admits_host(host) is fits


def test_a_missing_host_is_no_name() -> None:
    assert not Access().admits_host(None)


def test_who_listens_everywhere_answers_to_addresses_and_named_hosts_only() -> None:
    access = Access.listening_on("0.0.0.0", TOKEN, ["Sign.Example.org"])
    assert all(access.admits_host(host) for host in ("192.168.1.5:8000", "[fe80::1]", "localhost", "sign.example.org"))
    assert not access.admits_host("evil.example")
    assert access.admits_origin("https://sign.example.org", "127.0.0.1:8000")
    assert not access.admits_origin("https://localhost", "127.0.0.1:8000")


@pytest.mark.parametrize(
    ("origin", "fits"),
    [(None, True), ("http://localhost:8000", True), ("https://LOCALHOST:8000", True), ("http://localhost", False),
     ("http://localhost:8001", False), ("null", False), ("", False), ("https://evil.example", False),
     ("ftp://localhost:8000", False), ("http://[::1", False), ("localhost:8000", False)],
)  # fmt: skip
def test_only_its_own_page_may_use_it(origin, fits) -> None:
    assert Access().admits_origin(origin, "localhost:8000") is fits


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_nobody_listens_elsewhere_without_a_token(host) -> None:
    with pytest.raises(ServiceError) as refused:
        Access.listening_on(host)
    assert "token" in refused.value.expected
    assert "FINGERSPELL_TOKEN" in refused.value.remedy
    assert Access.listening_on(host, TOKEN).token == TOKEN


@pytest.mark.parametrize("token", ["", "short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeü"])
def test_a_token_must_be_one(token) -> None:
    with pytest.raises(ServiceError, match="token"):
        Access.listening_on("127.0.0.1", token)


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True),
                                             ("Localhost", True), ("0.0.0.0", False), ("::", False),
                                             ("10.0.0.1", False), ("localhost.evil.example", False)])  # fmt: skip
def test_what_is_local(host, local) -> None:
    assert is_local(host) is local


def test_a_token_is_not_shown_with_the_rest() -> None:
    assert TOKEN not in repr(Access(token=TOKEN))


def test_without_a_token_any_is_right_and_with_one_only_that() -> None:
    assert Access().admits_token(None)
    access = Access(token=TOKEN)
    assert access.admits_token(TOKEN)
    assert not any(access.admits_token(given) for given in (None, "", TOKEN + "x", TOKEN[:-1], "\udcff"))
