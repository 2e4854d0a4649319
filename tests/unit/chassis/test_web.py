"""What every page stands on: headers, languages, assets, errors as pages, sealed cookies, forms that are ours."""

import base64
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from deploy.config import PROJECT
from services.chassis.crypto import Keyring
from services.chassis.guard import check_sender
from services.chassis.http import create_app
from services.chassis.problems import Problem
from services.chassis.settings import Settings
from services.chassis.web import forms
from services.chassis.web.assets import Asset, MissingAsset
from services.chassis.web.forms import SealedCookie, check_form
from services.chassis.web.pages import BLANK, Pages
from services.chassis.web.problems import ProblemPages

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
TEMPLATE = """{% extends "chassis/base.html" %}
{% block title %}{{ t("问候", "Greeting") }}{% endblock %}
{% block content %}<p>{{ t("你好，{name}", "Hello, {name}", name=name) }}</p>{% endblock %}
"""


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    (tmp_path / "hello.html").write_text(TEMPLATE)
    pages = Pages(tmp_path)
    made = create_app("A site", "site", Settings(max_body_bytes=2048))
    pages.mount(made)

    async def hello(request: Request) -> Response:
        return pages.answer(request, "hello.html", name=request.query_params.get("name", "<b>"))

    async def blank(request: Request) -> Response:
        return pages.answer(request, "hello.html", cache=BLANK, name="")

    async def broken(request: Request) -> Response:
        raise ZeroDivisionError("13900000000")

    async def missing(request: Request) -> Response:
        return pages.answer(request, "hello.html")

    made.add_route("/hello", hello, methods=["GET", "POST"])
    for name, route in (("/blank", blank), ("/broken", broken), ("/v1/broken", broken), ("/missing", missing)):
        made.add_route(name, route)
    made.add_middleware(ProblemPages, pages=pages)
    return made


@pytest.fixture
def http(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://site", headers=BROWSER)


async def test_a_page_runs_nothing_inline_sends_no_referrer_is_framed_by_nobody_and_is_kept_nowhere(
    http: httpx.AsyncClient,
) -> None:
    headers = (await http.get("/hello")).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert (await http.get("/blank")).headers["cache-control"] == "no-cache"


async def test_what_people_wrote_is_escaped_and_a_missing_value_is_an_error(http: httpx.AsyncClient) -> None:
    assert "你好，&lt;b&gt;" in (await http.get("/hello")).text
    assert (await http.get("/missing")).status_code == 500


async def test_pages_are_chinese_unless_the_reader_asks_for_english_which_is_remembered(
    http: httpx.AsyncClient,
) -> None:
    assert '<html lang="zh-CN">' in (await http.get("/hello")).text
    assert '<html lang="en">' in (await http.get("/hello", headers={"Accept-Language": "en"})).text

    english = await http.get("/hello?lang=en&name=Li")
    assert "Hello, Li" in english.text
    assert 'href="/hello?name=Li&amp;lang=zh"' in english.text
    assert "Hello" in (await http.get("/hello")).text
    assert "lang=zh" not in (await http.post("/hello")).text  # following a link would lose what was typed


async def test_assets_are_served_by_us_compressed_and_for_good(http: httpx.AsyncClient) -> None:
    page = (await http.get("/hello")).text
    addresses = re.findall(r'(?:href|src)="([^"#]+\.(?:css|js))"', page)
    assert len(addresses) == 2
    for address in addresses:
        assert address.startswith("/assets/")
        answer = await http.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/css")

    of_another_version = re.sub(r"/assets/\w+/", "/assets/0/", addresses[0])
    assert (await http.get(of_another_version)).headers["cache-control"] == "no-cache"
    assert (await http.get("/assets/0/../pages.py")).status_code == 404


def test_an_asset_that_was_not_fetched_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match="make setup"):
        Asset("htmx.js", tmp_path / "htmx.js")


async def test_errors_are_pages_for_browsers_and_problems_for_programs(http: httpx.AsyncClient) -> None:
    page = await http.get("/nothing")
    assert page.status_code == 404
    assert "<h1>没有找到</h1>" in page.text
    assert "content-security-policy" in page.headers

    english = await http.get("/nothing?lang=en")
    assert "<h1>Not found</h1>" in english.text

    problem = await http.get("/nothing", headers={"Accept": "*/*"})
    assert problem.headers["content-type"] == "application/problem+json"


async def test_an_unexpected_error_is_a_page_that_tells_nothing_of_it(http: httpx.AsyncClient) -> None:
    page = await http.get("/broken")
    assert page.status_code == 500
    assert "<h1>系统内部错误</h1>" in page.text
    assert "13900000000" not in page.text
    assert (await http.get("/v1/broken")).headers["content-type"] == "application/problem+json"


async def test_what_is_too_large_is_told_on_a_page(http: httpx.AsyncClient) -> None:
    page = await http.post("/hello", data={"text": "x" * 4096})
    assert page.status_code == 413
    assert "<h1>内容太大</h1>" in page.text
    assert page.headers["connection"] == "close"


KEYRING = Keyring({"one": bytes(32)}, "one")


def asking(headers: dict[str, str] | None = None, **more: Any) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in {"host": "site", **(headers or {})}.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw, **more})


def given(response: Response) -> str:
    return response.headers["set-cookie"].partition(";")[0]


def sealed(name: str = "case", seconds: int = 60) -> tuple[SealedCookie, str, str]:
    cookie, response = SealedCookie(KEYRING, name, seconds=seconds, secure=True), Response()
    cookie.write(response, {"code": "ABCD"})
    return cookie, given(response), response.headers["set-cookie"]


def test_a_sealed_cookie_gives_back_what_it_holds_and_shows_it_to_nobody() -> None:
    cookie, text, header = sealed()
    session = cookie.read(asking({"cookie": text}))
    assert session is not None
    assert session.values == {"code": "ABCD"}
    assert b"ABCD" not in base64.urlsafe_b64decode(text.partition("=")[2].strip('"'))
    assert {"HttpOnly", "Secure", "SameSite=strict"} <= {part.strip() for part in header.split(";")}
    assert "max-age" not in header.lower()  # gone with the browser's window


def test_a_sealed_cookie_is_nothing_once_it_ended_was_changed_or_is_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cookie, text, _ = sealed()
    assert cookie.read(asking()) is None
    assert cookie.read(asking({"cookie": text[:-6] + "AAAA" + text[-2:]})) is None
    other, _, _ = sealed("officer")
    assert other.read(asking({"cookie": text.replace("case=", "officer=", 1)})) is None
    later = time.time() + 61
    monkeypatch.setattr(forms.time, "time", lambda: later)
    assert cookie.read(asking({"cookie": text})) is None


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site", "origin": "null"}, False),
        ({"origin": "https://site"}, True),
        ({"origin": "https://elsewhere"}, False),
        ({"origin": "null"}, True),
        ({}, True),
    ],
)
def test_what_another_sites_page_sends_is_refused(headers: dict[str, str], ours: bool) -> None:
    if ours:
        check_sender(dict(asking(headers).scope["headers"]))
    else:
        with pytest.raises(Problem) as refused:
            check_sender(dict(asking(headers).scope["headers"]))
        assert refused.value.status == 403


def test_a_form_that_acts_for_somebody_brings_its_sessions_token() -> None:
    cookie, text, _ = sealed()
    session = cookie.read(asking({"cookie": text}))
    assert session is not None
    check_form(asking(), session, session.form_token)
    for wrong in ("", "é", None, session.form_token + "x"):
        with pytest.raises(Problem):
            check_form(asking(), session, wrong)


def test_no_template_has_script_or_style_of_its_own_or_an_address_elsewhere() -> None:
    templates = sorted((PROJECT / "services").glob("*/**/templates/**/*.html"))
    ours = [path for path in templates if "node_modules" not in path.parts]
    assert ours
    for path in ours:
        text = path.read_text()
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)|javascript:|hx-on", text), path
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text), path
