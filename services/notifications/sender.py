"""The sender: takes due notices, opens the address, sends, writes down how it ended. Outlives any engine's absence."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from uuid import UUID

import structlog

from services.chassis.db import Database
from services.chassis.outages import engine_away
from services.chassis.tracing import tracer
from services.notifications import metrics, repository, service
from services.notifications.address import ContactGone, Vault, VaultAway
from services.notifications.attempts import Outcome, Result
from services.notifications.domain import Reason, State
from services.notifications.mail import AddressMalformed, compose, mailbox
from services.notifications.repository import Claimed
from services.notifications.settings import NotificationSettings
from services.notifications.smtp import Mailer

_MAX_WAIT = 15.0
_HOUSEKEEPING_SECONDS = 10.0
_SHUTDOWN_SECONDS = 5.0
_STRANGE_ERRORS = 5
"""So many errors in a row that no outage explains are suffered: a driver can be confused by one, too."""
_log = structlog.get_logger("huiyin.notifications.sender")


class Sender:
    """One per process. Several processes may run: a notice is claimed by one of them at a time."""

    def __init__(self, db: Database, vault: Vault, mailer: Mailer, settings: NotificationSettings) -> None:
        self._db = db
        self._vault = vault
        self._mailer = mailer
        self._settings = settings
        self._held: dict[UUID, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()
        self._next_housekeeping = 0.0

    async def run(self) -> None:
        """Send until cancelled; mails under way get a moment to end."""
        wait = 1.0
        strange = 0
        try:
            while True:
                try:
                    await self._housekeeping()
                    await self._release_held()
                    started = await self._start_due()
                except Exception as error:
                    engine = engine_away(error)
                    strange += engine is None
                    if strange > _STRANGE_ERRORS:
                        raise
                    _log.warning("sender_waits", engine=engine, delay_seconds=wait, exc_info=error)
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, _MAX_WAIT)
                    continue
                wait = 1.0
                strange = 0
                await self._rest(started)
        finally:
            if self._held:
                await asyncio.wait(self._held.values(), timeout=_SHUTDOWN_SECONDS)
            for task in self._held.values():
                task.cancel()

    async def _rest(self, started: int) -> None:
        """Until a slot is free; and when nothing was due, until the next look."""
        self._freed.clear()
        if started and len(self._held) < self._settings.sender_slots:
            return
        timeout = None if len(self._held) >= self._settings.sender_slots else self._settings.sender_poll_seconds
        try:
            await asyncio.wait_for(self._freed.wait(), timeout)
        except TimeoutError:
            return

    async def _start_due(self) -> int:
        free = self._settings.sender_slots - len(self._held)
        if free <= 0:
            return 0
        lease = timedelta(seconds=self._settings.sender_lease_seconds)
        async with self._db.session() as session:
            claimed = await repository.claim(session, limit=free, lease=lease, busy=tuple(self._held))
        for notice in claimed:
            task = asyncio.create_task(self._deliver(notice), name=f"notice {notice.notice_id}")
            self._held[notice.notice_id] = task
            task.add_done_callback(partial(self._let_go, notice.notice_id))
        return len(claimed)

    def _let_go(self, notice_id: UUID, _done: asyncio.Task[None]) -> None:
        self._held.pop(notice_id, None)
        self._freed.set()

    async def _deliver(self, notice: Claimed) -> None:
        with tracer.start_as_current_span("notice.send", record_exception=False, set_status_on_exception=False):
            started = monotonic()
            outcome = await self._attempt(notice)
            metrics.send_attempts_total.labels(outcome.result.value, outcome.reason or "").inc()
            metrics.send_seconds.labels(outcome.result.value).observe(monotonic() - started)
            await self._write_down(notice, outcome)

    async def _attempt(self, notice: Claimed) -> Outcome:
        """One try; whatever goes wrong is an outcome. The address lives in this frame only."""
        if notice.contact_token is None:  # withdrawn or restricted since
            return Outcome(Result.NOT_OWED, Reason.NO_ADDRESS)
        try:
            contact = await self._vault.open(notice.contact_token, notice.notice_id, notice.data.get("reissue_id"))
            if not contact.email:
                return Outcome(Result.NOT_OWED, Reason.NO_ADDRESS)
            message = compose(
                notice_id=notice.notice_id,
                template=notice.template,
                data=notice.data | ({"code": contact.code} if contact.code else {}),
                case_number=notice.case_number,
                language=notice.language,
                sender=self._settings.mail_from,
                to=contact.email,
                tracking_url=self._settings.tracking_url,
                date=datetime.now(UTC),
            )
            return await self._mailer.send(message, mailbox(contact.email))
        except VaultAway:
            return Outcome(Result.TRY_AGAIN, Reason.VAULT_AWAY)
        except ContactGone:
            return Outcome(Result.REFUSED, Reason.ADDRESS_GONE)
        except AddressMalformed:
            return Outcome(Result.REFUSED, Reason.ADDRESS_MALFORMED)
        except Exception as error:  # noqa: BLE001 - logged, and the notice is tried again
            # A defect of ours: tried on until a repaired version comes; other notices are not held up by it.
            _log.error("notice_defect", notice_id=notice.notice_id, exc_info=error)
            return Outcome(Result.UNCERTAIN, Reason.INTERNAL)

    async def _write_down(self, notice: Claimed, outcome: Outcome) -> None:
        """Commit the outcome. A mail that is out must not go again because the database was away for a moment."""
        wait = 0.5
        strange = 0
        while True:
            try:
                async with self._db.session() as session:
                    following, held = await service.finish_attempt(session, notice, outcome)
                break
            except Exception as error:  # noqa: BLE001 - logged, and brought back by the lease
                engine = engine_away(error)
                strange += engine is None
                if strange > _STRANGE_ERRORS:
                    # The lease brings it back; its next attempt is marked as a possible repetition.
                    _log.error("outcome_not_written", notice_id=notice.notice_id, exc_info=error)
                    return
                _log.warning(
                    "outcome_waits", notice_id=notice.notice_id, engine=engine, delay_seconds=wait, exc_info=error
                )
                await asyncio.sleep(wait)
                wait = min(wait * 2, _MAX_WAIT)
        # Not what the notice says: a log would tell that somebody's name was guessed. The ledger has it, by the id.
        _log.info(
            "notice_attempt" if held else "notice_taken_over",
            notice_id=notice.notice_id,
            attempt=notice.attempts,
            state=following.state.value,
            reason=outcome.reason,
            code=outcome.code,
        )

    async def _release_held(self) -> None:
        async with self._db.session() as session:
            released = await service.release_held(session)
        if released:
            _log.info("reminders_shown", notices=released)

    async def _housekeeping(self) -> None:
        if monotonic() < self._next_housekeeping:
            return
        async with self._db.session() as session:
            failed = await service.give_up_waiting(session, timedelta(days=self._settings.recipient_wait_days))
            unsettled = await repository.unsettled(session)
        self._next_housekeeping = monotonic() + _HOUSEKEEPING_SECONDS
        if failed:
            _log.warning("recipients_never_came", failed=failed)
        for state in (State.PENDING_RECIPIENT, State.PENDING, State.SENDING):
            count, age = unsettled.get(state.value, (0, 0.0))
            metrics.notices_unsettled.labels(state.value).set(count)
            metrics.notices_unsettled_age_seconds.labels(state.value).set(age)
