"""Resumable uploads (tus 1.0.0): every acknowledged byte is kept, and a whole file is evidence exactly once."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect

from services.chassis.db import Database
from services.chassis.settings import Settings
from services.complaints import uploads
from services.complaints.runtime import Runtime
from services.complaints.schemas import Credentials
from tests.integration.complaints.office import Office
from tests.integration.complaints.people import Reporter, files_under
from tests.integration.complaints.tus import PATH, Tus

TEXT = b"".join(b"%06d the same line\n" % number for number in range(2_000))


@pytest.fixture(autouse=True)
def small(runtime: Runtime, app: FastAPI, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that small files meet."""
    changes = {"evidence_max_bytes": 100_000, "evidence_open_uploads": 3, "evidence_unscanned": "allow"}
    changed = Runtime.start(settings.model_copy(update=changes), db)
    app.state.runtime = replace(changed, documents=runtime.documents)
    monkeypatch.setattr(uploads, "CHECKPOINT", 10_000)


@pytest.fixture
async def tus(http: httpx.AsyncClient, reporter: Reporter) -> Tus:
    return Tus(http, await reporter.submitted())


async def given(office: Office, app: FastAPI, tus: Tus, location: str) -> bytes:
    """What an officer gets of an upload that is whole."""
    while await app.state.runtime.examiner.step():
        pass
    evidence_id = location.rpartition("/")[2]
    answer = await office.file(evidence_id, office.grant(await office.case_id(tus.receipt)))
    assert answer.status_code == 200, answer.text
    return answer.content


async def rows(admin: "asyncpg.Connection[Any]", tus: Tus, table: str) -> int:
    return int(
        await admin.fetchval(
            f"SELECT count(*) FROM {table} JOIN complaints USING (complaint_id) WHERE case_number = $1",
            tus.receipt["case_number"],
        )
    )


async def test_the_server_says_what_it_can(tus: Tus) -> None:
    answer = await tus.http.options(PATH)
    assert answer.status_code == 204
    assert answer.headers["tus-resumable"] == answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {"creation", "termination", "expiration", "checksum"}
    assert answer.headers["tus-max-size"] == "100000"


async def test_a_file_comes_in_parts_and_is_evidence_once_it_is_whole(
    tus: Tus, office: Office, app: FastAPI, reporter: Reporter, admin: "asyncpg.Connection[Any]"
) -> None:
    created = await tus.create(len(TEXT), "账 目.txt")
    location = created.headers["location"]
    assert (created.status_code, created.headers["upload-offset"]) == (201, "0")
    assert parsedate_to_datetime(created.headers["upload-expires"]).tzinfo is not None
    for start in (0, 7, 20_007):
        end = {0: 7, 7: 20_007, 20_007: len(TEXT)}[start]
        assert await rows(admin, tus, "evidence") == 0
        answer = await tus.patch(location, start, TEXT[start:end])
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(end))
        assert await tus.offset(location) == end
    assert await given(office, app, tus, location) == TEXT
    page = (await office.read(office.grant(await office.case_id(tus.receipt)))).json()
    (item,) = page["evidence"]
    assert (item["name"], item["size"], item["sha256"]) == (
        "账 目.txt", len(TEXT), hashlib.sha256(TEXT).hexdigest(),
    )  # fmt: skip
    assert len((await reporter.tracked(tus.receipt))["files"]) == 1
    assert (await tus.patch(location, len(TEXT), b"")).json()["code"] == "OFFSET_DIFFERS"
    assert await rows(admin, tus, "evidence") == 1
    events = await admin.fetchval(
        "SELECT count(*) FROM outbox WHERE type LIKE '%supplemented%' AND key ="
        " (SELECT complaint_id::text FROM complaints WHERE case_number = $1)",
        tus.receipt["case_number"],
    )
    assert events == 1


async def test_the_disk_holds_nothing_in_the_clear(tus: Tus, evidence_dir: Path) -> None:
    location = await tus.created(len(TEXT), "金丝雀.txt")
    await tus.patch(location, 0, TEXT[:30_000])
    (part,) = files_under(evidence_dir, location.rpartition("/")[2])
    assert b"the same line" not in part.read_bytes()
    assert part.stat().st_mode & 0o077 == 0


async def test_a_sender_who_breaks_off_goes_on_where_it_stopped(tus: Tus, office: Office, app: FastAPI) -> None:
    location = await tus.created(len(TEXT))

    async def breaking() -> AsyncIterator[bytes]:
        yield TEXT[:15_000]
        yield TEXT[15_000:17_000]
        raise ClientDisconnect

    use_case, upload_id = app.state.runtime.uploads, UUID(location.rpartition("/")[2])
    with pytest.raises(ClientDisconnect):
        await use_case.append(Credentials(**tus.receipt), upload_id, 0, breaking())
    assert await tus.offset(location) == 17_000, "all that came is kept"
    await tus.patch(location, 17_000, TEXT[17_000:])
    assert await given(office, app, tus, location) == TEXT


async def test_a_wrong_offset_changes_nothing(tus: Tus) -> None:
    location = await tus.created(100)
    await tus.patch(location, 0, TEXT[:50])
    for offset in (0, 49, 51, 100):
        answer = await tus.patch(location, offset, TEXT[:10])
        assert (answer.status_code, answer.json()["code"]) == (409, "OFFSET_DIFFERS")
    assert await tus.offset(location) == 50


async def test_of_many_who_write_at_once_one_does(tus: Tus, office: Office, app: FastAPI) -> None:
    location = await tus.created(len(TEXT))
    answers = await asyncio.gather(*(tus.patch(location, 0, TEXT) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers)[0] == 204
    assert {answer.status_code for answer in answers[1:]} <= {204, 409, 423}
    assert [answer.status_code for answer in answers].count(204) == 1
    assert await given(office, app, tus, location) == TEXT


async def test_a_part_with_a_wrong_checksum_is_not_kept(tus: Tus, office: Office, app: FastAPI) -> None:
    location = await tus.created(len(TEXT))

    def checksum(algorithm: str, data: bytes) -> str:
        return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"

    wrong = await tus.patch(location, 0, TEXT[:30_000], Upload_Checksum=checksum("sha256", b"other"))
    assert (wrong.status_code, wrong.json()["code"]) == (460, "CHECKSUM_DIFFERS")
    assert await tus.offset(location) == 0
    unknown = await tus.patch(location, 0, TEXT[:30_000], Upload_Checksum="md5 AAAA")
    assert unknown.status_code == 400
    for start, end, algorithm in ((0, 30_000, "sha1"), (30_000, len(TEXT), "sha256")):
        part = TEXT[start:end]
        assert (await tus.patch(location, start, part, Upload_Checksum=checksum(algorithm, part))).status_code == 204
    assert await given(office, app, tus, location) == TEXT


async def test_more_than_was_announced_is_refused(tus: Tus) -> None:
    location = await tus.created(100)
    answer = await tus.patch(location, 0, TEXT[:101])
    assert (answer.status_code, answer.json()["code"]) == (413, "MORE_THAN_ANNOUNCED")
    assert await tus.offset(location) == 0


@pytest.mark.parametrize(("length", "status", "code"), [(100_001, 413, "FILE_TOO_LARGE"), (0, 422, "EMPTY_FILE")])
async def test_a_length_that_is_not_taken_is_refused_at_once(tus: Tus, length: int, status: int, code: str) -> None:
    answer = await tus.create(length)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"


async def test_a_kind_that_is_not_taken_ends_at_its_first_bytes(
    tus: Tus, evidence_dir: Path, admin: "asyncpg.Connection[Any]"
) -> None:
    location = await tus.created(90_000)
    answer = await tus.patch(location, 0, b"MZ\x00" * 3_000)
    assert (answer.status_code, answer.json()["code"]) == (415, "FILE_TYPE_NOT_TAKEN")
    assert (await tus.head(location)).status_code == 404
    assert files_under(evidence_dir, location.rpartition("/")[2]) == []
    drops = await tus.created(9)
    for start in range(0, 9, 3):  # bytes too few to tell, until it is whole
        answer = await tus.patch(drops, start, b"MZ\x00")
    assert answer.status_code == 415
    assert await rows(admin, tus, "evidence") == 0


async def test_an_upload_is_given_up_but_evidence_is_not(tus: Tus, evidence_dir: Path) -> None:
    location = await tus.created(100)
    await tus.patch(location, 0, TEXT[:50])
    assert (await tus.delete(location)).status_code == 204
    assert (await tus.head(location)).status_code == 404
    assert files_under(evidence_dir, location.rpartition("/")[2]) == []
    whole = await tus.created(100)
    await tus.patch(whole, 0, TEXT[:100])
    answer = await tus.delete(whole)
    assert (answer.status_code, answer.json()["code"]) == (403, "UPLOAD_IS_EVIDENCE")
    assert await tus.offset(whole) == 100


async def test_an_upload_that_nobody_goes_on_with_expires(
    tus: Tus, app: FastAPI, evidence_dir: Path, admin: "asyncpg.Connection[Any]", office: Office
) -> None:
    left, whole, live = await tus.created(100), await tus.created(100), await tus.created(100)
    await tus.patch(left, 0, TEXT[:50])
    await tus.patch(whole, 0, TEXT[:100])
    ids = [location.rpartition("/")[2] for location in (left, whole)]
    await admin.execute(
        "UPDATE uploads SET expires_at = clock_timestamp() - $2::interval WHERE upload_id = ANY($1::uuid[])",
        ids,
        timedelta(seconds=1),
    )
    assert (await tus.head(left)).status_code == 410
    assert (await tus.patch(left, 50, TEXT[50:100])).status_code == 410
    await app.state.runtime.uploads.expire()
    assert (await tus.head(left)).status_code == 404
    assert files_under(evidence_dir, ids[0]) == []
    assert await tus.offset(live) == 0
    assert await given(office, app, tus, whole) == TEXT[:100], "evidence stays"


async def test_a_complaint_has_only_so_many_uploads_open(tus: Tus) -> None:
    locations = [await tus.created(100) for _ in range(3)]
    answer = await tus.create(100)
    assert (answer.status_code, answer.json()["code"]) == (409, "TOO_MANY_UPLOADS")
    await tus.delete(locations[0])
    assert (await tus.create(100)).status_code == 201


async def test_an_upload_belongs_to_its_complaint(tus: Tus, reporter: Reporter) -> None:
    location = await tus.created(100)
    other = Tus(tus.http, await reporter.submitted())
    for answer in (
        await other.head(location), await other.patch(location, 0, b"x"), await other.delete(location),
    ):  # fmt: skip
        assert answer.status_code == 404
    wrong = Tus(tus.http, {**tus.receipt, "query_code": other.receipt["query_code"]})
    answer = await wrong.create(100)
    assert (answer.status_code, answer.json()["code"]) == (404, "TRACKING_NOT_FOUND")
    assert await tus.offset(location) == 0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": "Basic !!"}, 401),
        ({"Authorization": ""}, 401),
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "many"}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "٣"}, 400),
    ],
)
async def test_what_is_no_tus_is_refused_in_words(tus: Tus, changes: dict[str, str], status: int) -> None:
    headers = {**tus.headers(Upload_Length="10"), **changes}
    answer = await tus.http.post(PATH, headers={name: value.encode() for name, value in headers.items()})
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert answer.headers["cache-control"] == "no-store"
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_part_says_that_it_is_one(tus: Tus) -> None:
    location = await tus.created(10)
    answer = await tus.http.patch(
        location, headers=tus.headers(Content_Type="text/plain", Upload_Offset="0"), content=b"x"
    )
    assert answer.status_code == 415


async def test_metadata_that_is_rubbish_names_no_file(tus: Tus) -> None:
    for header in ("", "filename", "filename !!!", ",,,", "filename " + "A" * 9_000):
        headers = tus.headers(Upload_Length="5", Upload_Metadata=header)
        answer = await tus.http.post(PATH, headers=headers)
        assert answer.status_code == 201
        await tus.delete(answer.headers["location"])
