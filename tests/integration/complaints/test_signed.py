"""Signed channels: the 12345 desk and the 12345 platform's push."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest

from contracts.lifecycle import Channel
from services.chassis.db import Database
from services.complaints import clients as clients_module
from services.complaints.domain import Refusal
from services.complaints.runtime import Runtime
from tests.integration.complaints.people import FORM, Platform, Reporter, new_key, order


@pytest.fixture
async def platform(http: httpx.AsyncClient, runtime: Runtime, db: Database) -> Platform:
    async with db.session() as session:
        client_id, secret = await runtime.clients.add(session, f"platform {new_key()}", Channel.HOTLINE)
    return Platform(http, client_id, secret)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_order_becomes_a_complaint(platform: Platform, reporter: Reporter) -> None:
    pushed = order()
    answer = await platform.push(pushed)
    assert answer.status_code == 201, answer.text
    assert answer.json()["workordercode"] == pushed["workordercode"]
    receipt = {name: answer.json()[name] for name in ("case_number", "query_code")}
    assert (await reporter.tracked(receipt))["stage"] == "SUBMITTED"


async def test_the_desk_enters_a_complaint(platform: Platform) -> None:
    answer = await platform.push({**FORM, "external_order": "D-1"}, path="/v1/operator/complaints")
    assert answer.status_code == 201, answer.text


async def test_an_order_pushed_again_is_the_same_case_under_any_key(platform: Platform) -> None:
    pushed = order()
    answers = [await platform.push(pushed) for _ in range(3)]
    concurrent = order()
    for group in (answers, await asyncio.gather(*(platform.push(concurrent) for _ in range(8)))):
        assert {answer.status_code for answer in group} == {201}
        assert len({answer.text for answer in group}) == 1


async def test_an_order_with_other_content_is_a_conflict(platform: Platform) -> None:
    pushed = order()
    await platform.push(pushed)
    assert problem(await platform.push({**pushed, "workordercontent": "别的内容"})) == (409, "ORDER_CONTENT_DIFFERS")


async def test_a_key_of_another_order_is_refused_and_claims_nothing(platform: Platform) -> None:
    key, other = new_key(), order()
    await platform.push(order(), key=key)
    assert problem(await platform.push(other, key=key)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await platform.push(other)).status_code == 201, "the refused order's number stayed free"


async def test_two_platforms_may_use_the_same_order_number(
    platform: Platform, http: httpx.AsyncClient, runtime: Runtime, db: Database
) -> None:
    async with db.session() as session:
        other = Platform(http, *await runtime.clients.add(session, f"other {new_key()}", Channel.HOTLINE))
    pushed = order()
    mine, theirs = await platform.push(pushed), await other.push(pushed)
    assert mine.json()["case_number"] != theirs.json()["case_number"]


async def test_a_signed_request_is_taken_once(platform: Platform) -> None:
    pushed, nonce = order(), new_key()
    assert (await platform.push(pushed, nonce=nonce)).status_code == 201
    assert problem(await platform.push(pushed, nonce=nonce)) == (401, "NONCE_REUSED")
    answers = await asyncio.gather(*(platform.push(order(), nonce="n" * 20) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7


async def test_a_refused_request_uses_no_nonce_up(platform: Platform) -> None:
    nonce = new_key()
    assert problem(await platform.push(order(area="000000"), nonce=nonce)) == (422, "UNKNOWN_REGION")
    assert (await platform.push(order(), nonce=nonce)).status_code == 201


@pytest.mark.parametrize("skew", [-330, 330])
async def test_a_signature_of_another_time_is_refused(platform: Platform, skew: int) -> None:
    assert problem(await platform.push(order(), skew=skew)) == (401, "SIGNATURE_EXPIRED")


async def test_a_changed_body_an_unknown_key_and_a_wrong_secret_are_answered_alike(
    platform: Platform, http: httpx.AsyncClient
) -> None:
    path, body = "/v1/platform/orders", json.dumps(order()).encode()
    headers = {"Idempotency-Key": new_key(), "Content-Type": "application/json"}
    good = platform.signature(body, path)
    unknown = Platform(http, "hy_unknown", "no such client")
    answers = [
        await http.post(path, content=body + b" ", headers=headers | good),
        await http.post(path, content=body, headers=headers | unknown.signature(body, path)),
        await http.post(path, content=body, headers=headers | {**good, "X-Signature": "ü".encode("latin-1")}),
        await http.post(path, content=body, headers=headers | {**good, "X-Signature": "0" * 64}),
    ]
    assert {problem(answer) for answer in answers} == {(401, "SIGNATURE_INVALID")}
    assert len({answer.text for answer in answers}) == 1


async def test_an_unsigned_request_is_told_what_to_send(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/platform/orders", json=order(), headers={"Idempotency-Key": new_key()})
    assert problem(answer) == (401, "SIGNATURE_MISSING")
    assert "X-Signature" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff\xfe", b'{"workordercode": 1}', b"[" * 100_000])
async def test_a_signed_body_that_does_not_fit_is_refused(platform: Platform, body: bytes) -> None:
    path = "/v1/platform/orders"
    headers = {"Idempotency-Key": new_key(), "Content-Type": "application/json"}
    answer = await platform.http.post(path, content=body, headers=headers | platform.signature(body, path))
    assert answer.status_code in (400, 422), answer.text


async def test_a_revoked_client_is_refused(
    platform: Platform, runtime: Runtime, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients_module, "_FRESH_SECONDS", 0.0)
    assert (await platform.push(order())).status_code == 201
    async with db.session() as session:
        (name,) = [row.name for row in await runtime.clients.listed(session) if row.client_id == platform.client_id]
        assert await runtime.clients.revoke(session, name)
    assert problem(await platform.push(order())) == (401, "SIGNATURE_INVALID")


async def test_a_client_s_name_is_used_once_and_its_secret_is_sealed(
    runtime: Runtime, db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    name = f"desk {new_key()}"
    async with db.session() as session:
        _, secret = await runtime.clients.add(session, name, Channel.HOTLINE)
    with pytest.raises(Refusal):
        async with db.session() as session:
            await runtime.clients.add(session, name, Channel.HOTLINE)
    stored = await admin.fetchval("SELECT secret_sealed FROM api_clients WHERE name = $1", name)
    assert secret.encode() not in stored
