"""The FastAPI application that every service starts from: problems, health, metrics, limits, OpenAPI 3.1."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import httpx
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp
from temporalio.service import RPCError

from services.chassis.auth import Unauthenticated
from services.chassis.guard import RequestGuard
from services.chassis.headers import AnswerHeaders
from services.chassis.outages import EngineAway, engine_away
from services.chassis.problems import MEDIA_TYPE, Lang, Problem, lang, unavailable, validation_problem
from services.chassis.request_telemetry import RequestTelemetry
from services.chassis.settings import Settings

__all__ = ["Lang", "Problem", "ProblemBody", "create_app", "lang", "unavailable"]

Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]

_CHECK_SECONDS = 2.0
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""What a proxy says of itself and of who asked it."""
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
_log = structlog.get_logger("huiyin.http")


class FieldProblem(BaseModel):
    """One field that does not fit, and the rule that it breaks."""

    field: str
    rule: str
    zh: str
    en: str


class ProblemBody(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str = Field(description="A class of error, for programs")
    detail: str = Field(description="What is wrong and what to do, in the caller's language")
    errors: list[FieldProblem] | None = None


class Health(BaseModel):
    """Whether the process works, and which engines it reaches."""

    status: str
    service: str
    engines: dict[str, str]


_PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "Problem details",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
}


class _Application(FastAPI):
    """Its answers have our headers, those to errors that nobody expected among them."""

    over_https = False

    def build_middleware_stack(self) -> ASGIApp:
        return AnswerHeaders(super().build_middleware_stack(), over_https=self.over_https)


def create_app(
    title: str,
    service: str,
    settings: Settings,
    *,
    lifespan: Lifespan | None = None,
    checks: Mapping[str, Check] | None = None,
    optional_checks: Mapping[str, Check] | None = None,
    body_limits: Mapping[str, int] | None = None,
    version: str = "1.0.0",
) -> FastAPI:
    """The application of one service.

    `checks` by engine name: `/ready` is 503 while one of them raises. `optional_checks` are reported only: what the
    service can do without. `body_limits`: bytes by path prefix, where more than `max_body_bytes` is needed.
    """
    app = _Application(
        title=title,
        version=version,
        lifespan=lifespan,
        # The documentation pages would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        # FastAPI's own would record exceptions' texts, and a second span beside ours.
        telemetry=_NO_TELEMETRY,
        responses={"4XX": _PROBLEM_RESPONSE, "5XX": _PROBLEM_RESPONSE},
    )
    app.over_https = settings.over_https
    _add_problem_handlers(app)
    _add_operations(app, service, settings, dict(checks or {}), dict(optional_checks or {}))
    _describe_problems(app)
    app.add_middleware(RequestGuard, limit=settings.max_body_bytes, limits=body_limits)
    app.add_middleware(RequestTelemetry, service=service)  # the last one added is the outermost
    return app


def _add_problem_handlers(app: FastAPI) -> None:
    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response(lang(request))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = error.errors()
        if _wrong_content_type(request, errors):
            return _unsupported().response(lang(request))
        return validation_problem(errors).response(lang(request))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error.__cause__, Problem):  # ours (a body too large), wrapped where FastAPI reads the body
            return error.__cause__.response(lang(request))
        return _from_http_exception(error).response(lang(request))

    async def unauthenticated(request: Request, error: Exception) -> Response:
        return Problem(
            401,
            "unauthenticated",
            "身份凭证无效或已过期，请重新登录。",
            "The credentials are not valid, or have expired. Log in again.",
            headers={"WWW-Authenticate": "Bearer"},
        ).response(lang(request))

    async def engine_error(request: Request, error: Exception) -> Response:
        engine = engine_away(error)
        if engine is not None:
            _log.warning("engine_away", engine=engine, exc_info=error)
            return unavailable(engine).response(lang(request))
        if _is_bad_data(error):
            return Problem(
                400,
                "unstorable_value",
                "有的值无法保存（数字过大、时间超出范围或含控制字符），请改正后重发。",
                "A value can't be stored: a number or time out of range, or a control character.",
            ).response(lang(request))
        return await unexpected(request, error)

    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("unexpected_error", exc_info=error)
        return Problem(
            500,
            "internal",
            "系统出错，已记录。请稍后重试；仍然不行请联系管理员。",
            "Something went wrong and was recorded. Try again later, or tell the administrator.",
        ).response(lang(request))

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Unauthenticated, unauthenticated)
    for kind in (
        EngineAway,
        DBAPIError,
        PoolTimeout,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        RPCError,
        RuntimeError,  # a lazy Temporal client's first call
        httpx.TransportError,
        OSError,
        TimeoutError,
        UnicodeEncodeError,
    ):
        app.add_exception_handler(kind, engine_error)
    app.add_exception_handler(Exception, unexpected)


def _is_bad_data(error: Exception) -> bool:
    """PostgreSQL's class 22 (data exceptions): the value, not the statement, is at fault."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error
    return isinstance(cause, asyncpg.DataError | UnicodeEncodeError | OverflowError)


def _wrong_content_type(request: Request, errors: Any) -> bool:
    if request.headers.get("content-type", "").lower().partition(";")[0].endswith("json"):
        return False
    return any(
        tuple(error.get("loc", ())) == ("body",) and error.get("type") in ("model_attributes_type", "dict_type")
        for error in errors
    )


def _unsupported() -> Problem:
    return Problem(
        415,
        "unsupported_media_type",
        "请用 Content-Type: application/json 发送 JSON。",
        "Send JSON with Content-Type: application/json.",
    )


def _from_http_exception(error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return Problem(404, "not_found", "没有这个地址，请检查网址。", "There is nothing here: check the address.")
    if error.status_code == 405:
        allowed = headers.get("Allow", "")
        return Problem(
            405,
            "method_not_allowed",
            f"这个地址不支持该方法，可用：{allowed}",
            f"This address does not take that method. Use {allowed}",
            headers=headers,
        )
    if error.status_code == 400:
        return Problem(400, "bad_request", "请求内容无法解析，请检查格式。", "The body can't be read: check it.")
    return Problem(
        error.status_code, f"http_{error.status_code}", "请求没有完成。", "The request failed.", headers=headers
    )


def _add_operations(
    app: FastAPI, service: str, settings: Settings, checks: dict[str, Check], optional: dict[str, Check]
) -> None:
    @app.get("/health", tags=["operations"], response_model=Health, summary="Alive, and which engines are reached")
    async def health() -> Health:
        engines = await _check_all({**checks, **optional})
        away = [name for name, state in engines.items() if state != "ok"]
        return Health(status="degraded" if away else "ok", service=service, engines=engines)

    @app.get(
        "/ready",
        tags=["operations"],
        response_model=Health,
        summary="Ready to serve; 503 names the missing engine",
        responses={503: {"model": Health, "description": "An engine is missing"}},
    )
    async def ready() -> JSONResponse:
        engines = await _check_all({**checks, **optional})
        missing = [name for name in checks if engines[name] != "ok"]
        body = Health(status="missing: " + ", ".join(missing) if missing else "ok", service=service, engines=engines)
        return JSONResponse(body.model_dump(), 503 if missing else 200, {"Retry-After": "2"} if missing else None)

    @app.get("/metrics", include_in_schema=False)
    async def show_metrics(request: Request) -> Response:
        if not _may_see_metrics(request, settings):
            raise Problem(
                403,
                "metrics_not_here",
                "请使用 METRICS_TOKEN（Authorization: Bearer）；未设置 PUBLIC_URL 时，本机直接访问无需令牌。",
                "Send METRICS_TOKEN (Authorization: Bearer). Where no PUBLIC_URL is set, this machine needs none.",
            )
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _may_see_metrics(request: Request, settings: Settings) -> bool:
    """Counts tell what else nobody is told: whether somebody's guess sent a mail. Not for who comes through a proxy,
    which may say nothing of itself: where people reach us from outside, by the token alone."""
    token = settings.metrics_token
    if token or settings.public_url:
        given = request.headers.get("authorization", "")
        return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    try:
        here = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return here and not any(name in request.headers for name in _PASSED_ON)


async def _check_all(checks: Mapping[str, Check]) -> dict[str, str]:
    async def state(check: Check) -> str:
        try:
            await asyncio.wait_for(check(), _CHECK_SECONDS)
        except Exception as error:  # noqa: BLE001 whatever it is, the engine does not work for us
            _log.debug("check_failed", exc_info=error)
            return "missing"
        return "ok"

    states = await asyncio.gather(*(state(check) for check in checks.values()))
    return dict(zip(checks, states, strict=True))


def _describe_problems(app: FastAPI) -> None:
    """Put the problem's schema into the document: the responses above refer to it."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = original()
            schema = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(schema.pop("$defs", {}))
            schemas["ProblemBody"] = schema
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
