"""What callers get when something is wrong: a clear problem in their language, and nothing of what they sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import FastAPI, File, UploadFile
from openapi_spec_validator import validate
from prometheus_client import REGISTRY
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.exc import DBAPIError
from temporalio.service import RPCError, RPCStatusCode

from services.chassis.auth import Unauthenticated
from services.chassis.http import Problem, create_app
from services.chassis.outages import EngineAway
from services.chassis.problems import choose_lang
from services.chassis.settings import Settings

SECRET = "zhang-san-13800001111"
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.5"}


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int = Field(le=10)
    text: str = Field(max_length=20)
    plate: str = "A"

    @field_validator("plate")
    @classmethod
    def known_plate(cls, value: str) -> str:
        if value != "A":
            raise PydanticCustomError("plate", "车牌不认识", {"en": "is not a known plate"})
        return value


def away_database() -> DBAPIError:
    cause = asyncpg.CannotConnectNowError("starting up")
    wrapped = Exception()
    wrapped.__cause__ = cause
    return DBAPIError("SELECT secret", {}, wrapped)


ERRORS: dict[str, Exception] = {
    "bug": ValueError(SECRET),
    "postgres": away_database(),
    "refused": ConnectionRefusedError(SECRET),
    "temporal": RPCError(SECRET, RPCStatusCode.UNAVAILABLE, b""),
    "temporal-lazy": RuntimeError("Failed client connect: " + SECRET),
    "engine": EngineAway("vault"),
    "peer": httpx.ConnectError(SECRET),
    "data": asyncpg.NumericValueOutOfRangeError(SECRET),
    "surrogate": UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates not allowed"),
    "runtime": RuntimeError(SECRET),
    "token": Unauthenticated(SECRET),
    "problem": Problem(409, "taken", "已有人处理。", "Somebody else was quicker.", stage="SIGNED"),
}


@pytest.fixture
def app() -> FastAPI:
    async def reached() -> None:
        return None

    async def away() -> None:
        raise ConnectionRefusedError(SECRET)

    made = create_app(
        "测试",
        "http-test",
        Settings(max_body_bytes=2_000),
        checks={"postgres": away},
        optional_checks={"kafka": reached},
        body_limits={"/files": 10_000},
    )

    @made.post("/forms/{code}", status_code=201)
    async def fill(code: str, form: Form) -> dict[str, str]:
        return {"code": code}

    @made.post("/files", status_code=201)
    async def upload(file: Annotated[UploadFile, File()]) -> dict[str, int]:
        return {"size": len(await file.read())}

    @made.get("/errors/{kind}")
    async def fail(kind: str) -> None:
        raise ERRORS[kind]

    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


def problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"]
    assert SECRET not in response.text
    return body


async def test_a_proper_request_gets_through(client: httpx.AsyncClient) -> None:
    response = await client.post("/forms/x", json={"number": 1, "text": "好"})
    assert response.status_code == 201


async def test_validation_names_field_and_rule_and_echoes_nothing(client: httpx.AsyncClient) -> None:
    wrong = {"number": SECRET, "text": SECRET, "plate": SECRET, SECRET: 1}
    body = problem(await client.post("/forms/x", json=wrong), 422, "validation")
    assert {(e["field"], e["rule"]) for e in body["errors"]} == {  # type: ignore[attr-defined]
        ("body.number", "int_parsing"),
        ("body.text", "string_too_long"),
        ("body.plate", "plate"),
        ("body.?", "extra_forbidden"),
    }
    assert "最多 20 个字符" in str(body["detail"])
    assert "车牌不认识" in str(body["detail"])
    english = problem(await client.post("/forms/x", json=wrong, headers=ENGLISH), 422, "validation")
    assert "may have at most 20 characters" in str(english["detail"])
    assert "is not a known plate" in str(english["detail"])


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"\xff\xfe", "application/json", 400, "invalid_json"),
        (b"[" * 1_900, "application/json", 400, "bad_request"),
        (b'{"number": 1, "text": "a\\u0000b"}', "application/json", 400, "unstorable_character"),
        (b'{"number": 1, "text": "\\ud800"}', "application/json", 400, "unstorable_character"),
        (b'{"number": 1, "text": "\\uD800"}', "application/json; charset=utf-8", 400, "unstorable_character"),
        (b'{"\\u0000": 1}', "application/json", 400, "unstorable_character"),
        (b"number=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"text=a%00b", "application/x-www-form-urlencoded", 400, "unstorable_character"),
        (b"number", "text/plain", 415, "unsupported_media_type"),
        (b"x" * 2_001, "application/json", 413, "too_large"),
        (b"", "application/json", 422, "validation"),
        (b"null", "application/json", 422, "validation"),
        (b"[]", "application/json", 422, "validation"),
        (b'{"number": 1e400, "text": ""}', "application/json", 422, "validation"),
        (b'{"number": NaN, "text": ""}', "application/json", 422, "validation"),
    ],
)
async def test_bodies_that_are_none(
    client: httpx.AsyncClient, content: bytes, content_type: str, status: int, code: str
) -> None:
    response = await client.post("/forms/x", content=content, headers={"content-type": content_type})
    problem(response, status, code)


async def test_an_escaped_backslash_is_no_nul(client: httpx.AsyncClient) -> None:
    content = b'{"number": 1, "text": "\\\\u0000"}'
    response = await client.post("/forms/x", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 201


async def test_a_streamed_body_is_cut_off_at_the_limit(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(50):
            yield b"x" * 1_000

    problem(
        await client.post("/forms/x", content=endless(), headers={"content-type": "application/json"}), 413, "too_large"
    )
    problem(
        await client.post("/files", content=endless(), headers={"content-type": "multipart/form-data; boundary=x"}),
        413,
        "too_large",
    )


async def test_uploads_have_a_limit_of_their_own(client: httpx.AsyncClient) -> None:
    response = await client.post("/files", files={"file": b"x" * 5_000})
    assert response.status_code == 201
    problem(await client.post("/files", files={"file": b"x" * 20_000}), 413, "too_large")
    problem(await client.post("/files", json={}), 422, "validation")


async def test_addresses_that_are_none(client: httpx.AsyncClient) -> None:
    problem(await client.get(f"/{SECRET}"), 404, "not_found")
    problem(await client.get("/forms/%00"), 400, "unstorable_character")
    problem(await client.get("/health?x=%00"), 400, "unstorable_character")
    response = await client.put("/forms/x")
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("bug", 500, "internal"),
        ("runtime", 500, "internal"),
        ("postgres", 503, "unavailable"),
        ("refused", 503, "unavailable"),
        ("temporal", 503, "unavailable"),
        ("temporal-lazy", 503, "unavailable"),
        ("engine", 503, "unavailable"),
        ("peer", 503, "unavailable"),
        ("data", 400, "unstorable_value"),
        ("surrogate", 400, "unstorable_value"),
        ("token", 401, "unauthenticated"),
        ("problem", 409, "taken"),
    ],
)
async def test_errors_of_ours_and_of_the_engines(client: httpx.AsyncClient, kind: str, status: int, code: str) -> None:
    response = await client.get(f"/errors/{kind}")
    body = problem(response, status, code)
    if status == 503:
        assert int(response.headers["retry-after"]) > 0
        assert body["engine"]
    if kind in ("postgres", "temporal"):
        assert body["engine"] == kind


async def test_the_caller_s_language(client: httpx.AsyncClient) -> None:
    chinese = await client.get("/errors/problem")
    english = await client.get("/errors/problem", headers=ENGLISH)
    assert chinese.json()["detail"] == "已有人处理。"
    assert english.json()["detail"] == "Somebody else was quicker."
    assert (chinese.headers["content-language"], english.headers["content-language"]) == ("zh-CN", "en")
    assert english.json()["stage"] == "SIGNED"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr", "zh"),
        ("*", "zh"),
        ("en;q=0.5, zh;q=0.5", "zh"),
        ("en;q=rubbish", "zh"),
        (";;;,,,=q" * 500, "zh"),
    ],
)
def test_accept_language(accept: str, language: str) -> None:
    assert choose_lang(accept) == language


async def test_health_and_readiness_name_the_missing_engine(client: httpx.AsyncClient) -> None:
    health = await client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    ready = await client.get("/ready")
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "missing: postgres",
        "service": "http-test",
        "engines": {"postgres": "missing", "kafka": "ok"},
    }


async def test_requests_are_counted_by_route_never_by_path(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await client.post(f"/forms/{SECRET}", json={"number": 1, "text": "x"})
    labels = {"service": "http-test", "method": "POST", "route": "/forms/{code}", "status": "201"}
    assert REGISTRY.get_sample_value("huiyin_http_seconds_count", labels)
    exposed = (await client.get("/metrics")).text
    assert "/forms/{code}" in exposed
    assert SECRET not in exposed
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
async def test_metrics_are_not_shown_through_a_proxy(client: httpx.AsyncClient, name: str) -> None:
    refused = await client.get("/metrics", headers={name: "127.0.0.1"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "metrics_not_here"
    assert "huiyin_" not in refused.text


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::1", "not an address"])
async def test_metrics_are_not_shown_to_another_machine(app: FastAPI, address: str) -> None:
    transport = httpx.ASGITransport(app=app, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as elsewhere:
        assert (await elsewhere.get("/metrics")).status_code == 403


async def test_metrics_of_a_public_site_are_not_shown_to_a_proxy_that_says_nothing_of_itself() -> None:
    app = create_app("test", "http-test", Settings(public_url="http://huiyin.example"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as silent:
        for given in ({}, {"Authorization": "Bearer "}):
            assert (await silent.get("/metrics", headers=given)).status_code == 403


async def test_metrics_by_token_from_anywhere_and_to_nobody_else() -> None:
    app = create_app("test", "http-test", Settings(metrics_token="correct-horse"))
    transport = httpx.ASGITransport(app=app, client=("10.0.0.7", 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as monitor:
        given = {"Authorization": "Bearer correct-horse", "X-Forwarded-For": "10.0.0.7"}
        assert "huiyin_" in (await monitor.get("/metrics", headers=given)).text
        for wrong in (
            {},
            {"Authorization": "Bearer correct-hors"},
            {"Authorization": "Bearer \u00e9".encode("latin-1")},
        ):
            assert (await monitor.get("/metrics", headers=wrong)).status_code == 403


def test_the_document_is_valid_openapi_and_declares_problems(app: FastAPI) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1")
    validate(json.loads(json.dumps(document)))
    declared = document["paths"]["/forms/{code}"]["post"]["responses"]
    assert set(declared) == {"201", "4XX", "5XX"}
    assert "application/problem+json" in declared["4XX"]["content"]
