"""Pages: Jinja2 templates in the reader's language, with the headers that keep them to themselves."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.chassis.headers import PAGE_POLICY
from services.chassis.problems import Lang, lang
from services.chassis.web.assets import HERE, Assets

LANG_COOKIE = "lang"
_LANG_SECONDS = 365 * 24 * 3600
_BEIJING = timezone(timedelta(hours=8))

HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Vary": "Accept-Language, Cookie"}
"""Beside those of every answer (headers.py)."""
PERSONAL = "no-store"
BLANK = "no-cache"
"""For pages that hold nothing of anybody: the browser may keep what was typed for its back button."""


def page_lang(request: Request) -> Lang:
    """The language of a page: what `?lang=` asks, else what it asked before, else what the browser prefers."""
    asked = request.query_params.get("lang"), request.cookies.get(LANG_COOKIE)
    known: dict[str | None, Lang] = {"zh": "zh", "en": "en"}
    return next((known[name] for name in asked if name in known), None) or lang(request)


class Pages:
    """The templates of one service above those of the chassis (`chassis/base.html`, `chassis/fields.html`).

    Every template has: `t("中文", "English", name=value)`, which chooses and escapes; `lang`; `asset("tabler.css")`;
    `request`; the filters `moment` and `day` (Beijing time).
    """

    def __init__(
        self,
        templates: Path,
        *,
        secure: bool = False,
        assets: Assets | None = None,
        names: Mapping[str, object] | None = None,
    ) -> None:
        """`secure`: the site is reached over https, and cookies never leave it. `names`: what else every template has.

        Raises MissingAsset.
        """
        self.secure = secure
        self.assets = assets or Assets()
        chassis = PrefixLoader({"chassis": FileSystemLoader(HERE / "templates")})
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(templates), chassis]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.do"],
        )
        self._environment.globals.update(names or {}, t=_translate, asset=self.assets.url)
        self._environment.filters.update(moment=_moment, day=_day)

    def mount(self, app: FastAPI) -> None:
        """Serve the assets; `app.state.pages` are these."""
        app.state.pages = self

        async def asset(request: Request) -> Response:
            return self.assets.answer(request, request.path_params["hash"], request.path_params["name"])

        app.add_route("/assets/{hash}/{name}", asset, methods=["GET"], include_in_schema=False)

    def render(self, request: Request, template: str, **context: Any) -> str:
        """A template as text, e.g. a fragment for an event stream."""
        return self._environment.get_template(template).render(
            request=request, lang=page_lang(request), other_lang_url=_other_lang_url(request), **context
        )

    def answer(
        self, request: Request, template: str, status: int = 200, *, cache: str = PERSONAL, **context: Any
    ) -> HTMLResponse:
        """A page with its headers. Raises jinja2.UndefinedError when the template lacks a value."""
        headers = {**HEADERS, "Cache-Control": cache, "Content-Language": _tag(page_lang(request))}
        response = HTMLResponse(self.render(request, template, **context), status, headers)
        asked = request.query_params.get("lang")
        if asked in ("zh", "en"):
            response.set_cookie(
                LANG_COOKIE, asked, _LANG_SECONDS, httponly=True, secure=self.secure, samesite="strict", path="/"
            )
        return response


@pass_context
def _translate(context: Context, zh: str, en: str, /, **values: object) -> Markup:
    """The text of the page's language, and its values escaped; a text may hold HTML of its own."""
    # The text is the template's, never a person's.
    text = Markup(zh if context["lang"] == "zh" else en)  # noqa: S704  # nosec B704
    return text.format(**{name: escape(value) for name, value in values.items()}) if values else text


@pass_context
def _moment(context: Context, at: datetime) -> str:
    local = at.astimezone(_BEIJING)
    return f"{_day(context, at)} {local:%H:%M}"


@pass_context
def _day(context: Context, at: datetime) -> str:
    local = at.astimezone(_BEIJING)
    return f"{local.year}年{local.month}月{local.day}日" if context["lang"] == "zh" else f"{local:%Y-%m-%d}"


def _other_lang_url(request: Request) -> str | None:
    """Where this page is in the other language; None where following a link would lose what was typed."""
    if request.method != "GET":
        return None
    url = request.url.include_query_params(lang="en" if page_lang(request) == "zh" else "zh")
    return f"{url.path}?{url.query}"


def _tag(language: Lang) -> str:
    return "zh-CN" if language == "zh" else "en"
