"""A browser without scripts, for the pages' tests: cookies, links and forms as the page has them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx
from fastapi import FastAPI

from tests.integration.referrals.office import PASSWORD, proved

HEADERS = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Form:
    """A form of a page: where it goes and what it holds."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    offered: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._open: Form | None = None
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._open)
        if self._open is None:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            self._input(name, given)
        elif tag == "textarea":
            self._area = name
            self._open.fields[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._offer(self._select, given.get("value", ""), chosen="selected" in given)

    def _input(self, name: str, given: dict[str, str]) -> None:
        assert self._open is not None
        if given.get("type") in ("radio", "checkbox"):
            self._offer(name, given.get("value", ""), chosen="checked" in given)
        else:
            self._open.fields[name] = [given.get("value", "")]

    def _offer(self, name: str, value: str, *, chosen: bool) -> None:
        assert self._open is not None
        self._open.offered.setdefault(name, []).append(value)
        if chosen:
            self._open.fields.setdefault(name, []).append(value)

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._open is not None:
            self._open.fields[self._area][0] += data.removeprefix("\n")
        self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None


@dataclass
class Page:
    """An answer as a person sees it."""

    answer: httpx.Response
    forms: list[Form]
    text: str

    @classmethod
    def of(cls, answer: httpx.Response) -> "Page":
        """Read it."""
        reader = _Reader()
        reader.feed(answer.text)
        return cls(answer, reader.forms, " ".join(" ".join(reader.text).split()))

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status_code

    def form(self, ending: str) -> Form:
        """The form whose address ends so."""
        return next(form for form in self.forms if form.action.endswith(ending))

    def has_form(self, ending: str) -> bool:
        """Whether there is one."""
        return any(form.action.endswith(ending) for form in self.forms)


class Browser:
    """One officer's browser."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, *, follow: bool = True, **headers: str) -> Page:
        """Open a page."""
        return Page.of(await self.http.get(path, headers={**HEADERS, **headers}, follow_redirects=follow))

    async def page_with(self, path: str, text: str) -> Page:
        """The page of a list that shows ``text``; fails when none does."""
        page = await self.get(path)
        while text not in page.answer.text:
            following = re.search(r'href="([^"]+)" rel="next"', page.answer.text)
            assert following, f"{text} is on no page of {path}"
            page = await self.get(following[1].replace("&amp;", "&"))
        return page

    async def post(self, path: str, data: dict[str, Any], *, follow: bool = True, **headers: str) -> Page:
        """Send a form's fields."""
        answer = await self.http.post(path, data=data, headers={**HEADERS, **headers}, follow_redirects=follow)
        return Page.of(answer)

    async def send(self, form: Form, *, follow: bool = True, **typed: Any) -> Page:
        """Fill in a form of a page and send it."""
        return await self.post(form.action, {**form.fields, **typed}, follow=follow)

    async def log_in(self, username: str, password: str = PASSWORD) -> Page:
        """By the log-in page."""
        page = await self.get("/workbench/login")
        return await self.send(page.form("/login"), username=username, password=password)


class Browsers:
    """Browsers of their own cookies."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._open: list[httpx.AsyncClient] = []

    def fresh(self) -> Browser:
        """Nobody is logged in."""
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url="http://referrals", timeout=30)
        self._open.append(http)
        return Browser(http)

    async def of(self, username: str) -> Browser:
        """An officer's, who logged in with a second factor."""
        browser = self.fresh()
        page = await browser.log_in(username)
        assert page.status == 200, page.text
        await proved(self._app.state.db, username)
        self._app.state.services.identities._recent.clear()
        return browser

    async def close(self) -> None:
        for http in self._open:
            await http.aclose()


@contextmanager
def no_cookies(browser: Browser) -> Iterator[None]:
    """As if the browser were another's."""
    kept = browser.http.cookies
    browser.http.cookies = httpx.Cookies()
    try:
        yield
    finally:
        browser.http.cookies = kept
