"""Verifying the audit: every row of every chain, and the chains against what was anchored outside the database.

A row that was edited has another hash than it says; one that was deleted, added, moved or put into another chain breaks
the order of its chain; a chain that was cut, taken away or written anew as a whole is not the one that was anchored.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import asyncpg

from services.chassis.audit.anchor_keys import Keys
from services.chassis.audit.anchored import Anchored, AnchoredHead
from services.chassis.audit.anchors import AnchorStore
from services.chassis.audit.digest import COLUMNS, GENESIS, row_hash
from services.chassis.audit.recording import SCHEMAS

HISTORY = "history/"
"""Begins the names of chains that are kept elsewhere than in the audit's own table: the histories of cases."""
_FETCH = 1_000


class Severity(StrEnum):
    """How bad a finding is, the worst first."""

    TAMPERED = "TAMPERED"
    """A row, a chain or an anchor is not what was written."""
    LOST = "LOST"
    """What was anchored is not there any more, as after a restore from an older backup that nobody declared."""
    NOT_SEALED = "NOT_SEALED"
    """Rows are older than the window and not anchored: the sealer doesn't do its work."""
    NOTE = "NOTE"


@dataclass(frozen=True)
class Finding:
    """What is wrong where; ``sequence`` is the row's number in its chain."""

    service: str
    severity: Severity
    text: str
    chain: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class Link:
    """A row of a chain as it is stored, with the hash that it ought to have; ``trouble``: what else is wrong with it.
    ``sequence`` 0 stands for a chain that ought to have rows and has none."""

    chain: str
    sequence: int
    at: datetime
    previous: str
    hash: str
    computed: str
    trouble: str | None = None


class Source(Protocol):
    """Rows in chains. ``prefix`` begins the names of its chains."""

    prefix: str

    def links(self, connection: "asyncpg.Connection[Any]", chain: str | None) -> AsyncIterator[Link]:
        """The rows of all chains, or of one, in the order of chains (by bytes) and numbers."""
        ...

    async def count(self, connection: "asyncpg.Connection[Any]") -> int:
        """How many rows there are."""
        ...


class Check(Protocol):
    """What a service keeps beside its audit, and what stands on it."""

    def findings(
        self, connection: "asyncpg.Connection[Any]", chains: Sequence[str] | None, anchored: Anchored | None = None
    ) -> AsyncIterator[tuple[str, str]]:
        """The chain and the text of what was tampered with, in all chains or in these. ``anchored``: what the anchors
        of the service say."""
        ...


class LogSource:
    """The audit's own table."""

    prefix = ""

    def __init__(self, service: str) -> None:
        self._table = f"{SCHEMAS[service]}.audit_log"

    async def links(self, connection: "asyncpg.Connection[Any]", chain: str | None) -> AsyncIterator[Link]:
        columns = ", ".join((*COLUMNS, "prev_hash", "hash"))
        statement = f"SELECT {columns} FROM {self._table} WHERE $1::text IS NULL OR chain = $1 ORDER BY chain, sequence"  # noqa: S608
        async for row in connection.cursor(statement, chain, prefetch=_FETCH):
            yield Link(
                row["chain"], row["sequence"], row["at"], row["prev_hash"], row["hash"], row_hash(row["prev_hash"], row)
            )

    async def count(self, connection: "asyncpg.Connection[Any]") -> int:
        return int(await connection.fetchval(f"SELECT count(*) FROM {self._table}"))  # noqa: S608


@dataclass
class Summary:
    """What was looked at. ``unsealed``: rows that are not anchored yet, ``oldest`` of them; ``anchored``: the last
    batch that is anchored, and ``known`` the last that the database knows of."""

    service: str
    rows: int = 0
    chains: int = 0
    unsealed: int = 0
    oldest: datetime | None = None
    anchored: int = 0
    known: int = 0
    lost_rows: int = 0
    declared_lost: int = 0


@dataclass
class _Chain:
    """A chain while it is walked."""

    name: str
    heads: list[AnchoredHead]
    expected: int = 1
    previous: str = GENESIS
    unsealed: int = 0
    oldest: datetime | None = None


class Verifier:
    """One service's audit against its anchors. Memory does not grow with the rows."""

    def __init__(
        self,
        service: str,
        keys: Keys,
        store: AnchorStore,
        *,
        window: timedelta,
        others: Sequence[Source] = (),
        checks: Sequence[Check] = (),
        progress: Callable[[int], None] = lambda rows: None,
    ) -> None:
        """``others``: what is chained elsewhere than in the audit's table; ``checks``: what is kept beside it;
        ``window``: the sealer's."""
        self._service = service
        self._schema = SCHEMAS[service]
        self._keys = keys
        self._store = store
        self._window = window
        self._sources: tuple[Source, ...] = (LogSource(service), *others)
        self._checks = checks
        self._progress = progress
        self.summary = Summary(service)

    async def count(self, connection: "asyncpg.Connection[Any]") -> int:
        """How many rows there are to look at."""
        return sum([await source.count(connection) for source in self._sources])

    async def findings(
        self, connection: "asyncpg.Connection[Any]", chains: Sequence[str] | None = None
    ) -> AsyncIterator[Finding]:
        """Everything that is wrong, as it is found; of these chains only when some are named.

        Call it in a transaction of the isolation level REPEATABLE READ in which nothing was asked yet: the anchors are
        read before the rows, so that whatever is anchored is among them.
        """
        with Anchored(self._keys) as anchored:
            anchored.read(self._store)
            async for finding in self._anchors(connection, anchored):
                yield finding
            for source in self._sources:
                async for finding in self._source(connection, anchored, source, chains):
                    yield finding
            for finding in self._sums(anchored):
                yield finding
            for check in self._checks:
                async for chain, text in check.findings(connection, chains, anchored):
                    yield self._finding(Severity.TAMPERED, text, chain)

    # -- anchors -------------------------------------------------------------------------------------------------------

    async def _anchors(self, connection: "asyncpg.Connection[Any]", anchored: Anchored) -> AsyncIterator[Finding]:
        """The lines in themselves, and against what the database knows of them."""
        summary, seals = self.summary, f"{self._schema}.audit_seals"
        summary.known = await connection.fetchval(f"SELECT coalesce(max(batch), 0) FROM {seals}")  # noqa: S608
        if summary.known > anchored.last:
            anchored.read(self._store, until=summary.known)
        summary.anchored = anchored.last
        for trouble in anchored.troubles:
            yield self._finding(Severity.TAMPERED, trouble)
        if anchored.cut_short:
            yield self._finding(
                Severity.NOTE, "the last line of the anchors has no end: it was cut while it was written"
            )
        noted: set[int] = set()
        async for row in connection.cursor(f"SELECT batch, line_hash FROM {seals} ORDER BY batch", prefetch=_FETCH):  # noqa: S608
            kept = anchored.hash_of(row["batch"])
            noted.add(row["batch"])
            if kept is None and not anchored.declared_gone(row["batch"]):
                yield self._finding(Severity.TAMPERED, f"the anchor of batch {row['batch']} is gone")
            elif kept is not None and kept != row["line_hash"]:
                yield self._finding(
                    Severity.TAMPERED, f"the anchor of batch {row['batch']} is another than was written"
                )
        for batch, _ in anchored.lines():
            if batch < summary.known and batch not in noted and not anchored.declared_lost(batch):
                yield self._finding(Severity.TAMPERED, f"the database's note of batch {batch} is gone")
        for restore in anchored.restores:
            yield self._finding(
                Severity.NOTE,
                f"batch {restore.batch}: on {restore.at:%Y-%m-%d %H:%M} UTC it was declared that the database was"
                f" restored as of batch {restore.through} ({anchored.at(restore.through)}): {restore.reason}",
            )
        for change in anchored.changes:
            whose = [self._service] if change.before.seal != change.after.seal else []
            whose += ["the operators"] if change.before.declared != change.after.declared else []
            yield self._finding(
                Severity.NOTE,
                f"batch {change.batch}: since {change.at:%Y-%m-%d %H:%M} UTC another signing key of"
                f" {' and of '.join(whose)} is in force",
            )
        if anchored.in_force is not None and anchored.in_force != self._keys.now:
            yield self._finding(
                Severity.NOT_SEALED,
                "a signing key was changed, and the anchors end before that: is the sealer running?"
                " If this stays, lines were removed",
            )

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def _source(
        self,
        connection: "asyncpg.Connection[Any]",
        anchored: Anchored,
        source: Source,
        chains: Sequence[str] | None,
    ) -> AsyncIterator[Finding]:
        """All chains of a source beside their anchored heads, both in the same order."""
        wanted: Sequence[str | None] = [None]
        if chains is not None:
            wanted = [chain for chain in chains if chain.startswith(HISTORY) == (source.prefix == HISTORY)]
        for only in wanted:
            heads = anchored.by_chain(source.prefix, but=HISTORY if source.prefix != HISTORY else None, only=only)
            waiting = next(heads, None)
            chain: _Chain | None = None
            async for link in source.links(connection, only):
                if chain is None or chain.name != link.chain:
                    for finding in self._end(chain, anchored):
                        yield finding
                    while waiting is not None and waiting[0] < link.chain:
                        for finding in self._end(_Chain(*waiting), anchored):
                            yield finding
                        waiting = next(heads, None)
                    mine = waiting is not None and waiting[0] == link.chain
                    chain = _Chain(link.chain, waiting[1] if waiting is not None and mine else [])
                    waiting = next(heads, None) if mine else waiting
                for finding in self._walk(chain, link, anchored):
                    yield finding
            for finding in self._end(chain, anchored):
                yield finding
            while waiting is not None:
                for finding in self._end(_Chain(*waiting), anchored):
                    yield finding
                waiting = next(heads, None)

    def _walk(self, chain: _Chain, link: Link, anchored: Anchored) -> list[Finding]:
        """One row: follows the one before, says what it said, and is the one that was anchored."""
        found: list[Finding] = []

        def wrong(text: str, sequence: int = link.sequence) -> None:
            found.append(self._finding(Severity.TAMPERED, text, chain.name, sequence))

        self.summary.rows += 1
        if self.summary.rows % _FETCH == 0:
            self._progress(self.summary.rows)
        if link.trouble is not None:
            wrong(link.trouble)
        if link.sequence == 0:
            return found
        if link.sequence > chain.expected:
            wrong(f"rows {chain.expected} to {link.sequence - 1} are gone", chain.expected)
        elif link.sequence < chain.expected:
            wrong("the number is there twice")
        elif link.previous != chain.previous:
            wrong("the row does not follow the one before: one of them was changed or put elsewhere")
        if link.computed != link.hash:
            wrong("the row was changed")
        chain.expected, chain.previous = link.sequence + 1, link.hash
        chain.unsealed += 1
        chain.oldest = chain.oldest or link.at
        while chain.heads and chain.heads[0].sequence <= link.sequence:
            head = chain.heads.pop(0)
            if head.sequence < link.sequence:
                continue  # its row is gone, which was found
            if head.hash == link.hash or not anchored.declared_lost(head.batch):
                chain.unsealed, chain.oldest = 0, None
            if head.hash != link.hash:
                found += self._another(head, anchored)
        return found

    def _end(self, chain: _Chain | None, anchored: Anchored) -> list[Finding]:
        """The heads that no row was found for, and the rows that no head was found for."""
        if chain is None:
            return []
        summary = self.summary
        summary.chains += 1
        enforced = [head for head in chain.heads if not anchored.declared_lost(head.batch)]
        summary.declared_lost += len(chain.heads) - len(enforced)
        if chain.oldest is not None and not enforced:
            summary.unsealed += chain.unsealed
            summary.oldest = min(summary.oldest or chain.oldest, chain.oldest)
        known = [head for head in enforced if head.batch <= summary.known]
        if known:
            return [self._gone(chain, known[-1], Severity.TAMPERED)]
        if enforced:
            summary.lost_rows += enforced[-1].sequence - chain.expected + 1
            return [self._gone(chain, enforced[-1], Severity.LOST)]
        return []

    def _another(self, head: AnchoredHead, anchored: Anchored) -> list[Finding]:
        if anchored.declared_lost(head.batch):
            self.summary.declared_lost += 1
            return []
        severity = Severity.TAMPERED if head.batch <= self.summary.known else Severity.LOST
        self.summary.lost_rows += severity is Severity.LOST
        text = f"the row is another than batch {head.batch} anchored ({anchored.at(head.batch)})"
        return [self._finding(severity, text, head.chain, head.sequence)]

    def _gone(self, chain: _Chain, last: AnchoredHead, severity: Severity) -> Finding:
        rows = f"rows {chain.expected} to {last.sequence} are" if last.sequence > chain.expected else "the row is"
        return self._finding(severity, f"{rows} gone (anchored in batch {last.batch})", chain.name, chain.expected)

    # -- the whole -----------------------------------------------------------------------------------------------------

    def _sums(self, anchored: Anchored) -> list[Finding]:
        summary, found = self.summary, []
        behind = summary.anchored - summary.known
        if summary.lost_rows:
            found.append(
                self._finding(
                    Severity.LOST,
                    f"the database knows of batch {summary.known} ({anchored.at(summary.known)}) and the anchors go on"
                    f" to batch {summary.anchored} ({anchored.at(summary.anchored)}): at least {summary.lost_rows} rows"
                    " are missing since, as after a restore from a backup of that time."
                    " If it was restored say so with `huiyin audit restored`; if not, rows were deleted.",
                )
            )
        elif behind > 1:
            found.append(
                self._finding(
                    Severity.TAMPERED,
                    f"the database's notes of batches {summary.known + 1} to {summary.anchored} are gone",
                )
            )
        if summary.declared_lost:
            found.append(self._finding(Severity.NOTE, f"{summary.declared_lost} heads were lost by declared restores"))
        if summary.oldest is not None:
            text = f"{summary.unsealed} rows are not anchored yet, the oldest of {summary.oldest:%Y-%m-%d %H:%M:%S} UTC"
            late = datetime.now(UTC) - summary.oldest > 2 * self._window
            severity = Severity.NOT_SEALED if late else Severity.NOTE
            found.append(self._finding(severity, text + ": is the sealer running?" if late else text))
        return found

    def _finding(self, severity: Severity, text: str, chain: str | None = None, sequence: int | None = None) -> Finding:
        return Finding(self._service, severity, text, chain, sequence)
