"""Evidence: taken once, sealed, examined before any officer gets it, and given as a copy without metadata."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from fastapi import FastAPI

from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.complaints import files
from services.complaints.clamd import ScannerAway
from services.complaints.runtime import Runtime
from tests.integration.complaints.office import Office, word_of
from tests.integration.complaints.people import Reporter, files_under, new_key
from tests.integration.complaints.scanning import EICAR, Scanner, real_clamd
from tests.unit.complaints import samples


@pytest.fixture
async def scanner() -> AsyncIterator[Scanner]:
    scanner = Scanner()
    async with scanner.running():
        yield scanner


def use(runtime: Runtime, app: FastAPI, settings: Settings, db: Database, **changes: Any) -> None:
    """Let the service run with other settings."""
    changed = Runtime.start(settings.model_copy(update=changes), db)
    app.state.runtime = replace(changed, documents=runtime.documents)


async def examine(app: FastAPI) -> None:
    """What the background task does when it is woken: everything that waits."""
    while await app.state.runtime.examiner.step():
        pass


@pytest.fixture
def scanned(runtime: Runtime, app: FastAPI, settings: Settings, db: Database, scanner: Scanner) -> None:
    use(runtime, app, settings, db, clamd_address=scanner.address, evidence_unscanned="refuse")


async def item(office: Office, receipt: dict[str, str]) -> dict[str, Any]:
    """The complaint's one file in the officer's list."""
    page = (await office.read(office.grant(await office.case_id(receipt)))).json()
    found: list[dict[str, Any]] = page["evidence"]
    assert len(found) == 1
    return found[0]


async def got(office: Office, receipt: dict[str, str], sent: httpx.Response) -> httpx.Response:
    assert sent.status_code == 201, sent.text
    return await office.file(sent.json()["id"], office.grant(await office.case_id(receipt)))


@pytest.mark.usefixtures("scanned")
async def test_a_clean_file_is_given_without_metadata_and_its_original_kept(
    reporter: Reporter, office: Office, app: FastAPI, evidence_dir: Path
) -> None:
    receipt, original = await reporter.submitted(), samples.picture("JPEG")
    sent = await reporter.upload(receipt, original, "IMG_0042.HEIC")
    early = await got(office, receipt, sent)
    assert (early.status_code, early.json()["code"]) == (409, "EVIDENCE_NOT_EXAMINED")
    assert (await item(office, receipt))["available"] is False
    await examine(app)
    listed = await item(office, receipt)
    assert (listed["state"], listed["available"], listed["finding"]) == ("CLEAN", True, None)
    assert listed["sha256"] == hashlib.sha256(original).hexdigest() == sent.json()["sha256"]
    answer = await got(office, receipt, sent)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert samples.WHO.encode() in original
    assert samples.WHO.encode() not in answer.content
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''IMG_0042.jpg"
    kept = {path.name: path.read_bytes() for path in files_under(evidence_dir, f"{sent.json()['id']}.*")}
    assert len(kept) == 2, "the original and the copy"
    assert not any(samples.WHO.encode() in blob for blob in kept.values())


@pytest.mark.usefixtures("scanned")
async def test_an_original_is_given_on_the_vaults_word_alone_used_once_and_on_record(
    reporter: Reporter, office: Office, app: FastAPI, admin: "asyncpg.Connection[Any]", settings: Settings
) -> None:
    receipt, data, vault = await reporter.submitted(), samples.picture("JPEG"), ServiceTokens("vault", settings)
    sent, case_id = (await reporter.upload(receipt, data, "IMG.jpg")).json()["id"], await office.case_id(receipt)
    own = str(
        await admin.fetchval("SELECT complaint_id FROM complaints WHERE case_number = $1", receipt["case_number"])
    )
    early = await office.original(sent, case_id, word_of(vault, sent, case_id, own))
    assert (early.status_code, early.json()["code"]) == (409, "EVIDENCE_NOT_EXAMINED")
    await examine(app)
    word = word_of(vault, sent, case_id, own)
    answer = await office.original(sent, case_id, word_of(vault, sent, case_id, str(case_id)), word)
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["x-content-sha256"] == hashlib.sha256(data).hexdigest()
    assert (f"original:{sent}", "officer-1", ["original"]) in await office.readings(case_id)
    again = await office.original(sent, case_id, word)
    assert (again.status_code, again.json()["code"]) == (401, "GRANT_USED"), "each word of the vault once"
    other = "00000000-0000-4000-8000-000000000000"
    for words in (
        (),
        (word_of(vault, other, case_id, own),),
        (word_of(vault, sent, other, own),),
        (word_of(vault, sent, case_id, other),),
        (word_of(vault, sent, case_id, own, subject="officer-2"),),
    ):
        assert (await office.original(sent, case_id, *words)).status_code == 403
    for word in (
        word_of(ServiceTokens("referrals", settings), sent, case_id, own),
        word_of(vault, sent, case_id, own, purpose="identity.read"),
    ):
        assert (await office.original(sent, case_id, word)).status_code == 401
    with_copy = {"Authorization": f"Bearer {office.grant(case_id)}"}
    assert (await office.http.get(f"/v1/evidence/{sent}/original", headers=with_copy)).status_code == 403


@pytest.mark.usefixtures("scanned")
async def test_an_infected_original_is_given_to_nobody(
    reporter: Reporter, office: Office, app: FastAPI, admin: "asyncpg.Connection[Any]", settings: Settings
) -> None:
    receipt, vault = await reporter.submitted(), ServiceTokens("vault", settings)
    sent, case_id = (await reporter.upload(receipt, EICAR, "a.txt")).json()["id"], await office.case_id(receipt)
    await examine(app)
    own = await admin.fetchval("SELECT complaint_id FROM complaints WHERE case_number = $1", receipt["case_number"])
    answer = await office.original(sent, case_id, word_of(vault, sent, case_id, str(own)))
    assert (answer.status_code, answer.json()["code"]) == (403, "EVIDENCE_INFECTED")


@pytest.mark.usefixtures("scanned")
async def test_an_answer_with_a_file_is_saved_and_never_shown(reporter: Reporter, office: Office, app: FastAPI) -> None:
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, b"<script>alert(1)</script>", "x.html")
    await examine(app)
    answer = await got(office, receipt, sent)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''x.txt"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    again = await office.file(sent.json()["id"], office.grant(await office.case_id(receipt)))
    assert again.status_code == 200, "each reading takes a grant of its own"


@pytest.mark.usefixtures("scanned")
async def test_an_infected_file_is_given_to_nobody_and_everybody_is_told(
    reporter: Reporter, office: Office, app: FastAPI
) -> None:
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, EICAR, "report.txt")
    await examine(app)
    answer = await got(office, receipt, sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "EVIDENCE_INFECTED")
    assert "Test-Signature" in answer.json()["detail"]
    listed = await item(office, receipt)
    assert (listed["state"], listed["finding"], listed["available"]) == ("INFECTED", "Test-Signature", False)
    (own,) = (await reporter.tracked(receipt))["files"]
    assert own["state"] == "INFECTED"
    assert "恶意程序" in own["text"]


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7 broken", "broken"),
        (samples.packed({"[Content_Types].xml": "<Types/>", "evil.exe": b"MZ"}), "unknown kind"),
        (b"\xff\xd8\xff" + bytes(1000), "broken"),
    ],
)
async def test_a_file_that_nobody_can_look_into_is_given_to_nobody(
    reporter: Reporter, office: Office, app: FastAPI, data: bytes, reason: str
) -> None:
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, data, "a.pdf")
    await examine(app)
    answer = await got(office, receipt, sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "EVIDENCE_UNREADABLE")
    listed = await item(office, receipt)
    assert (listed["state"], listed["finding"]) == ("UNREADABLE", reason)
    assert "不能使用" in (await reporter.tracked(receipt))["files"][0]["text"]


async def test_without_a_scanner_a_file_says_so_and_is_given_only_where_that_is_allowed(
    reporter: Reporter, office: Office, app: FastAPI, runtime: Runtime, settings: Settings, db: Database
) -> None:
    use(runtime, app, settings, db, evidence_unscanned="refuse")
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, b"text")
    await examine(app)
    refused = await got(office, receipt, sent)
    assert (refused.status_code, refused.json()["code"]) == (409, "EVIDENCE_NOT_SCANNED")
    assert (await item(office, receipt))["available"] is False
    use(runtime, app, settings, db, evidence_unscanned="allow")
    assert (await got(office, receipt, sent)).content == b"text"
    listed = await item(office, receipt)
    assert (listed["state"], listed["available"]) == ("NOT_SCANNED", True)


async def test_a_scanner_that_is_set_up_later_looks_at_what_was_not_scanned(
    reporter: Reporter, office: Office, app: FastAPI, runtime: Runtime, settings: Settings, db: Database,
    scanner: Scanner,
) -> None:  # fmt: skip
    use(runtime, app, settings, db, evidence_unscanned="allow")
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, EICAR)
    await examine(app)
    assert (await got(office, receipt, sent)).content == EICAR
    use(runtime, app, settings, db, evidence_unscanned="allow", clamd_address=scanner.address)
    await examine(app)
    assert (await got(office, receipt, sent)).status_code == 403


async def test_files_wait_for_a_scanner_that_is_away_and_no_file_keeps_the_others_waiting(
    reporter: Reporter, office: Office, app: FastAPI, runtime: Runtime, settings: Settings, db: Database,
    scanner: Scanner, admin: "asyncpg.Connection[Any]",
) -> None:  # fmt: skip
    use(runtime, app, settings, db, clamd_address=scanner.address)
    await examine(app)
    scanner.silent = True
    receipt, other = await reporter.submitted(), await reporter.submitted()
    sent = await reporter.upload(receipt, b"one")
    with pytest.raises(ScannerAway):
        await app.state.runtime.examiner.step()
    assert (await got(office, receipt, sent)).json()["code"] == "EVIDENCE_NOT_EXAMINED"
    scanner.silent = False
    behind = await reporter.upload(other, b"two")
    await examine(app)
    assert (await got(office, other, behind)).content == b"two"
    assert (await item(office, receipt))["state"] == "RECEIVED", "it is tried again, later"
    await admin.execute("UPDATE evidence SET examine_after = clock_timestamp() WHERE state = 'RECEIVED'")
    await examine(app)
    assert (await got(office, receipt, sent)).content == b"one"


@pytest.mark.usefixtures("scanned")
async def test_a_file_that_was_changed_on_the_disk_is_given_to_nobody(
    reporter: Reporter, office: Office, app: FastAPI, evidence_dir: Path
) -> None:
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, b"text")
    (file,) = files_under(evidence_dir, f"{sent.json()['id']}.*")
    blob = bytearray(file.read_bytes())
    blob[-1] ^= 1
    file.write_bytes(blob)
    await examine(app)
    assert (await item(office, receipt))["finding"] == "seal"


async def test_the_background_task_examines_what_comes_in_and_what_a_killed_one_left(
    reporter: Reporter, office: Office, app: FastAPI, runtime: Runtime, settings: Settings, db: Database,
    scanner: Scanner,
) -> None:  # fmt: skip
    use(runtime, app, settings, db, clamd_address=scanner.address, evidence_poll_seconds=60.0)
    receipt = await reporter.submitted()
    left = await reporter.upload(receipt, b"left by a killed process")
    task = asyncio.create_task(app.state.runtime.examiner.run())
    try:
        assert (await until_given(office, receipt, left)).content == b"left by a killed process"
        new = await reporter.upload(receipt, b"new")
        assert (await until_given(office, receipt, new)).content == b"new"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_is_stopped_while_a_file_is_read_says_no_error_and_the_next_start_looks_at_it_again(
    reporter: Reporter, office: Office, app: FastAPI, runtime: Runtime, settings: Settings, db: Database,
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    use(runtime, app, settings, db, clamd_address=scanner.address)
    await examine(app)
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, b"one")
    reading, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    examiner = app.state.runtime.examiner

    def slow(*_: Any) -> Iterator[bytes]:
        try:
            reading.set()
            assert go_on.wait(60)
            yield b"one"
        finally:
            closed.set()

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logged:
        patch.setattr(examiner, "_chunks", slow)
        task = asyncio.create_task(examiner.step())
        assert await asyncio.to_thread(reading.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await asyncio.to_thread(closed.wait, 60), "the disk's file is not left open"
    assert "evidence_not_examined" not in [entry["event"] for entry in logged]
    await examine(app)
    assert (await got(office, receipt, sent)).content == b"one", "at once, not when it would be tried again"


async def until_given(office: Office, receipt: dict[str, str], sent: httpx.Response) -> httpx.Response:
    async with asyncio.timeout(60):
        while (answer := await got(office, receipt, sent)).status_code == 409:
            await asyncio.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_clamd(tmp_path_factory.mktemp("clamd")) as address:
        yield address


async def test_clamav_itself_finds_the_test_signature_and_gates_the_download(
    reporter: Reporter, office: Office, app: FastAPI, runtime: Runtime, settings: Settings, db: Database, clamd: str
) -> None:
    use(runtime, app, settings, db, clamd_address=clamd)
    receipt, other = await reporter.submitted(), await reporter.submitted()
    bad, good = await reporter.upload(receipt, EICAR), await reporter.upload(other, samples.pdf())
    await examine(app)
    assert (await got(office, receipt, bad)).json()["code"] == "EVIDENCE_INFECTED"
    assert (await item(office, receipt))["finding"] == "Eicar-Test-Signature.UNOFFICIAL"
    assert (await got(office, other, good)).content.startswith(b"%PDF-")


async def test_evidence_of_another_case_is_not_found(reporter: Reporter, office: Office) -> None:
    mine, other = await reporter.submitted(), await reporter.submitted()
    uploaded = (await reporter.upload(other, b"x")).json()["id"]
    answer = await office.file(uploaded, office.grant(await office.case_id(mine)))
    assert (answer.status_code, answer.json()["code"]) == (404, "EVIDENCE_NOT_FOUND")


@pytest.mark.usefixtures("scanned")
async def test_a_crash_between_file_and_row_leaves_nothing_that_a_repeat_does_not_take_over(
    reporter: Reporter, office: Office, app: FastAPI, evidence_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, key, data = await reporter.submitted(), new_key(), "转账记录".encode()

    async def crash(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(files, "add_evidence", crash)
        assert (await reporter.upload(receipt, data, key=key)).status_code == 500
    sent = await reporter.upload(receipt, data, key=key)
    assert len(files_under(evidence_dir, f"{sent.json()['id']}.*")) == 1
    await examine(app)
    assert (await got(office, receipt, sent)).content == data


@pytest.mark.usefixtures("scanned")
async def test_a_file_sent_again_is_one_file_and_another_content_does_not_replace_it(
    reporter: Reporter, office: Office, app: FastAPI, evidence_dir: Path
) -> None:
    receipt, key = await reporter.submitted(), new_key()
    answers = await asyncio.gather(*(reporter.upload(receipt, b"one", key=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = await reporter.upload(receipt, b"two", key=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    await examine(app)
    assert (await got(office, receipt, answers[0])).content == b"one"
    complaint = files_under(evidence_dir, f"{answers[0].json()['id']}.*")[0].parent
    assert len(files_under(complaint)) == 2, "the original, its copy, and no draft"


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x00b.txt", "", "名" * 300, 'x".exe\r\nX: y'])
async def test_any_file_name_is_harmless(reporter: Reporter, office: Office, app: FastAPI, name: str) -> None:
    receipt = await reporter.submitted()
    sent = await reporter.upload(receipt, b"text", name)
    if sent.status_code == 201:
        await examine(app)
        answer = await got(office, receipt, sent)
        assert answer.content == b"text"
        assert "x" not in answer.headers
    else:
        assert sent.status_code in (400, 422)


async def test_a_file_above_the_limit_is_refused_before_it_was_read(
    reporter: Reporter, app: FastAPI, runtime: Runtime, settings: Settings, db: Database
) -> None:
    use(runtime, app, settings, db, evidence_max_bytes=1024 * 1024)
    receipt, read = await reporter.submitted(), 0
    form = httpx.Request(
        "POST", "http://x", data=receipt, files={"file": ("a.txt", b"x" * 10 * 1024 * 1024)}
    )  # only to have httpx write the body
    body = await form.aread()

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for start in range(0, len(body), 64 * 1024):
            read += 64 * 1024
            yield body[start : start + 64 * 1024]

    headers = {"Content-Type": form.headers["content-type"], "Idempotency-Key": new_key()}
    answer = await reporter.http.post("/v1/tracking/evidence", content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "FILE_TOO_LARGE")
    assert "1 MB" in answer.json()["detail"]
    assert read < 2 * 1024 * 1024


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
