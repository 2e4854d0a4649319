"""What the anchors say, read once and kept on disk while the database is compared with it."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, islice
from types import TracebackType
from typing import Self

from services.chassis.audit.anchor_keys import BadAnchor, InForce, Keys
from services.chassis.audit.anchors import KEY, RESTORED, AnchorStore, Head, Seal, line_hash, read_line

_TABLES = """
CREATE TABLE heads (chain TEXT NOT NULL, sequence INTEGER NOT NULL, hash TEXT NOT NULL, batch INTEGER NOT NULL);
CREATE TABLE lines (batch INTEGER PRIMARY KEY, hash TEXT NOT NULL, at TEXT NOT NULL);
"""

_AT = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True)
class AnchoredHead(Head):
    """A head and the batch that anchored it."""

    batch: int


@dataclass(frozen=True)
class Restore:
    """An operator's declaration: what was anchored after batch ``through`` and before ``batch`` is lost; ``before`` is
    the last anchor that was there."""

    before: int
    through: int
    batch: int
    at: datetime
    reason: str


@dataclass(frozen=True)
class Change:
    """The keys are others from batch on."""

    batch: int
    at: datetime
    before: InForce
    after: InForce


@dataclass
class Anchored:
    """The anchors of a service. Use as a context manager."""

    keys: Keys
    troubles: list[str] = field(default_factory=list)
    """Lines that are not as they were written."""
    restores: list[Restore] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    in_force: InForce | None = None
    """The keys at the end of what was read; None before the first line."""
    cut_short: bool = False
    """The last line has no end: a crash while it was written, or a cut."""
    last: int = 0
    _read: int = 0
    _hash: str = line_hash(None)

    def __post_init__(self) -> None:
        self._kept = sqlite3.connect("")  # on disk, gone when closed
        self._kept.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()

    def read(self, store: AnchorStore, *, until: int | None = None) -> None:
        """Take in the lines that were not there yet, to the batch ``until`` or to the end."""
        self._kept.execute("DROP INDEX IF EXISTS heads_chain")
        for raw in islice(store.lines(), self._read, None):
            if until is not None and self.last >= until:
                break
            self._read += 1
            self._take(raw)
        self._kept.execute("CREATE INDEX heads_chain ON heads (chain, sequence, batch)")

    def by_chain(
        self, prefix: str, *, but: str | None = None, only: str | None = None
    ) -> Iterator[tuple[str, list[AnchoredHead]]]:
        """The heads of the chains that begin with a prefix and not with the other, or of ``only`` one, in the order of
        the chains."""
        found = self._kept.execute(
            "SELECT chain, sequence, hash, batch FROM heads"
            " WHERE substr(chain, 1, ?) = ? AND (? IS NULL OR substr(chain, 1, length(?)) <> ?)"
            " AND (? IS NULL OR chain = ?) ORDER BY chain, sequence, batch",
            (len(prefix), prefix, but, but, but, only, only),
        )
        for chain, heads in groupby((AnchoredHead(*row) for row in found), lambda head: head.chain):
            yield chain, list(heads)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Batches with the hashes of their lines, in order."""
        yield from self._kept.execute("SELECT batch, hash FROM lines ORDER BY batch")

    def hash_of(self, batch: int) -> str | None:
        """The hash of a batch's line."""
        row = self._kept.execute("SELECT hash FROM lines WHERE batch = ?", (batch,)).fetchone()
        return str(row[0]) if row else None

    def at(self, batch: int) -> str:
        """When a batch was anchored."""
        row = self._kept.execute("SELECT at FROM lines WHERE batch = ?", (batch,)).fetchone()
        return str(row[0]) if row else "an unknown time"

    def declared_lost(self, batch: int) -> bool:
        """Was what the batch anchored declared lost by a restore?"""
        return any(restore.through < batch < restore.batch for restore in self.restores)

    def declared_gone(self, batch: int) -> bool:
        """Was the batch's anchor itself declared lost?"""
        return any(restore.before < batch < restore.batch for restore in self.restores)

    def replaced(self) -> Mapping[str, datetime]:
        """By the fingerprint of a key of the service that was replaced: when a line said so."""
        return {change.before.seal: change.at for change in self.changes if change.before.seal != change.after.seal}

    def anchored_by(self, chain: str, sequence: int, at: datetime) -> bool:
        """Was the row of a chain anchored by then? Nobody knows of rows that a restore declared afterwards touched."""
        found = self._kept.execute(
            "SELECT heads.batch, lines.at FROM heads JOIN lines USING (batch) WHERE chain = ? AND sequence >= ?"
            " ORDER BY heads.batch LIMIT 1",
            (chain, sequence),
        ).fetchone()
        if found is None:
            return False
        then = datetime.strptime(found[1], _AT).replace(tzinfo=UTC)
        return then <= at or any(restore.batch <= found[0] and restore.at > at for restore in self.restores)

    def _take(self, raw: bytes) -> None:
        line = raw.removesuffix(b"\n")
        before, self._hash = self._hash, line_hash(line)
        if line == raw:
            self.cut_short, self._hash = True, before
            return
        try:
            seal = read_line(line, self.keys)
        except BadAnchor as error:
            self.troubles.append(f"line {self._read} of the anchors: {error}")
            return
        follows = seal.batch == self.last + 1 or (seal.kind == RESTORED and seal.batch > self.last)
        if seal.previous != before or not follows:
            self.troubles.append(
                f"line {self._read} of the anchors (batch {seal.batch}) does not follow the one before: "
                "lines were changed, removed or put elsewhere"
            )
        self._turn(seal)
        self._keep(seal)

    def _turn(self, seal: Seal) -> None:
        """Keys change forward, and in lines that say so: one that leaked and was replaced signs nothing afterwards."""
        before, self.in_force = self.in_force, seal.keys
        if before is None or before == seal.keys:
            told = seal.kind != KEY or before is None
        elif seal.kind == KEY:
            told = self.keys.follows(before, seal.keys)
            self.changes.append(Change(seal.batch, seal.at, before, seal.keys))
        else:
            told = seal.kind == RESTORED and seal.keys.seal == before.seal and self.keys.follows(before, seal.keys)
        if not told:
            self.troubles.append(
                f"line {self._read} of the anchors (batch {seal.batch}) is signed with a key that was not in force"
            )

    def _keep(self, seal: Seal) -> None:
        if seal.kind == RESTORED:
            through = seal.through if seal.through is not None else seal.batch - 1
            self.restores.append(Restore(self.last, through, seal.batch, seal.at, seal.reason or ""))
        self.last = max(self.last, seal.batch)
        self._kept.execute(
            "INSERT OR IGNORE INTO lines VALUES (?, ?, ?)", (seal.batch, self._hash, seal.at.strftime(_AT))
        )
        self._kept.executemany(
            "INSERT INTO heads VALUES (?, ?, ?, ?)",
            [(head.chain, head.sequence, head.hash, seal.batch) for head in seal.heads],
        )
