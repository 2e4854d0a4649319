"""Walks every address of every service: each answer has the headers, and no other site's page can act through ours."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from structlog.testing import capture_logs

from deploy.openapi import APPS
from services.chassis.headers import HEADERS
from services.chassis.settings import Settings
from services.chassis.web.assets import FILES
from services.complaints.main import build

BROWSER = {"Accept": "text/html"}
OTHER_SITES = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere"},
    {"Origin": "https://[elsewhere"},
)
SERVICES = Path(__file__).parents[2] / "services"
SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Most of what is asked for here fails for want of an engine, and each failure would be drawn in full."""
    with capture_logs():
        yield


@pytest.fixture(params=sorted(APPS))
def app(request: pytest.FixtureRequest) -> FastAPI:
    """Without its lifespan: what needs an engine answers with an error, and that has headers too."""
    return APPS[request.param]()


def asking(app: FastAPI, scheme: str = "http") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://site")


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and an address of each route, and one that there is not."""
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            filled = re.sub(r"\{[^}:]*_id[^}]*\}", "00000000-0000-4000-8000-000000000000", route.path)
            yield method, re.sub(r"\{[^}]*\}", "x", filled)
    yield "GET", "/nowhere"
    yield "POST", "/nowhere"
    yield "TRACE", "/"


def assets(app: FastAPI) -> list[str]:
    """Those of all pages, and those of the service's own static folder."""
    pages = getattr(app.state, "pages", None)
    if pages is None:
        return []
    own = SERVICES.glob(f"{app.title.split()[1]}/web/static/*")
    return [pages.assets.url(name) for name in (*FILES, *(path.name for path in own))]


def lacking(answer: httpx.Response) -> list[str]:
    return [name for name in HEADERS if name not in answer.headers]


async def test_every_answer_has_the_headers(app: FastAPI) -> None:
    async with asking(app) as http:
        for method, path in routes(app):
            for headers in ({}, BROWSER):
                answer = await http.request(method, path, headers=headers)
                assert not lacking(answer), (method, path, answer.status_code)
                policy = answer.headers["content-security-policy"]
                assert policy == "sandbox" or policy.startswith("default-src 'none'"), path
                assert "unsafe" not in policy
                assert answer.headers.get_list("content-security-policy") == [policy]
                for cookie in answer.headers.get_list("set-cookie"):
                    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}


async def test_static_files_have_them_too_and_are_the_only_ones_that_are_kept(app: FastAPI) -> None:
    async with asking(app) as http:
        for path in assets(app):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert not lacking(answer), path
            assert "immutable" in answer.headers["cache-control"]
        for method, path in routes(app):
            kept = (await http.request(method, path, headers=BROWSER)).headers["cache-control"]
            assert kept in ("no-store", "no-cache"), (method, path)


async def test_another_sites_page_changes_nothing_through_any_page(app: FastAPI) -> None:
    async with asking(app) as http:
        for method, path in routes(app):
            if method in SAFE or path.startswith(("/v1/", "/internal/")):
                continue
            for headers in OTHER_SITES:
                answer = await http.request(method, path, headers=headers, content=b"a=b")
                assert (answer.status_code, answer.json()["code"]) == (403, "not_our_page"), (method, path, headers)


def test_the_walk_meets_what_there_is() -> None:
    met = {name: set(routes(APPS[name]())) for name in APPS}
    assert {("POST", "/file"), ("POST", "/tracking/leave"), ("POST", "/v1/complaints")} <= met["complaints"]
    assert {("POST", "/workbench/login"), ("GET", "/workbench/events"), ("GET", "/health")} <= met["referrals"]
    assert ("POST", "/v1/contacts/open") in met["vault"]


async def test_no_address_of_programs_reads_a_cookie(app: FastAPI) -> None:
    """They act on a token or a code that the request brings: another site's page has neither."""
    modules: set[Path] = set()
    for route in iter_route_contexts(app.routes):
        if not route.path.startswith(("/v1/", "/internal/")):
            continue
        endpoint = getattr(route.original_route, "endpoint", None)
        assert inspect.isfunction(endpoint), route.path
        modules.add(Path(inspect.getfile(endpoint)))
        assert _cookies(getattr(route.original_route, "dependant", None)) == [], route.path
    assert modules
    for module in modules:
        assert "cookie" not in module.read_text("utf-8").lower(), module


def _cookies(dependant: Dependant | None) -> list[str]:
    """The cookies that an endpoint asks for, itself or by what it depends on."""
    if dependant is None:
        return []
    own = [str(field.name) for field in dependant.cookie_params]
    return own + [name for below in dependant.dependencies for name in _cookies(below)]


async def test_over_https_browsers_are_told_to_stay_there() -> None:
    for public_url, told in (("https://huiyin.example", True), ("http://huiyin.example", False), ("", False)):
        async with asking(build(Settings(public_url=public_url))) as http:
            answer = await http.get("/nowhere")
            assert ("strict-transport-security" in answer.headers) is told


async def test_an_answer_may_be_stricter_than_the_rest() -> None:
    app = build(Settings())
    app.add_route("/own", lambda request: Response("", headers={"Content-Security-Policy": "sandbox"}))
    async with asking(app) as http:
        assert (await http.get("/own")).headers.get_list("content-security-policy") == ["sandbox"]
