"""The sender against a real mail server that dies, refuses, greylists and breaks off."""

import asyncio
import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from contracts.complaints import CodeReissued, ComplaintSubmitted, ContactWay, RightsAnswered, RightsAsked
from contracts.rights import Right
from deploy.ports import free_ports
from deploy.stack import Stack
from services.chassis.db import Database
from services.notifications import repository, service
from services.notifications.attempts import Outcome, Result
from services.notifications.domain import Reason, Template
from services.notifications.mail import compose
from services.notifications.settings import NotificationSettings
from services.notifications.smtp import Mailer
from tests.certificates import Authority
from tests.integration.notifications.helpers import (
    ADDRESS,
    FakeVault,
    Mailserver,
    Sending,
    mails,
    message_ids,
    no_unsettled,
    owed,
    rows,
    steps,
    until,
)


async def test_a_receipt_reaches_the_reporter_once(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    await owed(db, vault)
    async with sending():
        await until(lambda: no_unsettled(db))
    ((to, content),) = mailserver.taken
    assert to == ADDRESS
    message = email.message_from_bytes(content, policy=email.policy.default)
    (notice,) = await rows(db)
    assert message["Message-ID"] == f"<{notice.notice_id}@example.org>"
    assert await mails(db) == [("DELIVERED", None, 1, False)]


async def test_a_new_query_code_is_fetched_when_it_is_sent_and_kept_nowhere(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    complaint, code = await owed(db, vault), "0123-4567-89AB-CDEF-G"
    event = CodeReissued(
        complaint_id=complaint.complaint_id, case_ids=complaint.case_ids, at=complaint.at, reissue_id=uuid4()
    )
    vault.codes[str(event.reissue_id)] = code
    for event_id in [uuid4()] * 2:
        async with db.session() as session:
            await service.on_reissued(session, event_id, event)
    async with sending():
        await until(lambda: no_unsettled(db))
    texts = [
        email.message_from_bytes(content, policy=email.policy.default).get_body(("plain",)).get_content()  # type: ignore[attr-defined]
        for _, content in mailserver.taken
    ]
    assert [code in text for text in sorted(texts, key=lambda text: code in text)] == [False, True]
    assert {to for to, _ in mailserver.taken} == {ADDRESS}
    assert code not in str([tuple(row) for row in await rows(db)])
    assert "CODE_REISSUED" not in generate_latest().decode(), "metrics need no log-in: they tell of no right guess"


def answered(complaint: ComplaintSubmitted, kind: Right, *ways: ContactWay) -> RightsAnswered:
    """A yes after which the reporter is reached by these ways."""
    return RightsAnswered(
        complaint_id=complaint.complaint_id, case_ids=complaint.case_ids, at=complaint.at, request_id=uuid4(),
        kind=kind, granted=True, contact_changed=True, contact_token=complaint.contact_token, ways=ways, named=True,
    )  # fmt: skip


async def test_what_waits_is_not_sent_after_a_restriction(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    complaint = await owed(db, vault)
    await steps(db, complaint)
    async with db.session() as session:
        await service.on_rights(session, uuid4(), answered(complaint, Right.RESTRICTION))
    async with sending():
        await until(lambda: no_unsettled(db))
    assert mailserver.taken == []
    assert {state for state, *_ in await mails(db)} == {"SKIPPED"}


async def test_a_request_is_never_told_to_the_address_that_it_brought(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    complaint = await owed(db, vault)
    told = {"complaint_id": complaint.complaint_id, "case_ids": complaint.case_ids, "at": complaint.at}
    asked = RightsAsked(**told, request_id=uuid4(), kind=Right.CORRECTION)  # type: ignore[arg-type]
    async with db.session() as session:
        await service.on_rights(session, uuid4(), asked)
        await service.on_rights(session, uuid4(), answered(complaint, Right.CORRECTION, ContactWay.EMAIL))
    async with sending():
        await until(lambda: no_unsettled(db))
    ended = {row.template: (row.state, row.reason) for row in await rows(db)}
    assert ended["RIGHTS_ASKED"] == ("SKIPPED", "CONTACT_CHANGED")
    assert ended["RIGHTS_ANSWERED"] == ("DELIVERED", None)
    assert len(mailserver.taken) == 2


async def test_a_reporters_mails_come_in_the_order_of_the_steps(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    await steps(db, await owed(db, vault))
    async with sending():
        await until(lambda: no_unsettled(db))
    subjects = [
        str(email.message_from_bytes(content, policy=email.policy.default)["Subject"]).rpartition("：")[2]
        for _, content in mailserver.taken
    ]
    assert subjects == ["已收到", "已受理", "已转交办理", "承办单位已确定"]


async def test_a_dead_mail_server_heals_by_itself_with_nothing_lost_and_nothing_doubled(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    mailserver.stop()
    total = 0
    async with sending():
        for _ in range(10):
            total += 1 + await steps(db, await owed(db, vault))
        await asyncio.sleep(3)
        assert not mailserver.taken
        assert {state for state, *_ in await mails(db)} <= {"PENDING", "SENDING"}
        mailserver.start()
        await until(lambda: no_unsettled(db), 40)
    assert len(message_ids(mailserver)) == total == 40
    assert set(message_ids(mailserver).values()) == {1}
    assert {(state, repeated) for state, _, _, repeated in await mails(db)} == {("DELIVERED", False)}


async def test_greylisting_delays_and_no_more(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    replies = iter(["451 4.7.1 greylisted, try again", "450 4.2.0 not yet"])
    mailserver.rules["RCPT"] = lambda: next(replies, None)
    await owed(db, vault)
    async with sending():
        await until(lambda: no_unsettled(db))
    assert await mails(db) == [("DELIVERED", None, 3, False)]
    assert len(mailserver.taken) == 1


@pytest.mark.parametrize(
    ("verb", "reply", "reason", "attempts"),
    [
        ("RCPT", f"550 5.1.1 <{ADDRESS}>: no such user", "RECIPIENT_REFUSED", 2),
        ("DATA", f"554 5.7.1 spam from a friend of {ADDRESS}", "MESSAGE_REFUSED", 3),
    ],
)
async def test_a_lasting_refusal_ends_in_failed_and_its_words_are_kept_nowhere(
    db: Database,
    vault: FakeVault,
    mailserver: Mailserver,
    sending: Sending,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    reply: str,
    reason: str,
    attempts: int,
) -> None:
    mailserver.rules[verb] = lambda: reply
    await owed(db, vault)
    with capture_logs() as logs:
        async with sending():
            await until(lambda: no_unsettled(db))
    assert await mails(db) == [("FAILED", reason, attempts, False)]
    (row,) = await rows(db)
    assert row.last_code == int(reply[:3])
    assert not mailserver.taken
    captured = capsys.readouterr()
    assert "zhang" not in str(logs) + captured.out + captured.err


async def test_a_wrong_set_up_of_ours_is_not_the_reporters_fault(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    """Sender refused, or log-in wanted: tried on until the operator has repaired it."""
    replies = iter(["530 5.7.0 authentication required", "550 5.7.1 sender not allowed"])
    mailserver.rules["MAIL"] = lambda: next(replies, None)
    await owed(db, vault)
    async with sending():
        await until(lambda: no_unsettled(db))
    assert await mails(db) == [("DELIVERED", None, 3, False)]


async def test_a_server_that_never_answers_the_mail_leaves_it_possibly_repeated(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    mailserver.hold = 4.0  # longer than our patience; it has taken the mail all the same
    await owed(db, vault)
    async with sending():
        await until(lambda: taken(mailserver, 1))
        mailserver.hold = 0.0
        await until(lambda: no_unsettled(db))
    ((state, _, attempts, repeated),) = await mails(db)
    assert (state, attempts, repeated) == ("DELIVERED", 2, True)
    assert list(message_ids(mailserver).values()) == [2], "the same Message-ID both times"


async def taken(mailserver: Mailserver, number: int) -> bool:
    return len(mailserver.taken) >= number


async def test_a_vault_that_is_away_delays_and_no_more(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    vault.away = True
    await owed(db, vault)
    async with sending():
        await until(lambda: waits_for(db, "VAULT_AWAY"))
        vault.away, vault.status = False, 503
        await asyncio.sleep(1.5)
        vault.status = 200
        await until(lambda: no_unsettled(db))
    assert [(state, repeated) for state, _, _, repeated in await mails(db)] == [("DELIVERED", False)]
    assert len(mailserver.taken) == 1


async def waits_for(db: Database, reason: str) -> bool:
    return bool(await rows(db, "SELECT 1 FROM notices WHERE state = 'PENDING' AND reason = :reason", reason=reason))


async def test_a_contact_that_is_gone_fails_and_one_without_address_is_skipped(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    gone = await owed(db, vault)
    assert gone.contact_token is not None
    del vault.addresses[gone.contact_token]
    await owed(db, vault, None)
    async with sending():
        await until(lambda: no_unsettled(db))
    assert sorted(ended[:2] for ended in await mails(db)) == [("FAILED", "ADDRESS_GONE"), ("SKIPPED", "NO_ADDRESS")]
    assert not mailserver.taken


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: all@example.com", "a@b.example>\r\nDATA", "no address"])
async def test_an_address_with_more_in_it_is_never_spoken_to_the_server(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending, address: str
) -> None:
    await owed(db, vault, address)
    async with sending():
        await until(lambda: no_unsettled(db))
    assert await mails(db) == [("FAILED", "ADDRESS_MALFORMED", 1, False)]
    assert mailserver.talks == 0


async def test_the_address_is_opened_for_each_attempt_and_kept_in_no_table(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    replies = iter(["451 later"])
    mailserver.rules["RCPT"] = lambda: next(replies, None)
    await owed(db, vault)
    async with sending():
        await until(lambda: no_unsettled(db))
    assert len(vault.asked) == 2
    for table in ("recipients", "notices", "officer_notices", "outbox", "inbox", "dead_letters"):
        for row in await rows(db, f"SELECT to_jsonb(t)::text AS content FROM {table} t"):
            assert "zhang" not in row.content
    for row in await rows(db, "SELECT convert_from(payload, 'UTF8') AS content FROM outbox"):
        assert "zhang" not in row.content


async def test_two_senders_share_the_work_and_send_nothing_twice(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    for _ in range(30):
        await owed(db, vault)
    async with sending(), sending():
        await until(lambda: no_unsettled(db))
    assert set(message_ids(mailserver).values()) == {1}
    assert len(mailserver.taken) == 30


async def test_a_notice_that_a_dead_process_held_goes_again_and_is_marked(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending, settings: NotificationSettings
) -> None:
    await owed(db, vault)
    async with db.session() as session:
        (held,) = await repository.claim(
            session, limit=1, lease=timedelta(seconds=settings.sender_lease_seconds), busy=()
        )
    async with sending():
        await asyncio.sleep(0.5)
        assert not mailserver.taken, "its lease has not run out: the holder may be alive"
        await until(lambda: no_unsettled(db))
    assert await mails(db) == [("DELIVERED", None, 2, True)]
    async with db.session() as session:
        _, still_held = await service.finish_attempt(session, held, Outcome(Result.SENT))
    assert not still_held, "the late holder changes nothing"
    assert await mails(db) == [("DELIVERED", None, 2, True)]


async def test_every_settled_notice_to_a_reporter_is_announced_once(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    await steps(db, await owed(db, vault))
    async with sending():
        await until(lambda: no_unsettled(db))
    ledger = [str(row.notice_id) for row in await rows(db, "SELECT notice_id FROM notices WHERE unit_id IS NULL")]
    announced = await rows(db, "SELECT convert_from(payload, 'UTF8')::jsonb->>'notice_id' AS id FROM outbox")
    assert sorted(row.id for row in announced) == sorted(ledger)


async def test_a_database_that_drops_every_connection_makes_no_mail_go_twice(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending, stack_engines: Stack
) -> None:
    """What the server took is written down as soon as the database is back."""
    for _ in range(20):
        await owed(db, vault)
    mailserver.hold = 0.2
    admin = await asyncpg.connect(stack_engines.config.admin_dsn())
    name = db.dsn.rpartition("/")[2]
    async with sending():
        for _ in range(8):
            await asyncio.sleep(0.25)
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
                name,
            )
        await admin.close()
        await asyncio.sleep(1)
        await until(lambda: no_unsettled(db), 30)
    assert {state for state, *_ in await mails(db)} == {"DELIVERED"}
    assert set(message_ids(mailserver).values()) == {1}
    assert len(mailserver.taken) == 20


async def test_with_starttls_nothing_is_said_in_the_clear_and_a_strange_certificate_is_refused(
    db: Database, vault: FakeVault, settings: NotificationSettings, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server = Mailserver(free_ports()["mailsink_smtp"], tls=authority.sign().server_context())
    server.start()
    message = compose(
        notice_id=uuid4(),
        template=Template.RECEIPT,
        data={},
        case_number="HY-1",
        language="zh",
        sender=settings.mail_from,
        to=ADDRESS,
        tracking_url=settings.tracking_url,
        date=datetime.now(UTC),
    )
    secured = {"smtp_port": server.port, "smtp_host": "localhost", "smtp_starttls": True}
    try:
        trusting = Mailer(settings.model_copy(update=secured | {"smtp_ca_file": str(authority.file)}))
        assert (await trusting.send(message, ADDRESS)).result is Result.SENT
        strict = Mailer(settings.model_copy(update=secured))
        assert (await strict.send(message, ADDRESS)).result is Result.TRY_AGAIN
        plain = Mailer(settings.model_copy(update=secured | {"smtp_starttls": False}))
        assert (await plain.send(message, ADDRESS)).reason is Reason.SERVER_SETUP  # 530: STARTTLS first
    finally:
        server.stop()
    assert len(server.taken) == 1


async def test_a_server_without_starttls_gets_no_mail_when_it_is_demanded(
    mailserver: Mailserver, settings: NotificationSettings
) -> None:
    demanding = Mailer(settings.model_copy(update={"smtp_starttls": True}))
    outcome = await demanding.send(EmailMessage(), ADDRESS)
    assert outcome.result is Result.TRY_AGAIN
    assert mailserver.talks == 0
