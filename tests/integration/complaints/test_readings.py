"""Officers read sealed texts by grant: once, in time, what it names, and on record. Evidence outlives a crash."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.chassis.auth import ServiceTokens
from services.chassis.settings import Settings
from services.complaints import repository
from tests.integration.complaints.people import FORM, Reporter, files_under, new_key

ALL = ("narrative", "wants", "respondents", "supplements", "evidence")


class Office:
    """Referrals handing out grants, and an officer using them."""

    def __init__(self, http: httpx.AsyncClient, tokens: ServiceTokens, admin: "asyncpg.Connection[Any]") -> None:
        self.http = http
        self.tokens = tokens
        self.admin = admin

    def grant(self, case_id: UUID | str, fields: Any = ALL, **changes: Any) -> str:
        given: dict[str, Any] = {"audience": "complaints", "purpose": "narrative", "subject": "officer-1", **changes}
        claims = {"case_id": str(case_id), "fields": fields}
        return self.tokens.issue(given.pop("audience"), given.pop("purpose"), claims=claims, **given)

    async def read(self, grant: str) -> httpx.Response:
        return await self.http.post("/v1/narratives", headers={"Authorization": f"Bearer {grant}"})

    async def file(self, evidence_id: str, grant: str) -> httpx.Response:
        return await self.http.get(f"/v1/evidence/{evidence_id}", headers={"Authorization": f"Bearer {grant}"})

    async def case_id(self, receipt: dict[str, str]) -> UUID:
        found: UUID = await self.admin.fetchval(
            "SELECT case_id FROM complaint_cases JOIN complaints USING (complaint_id) WHERE case_number = $1",
            receipt["case_number"],
        )
        return found

    async def readings(self, case_id: UUID) -> list[tuple[Any, ...]]:
        rows = await self.admin.fetch(
            "SELECT resource, officer, fields FROM narrative_access WHERE case_id = $1 ORDER BY at", case_id
        )
        return [tuple(row) for row in rows]


@pytest.fixture
def office(http: httpx.AsyncClient, referrals_tokens: ServiceTokens, admin: "asyncpg.Connection[Any]") -> Office:
    return Office(http, referrals_tokens, admin)


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
        office.tokens = ServiceTokens(name, settings.keys_dir)
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


async def test_evidence_comes_back_as_it_was_sent_and_is_saved_not_shown(
    reporter: Reporter, office: Office, evidence_dir: Path
) -> None:
    receipt = await reporter.submitted()
    data = b"%PDF-1.7 " + bytes(range(256)) * 4_000
    sent = await reporter.upload(receipt, data, "收据 (1).pdf")
    assert sent.status_code == 201, sent.text
    assert sent.json()["size"] == len(data)
    case_id = await office.case_id(receipt)
    grant = office.grant(case_id)
    got = await office.file(sent.json()["id"], grant)
    assert got.content == data
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E6%94%B6%E6%8D%AE")
    assert (await office.file(sent.json()["id"], grant)).status_code == 401
    stored = files_under(evidence_dir, f"{sent.json()['id']}.*")[0].read_bytes()
    assert data[:64] not in stored
    assert data[-64:] not in stored


async def test_evidence_of_another_case_is_not_found(reporter: Reporter, office: Office) -> None:
    mine, other = await reporter.submitted(), await reporter.submitted()
    uploaded = (await reporter.upload(other, b"x")).json()["id"]
    answer = await office.file(uploaded, office.grant(await office.case_id(mine)))
    assert (answer.status_code, answer.json()["code"]) == (404, "EVIDENCE_NOT_FOUND")


async def test_a_crash_between_file_and_row_leaves_nothing_that_a_repeat_does_not_take_over(
    reporter: Reporter, office: Office, evidence_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, key, data = await reporter.submitted(), new_key(), "转账记录".encode()

    async def crash(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "add_evidence", crash)
        assert (await reporter.upload(receipt, data, key=key)).status_code == 500
    sent = await reporter.upload(receipt, data, key=key)
    assert sent.status_code == 201
    assert len(files_under(evidence_dir, f"{sent.json()['id']}.*")) == 1
    got = await office.file(sent.json()["id"], office.grant(await office.case_id(receipt)))
    assert got.content == data


async def test_a_file_sent_again_is_one_file_and_another_content_does_not_replace_it(
    reporter: Reporter, office: Office, evidence_dir: Path
) -> None:
    receipt, key = await reporter.submitted(), new_key()
    answers = await asyncio.gather(*(reporter.upload(receipt, b"one", key=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = await reporter.upload(receipt, b"two", key=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    sent = answers[0].json()["id"]
    assert (await office.file(sent, office.grant(await office.case_id(receipt)))).content == b"one"
    assert len(files_under(evidence_dir, f"{sent}.*")) == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x00b.txt", "", "名" * 300, 'x".exe\r\nX: y'])
async def test_any_file_name_is_harmless(reporter: Reporter, office: Office, name: str) -> None:
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, b"text", name)
    if sent.status_code == 201:
        got = await office.file(sent.json()["id"], office.grant(await office.case_id(receipt)))
        assert got.content == b"text"
        assert "x" not in got.headers
    else:
        assert sent.status_code in (400, 422)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nnot a file\r\n--x--",
        ),
        ("multipart/form-data; boundary=x", b"\xff\xfe\x00"),
    ],
)
async def test_what_is_no_upload_is_refused(http: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    headers = {"Content-Type": content_type, "Idempotency-Key": new_key()}
    answer = await http.post("/v1/tracking/evidence", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
