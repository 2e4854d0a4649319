"""Officers read sealed texts by grant: once, in time, what it names, and on record."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.chassis.auth import ServiceTokens
from services.chassis.settings import Settings
from tests.integration.complaints.office import ALL, Office
from tests.integration.complaints.people import FORM, Reporter


async def test_a_grant_opens_the_texts_and_is_on_record(reporter: Reporter, office: Office) -> None:
    receipt = await reporter.submitted(wants="退费")
    await reporter.supplement(receipt, "补充的话")
    await reporter.upload(receipt, "账目".encode(), "账.txt")
    case_id = await office.case_id(receipt)
    answer = await office.read(office.grant(case_id))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    page = answer.json()
    assert (page["narrative"], page["wants"], page["respondents"]) == (FORM["narrative"], "退费", FORM["respondents"])
    assert [item["text"] for item in page["supplements"]] == ["补充的话"]
    assert [(item["name"], item["media_type"], item["size"]) for item in page["evidence"]] == [
        ("账.txt", "text/plain", 6)
    ]
    assert page["complaints"][0]["case_number"] == receipt["case_number"]
    assert await office.readings(case_id) == [("texts", "officer-1", sorted(ALL))]


async def test_a_grant_opens_only_what_it_names(reporter: Reporter, office: Office) -> None:
    receipt = await reporter.submitted(wants="退费")
    case_id = await office.case_id(receipt)
    page = (await office.read(office.grant(case_id, ["respondents"]))).json()
    assert page["respondents"] == FORM["respondents"]
    assert [page[name] for name in ("narrative", "wants", "supplements", "evidence")] == [None] * 4
    uploaded = (await reporter.upload(receipt, b"x")).json()["id"]
    refused = await office.file(uploaded, office.grant(case_id, ["narrative"]))
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_GRANTED")


async def test_a_grant_is_used_once(reporter: Reporter, office: Office) -> None:
    case_id = await office.case_id(await reporter.submitted())
    grant = office.grant(case_id)
    answers = await asyncio.gather(*(office.read(grant) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"GRANT_USED"}
    assert len(await office.readings(case_id)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"ttl": -10},
        {"audience": "vault"},
        {"audience": "officer"},
        {"purpose": "access"},
        {"subject": None},
    ],
)
async def test_an_expired_or_misdirected_grant_opens_nothing(
    reporter: Reporter, office: Office, changes: dict[str, Any]
) -> None:
    case_id = await office.case_id(await reporter.submitted())
    answer = await office.read(office.grant(case_id, **changes))
    assert answer.status_code == 401
    assert await office.readings(case_id) == []


async def test_only_referrals_gives_grants(reporter: Reporter, office: Office, settings: Settings) -> None:
    case_id = await office.case_id(await reporter.submitted())
    for name in ("notifications", "complaints", "vault", "cli"):
        office.tokens = ServiceTokens(name, settings)
        assert (await office.read(office.grant(case_id))).status_code == 401
    for rubbish in ("", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
        assert (await office.read(rubbish)).status_code == 401


@pytest.mark.parametrize("fields", [[], ["identity"], "narrative", None, 7])
async def test_a_grant_without_fields_of_ours_opens_nothing(reporter: Reporter, office: Office, fields: Any) -> None:
    case_id = await office.case_id(await reporter.submitted())
    assert (await office.read(office.grant(case_id, fields))).status_code == 401


async def test_a_grant_of_an_unknown_case_says_so(office: Office) -> None:
    answer = await office.read(office.grant(uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "CASE_NOT_FOUND")
