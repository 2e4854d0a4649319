"""Whose word a row of the vault's decisions stands on: kept beside it, signed by the vault, with referrals' own inside.

A decision that nobody made can't be put into the database, nor one be made another, by who has the database alone: the
vault signs each row as it adds it, and in what it signs stands the token that it was shown (who, what, for which case).

A key that was replaced may be in other hands: it signs for nothing any more, and what is dated in its time has to be on
the audit since then.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import asyncpg
import jwt

from contracts import rights
from contracts.openings import ASK, DECIDE, ORIGINAL, OWN_DENIALS, READ
from services.chassis import audit, signers, signing
from services.chassis.audit.anchored import Anchored
from services.chassis.settings import Settings
from services.chassis.signers import Term

VAULT, REFERRALS = "vault", "referrals"
COLUMNS: Mapping[str, Sequence[str]] = {
    "openings": (
        "opening_id", "case_id", "complaint_id", "officer", "unit_id", "decides_unit", "aim", "fields", "open_minutes",
        "asked_at", "lapses_at", "jti",
    ),
    "decisions": (
        "opening_id", "asked_by", "granted", "denial", "officer", "unit_id", "at", "open_until", "jti",
    ),
    "readings": ("opening_id", "officer", "at", "jti"),
    "rights_decisions": ("request_id", "complaint_id", "case_id", "kind", "granted", "officer", "at", "jti"),
}  # fmt: skip
"""What of a row is signed: all but its number."""

_PURPOSES = {
    "openings": {ASK}, "decisions": {DECIDE}, "readings": {READ, ORIGINAL}, "rights_decisions": {rights.DECIDE},
}  # fmt: skip
_SAID = {
    "openings": ("opening_id", "case_id", "complaint_id", "unit_id", "decides_unit", "aim"),
    "decisions": ("opening_id", "unit_id", "granted", "denial"),
    "readings": ("opening_id",),
    "rights_decisions": ("request_id", "complaint_id", "case_id", "kind", "granted"),
}
"""What of a row referrals has said itself; the rest is the vault's."""
_LATE_SECONDS = 300
"""A row that waited for the database is younger than its token by so much at most."""
_ON_RECORD = {
    "openings": ("IDENTITY_ASKED",),
    "decisions": ("IDENTITY_GRANTED", "IDENTITY_DENIED"),
    "readings": ("IDENTITY_READ", "IDENTITY_REFUSED"),
    "rights_decisions": ("RIGHT_GRANTED", "RIGHT_REFUSED"),
}
"""The entries of the audit that come with a row; the vault's own no comes with that of the request."""

_AIM = {"openings": "aim", "rights_decisions": "kind"}
"""The column that the entry has as its purpose."""

BEFORE = ("admin/openings", "admin/rights")
"""Chains of the audit whose first entry tells of the rows that are older than words: how many, and their hash."""
# The migrations that added the words wrote their entries with these very expressions.
_UNSIGNED = """SELECT count(*) AS rows,
    encode(sha256(convert_to(coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex') AS hash
FROM (SELECT jsonb_build_array({columns})::text AS line FROM vault.{table} WHERE word IS NULL) AS unsigned"""


def keep(settings: Settings, table: str, row: Mapping[str, Any], said: str | None) -> str:
    """The word of a row: the vault's signature over it. ``said``: the token that it rests on; None: the vault's own."""
    claims = {"table": table} if said is None else {"table": table, "said": said}
    return signing.sign(settings, VAULT, _content(table, row), claims)


@dataclass(frozen=True)
class _Looked:
    """A row and its word: what is wrong, and the keys behind it."""

    trouble: str | None
    keys: tuple[str, ...] = ()


class Words:
    """Checks every row of the openings against its word, and all of them against the audit."""

    def __init__(
        self,
        keys_dir: Path,
        *,
        replaced: Mapping[str, datetime] | None = None,
        window: timedelta = timedelta(minutes=1),
    ) -> None:
        """``replaced``: when referrals' anchors say of a key of its own, by fingerprint, that it was replaced;
        ``window``: the sealer's."""
        self._own = signers.terms(keys_dir, VAULT)
        self._referrals = signers.terms(keys_dir, REFERRALS)
        self._replaced = dict(replaced or {})
        self._reach = window + timedelta(seconds=_LATE_SECONDS)

    @classmethod
    def of_today(cls, keys_dir: Path) -> Self:
        """Believes no key that was replaced, whatever date stands in the word: what is to open something is asked for
        anew."""
        words = cls(keys_dir)
        words._own, words._referrals = words._own[-1:], words._referrals[-1:]
        return words

    async def findings(
        self, connection: "asyncpg.Connection[Any]", chains: Sequence[str] | None, anchored: Anchored | None = None
    ) -> AsyncIterator[tuple[str, str]]:
        """The chain and the text of everything that is wrong, in all chains or in these. The connection's time zone is
        UTC, and a transaction has begun on it. ``anchored``: what the vault's anchors say."""
        if anchored is not None:
            self._replaced |= anchored.replaced()
        if chains is None and (trouble := await _unsigned(connection)) is not None:
            yield BEFORE[0], trouble
        for table, columns in COLUMNS.items():
            own = "case_id" in columns
            joined = "" if own else "JOIN vault.openings AS o USING (opening_id)"
            chain, names = f"'case/' || {'t' if own else 'o'}.case_id", ", ".join(f"t.{name}" for name in columns)
            statement = (
                f"SELECT {names}, t.word, {chain} AS chain FROM vault.{table} AS t {joined}"  # noqa: S608
                f" WHERE t.word IS NOT NULL AND ($1::text[] IS NULL OR {chain} = ANY ($1)) ORDER BY t.{columns[0]}"
            )
            same, count = None, 0
            async for row in connection.cursor(statement, chains, prefetch=500):
                looked = self._look(table, row)
                trouble = looked.trouble
                by = min((self._replaced[key] for key in looked.keys if key in self._replaced), default=None)
                if trouble is None and by is not None and anchored is not None:
                    same, count = row[columns[0]], count + 1 if same == row[columns[0]] else 1
                    if await _anchored(connection, anchored, table, row, by + self._reach) < count:
                        trouble = "the audit has no entry of it from before a key that it is signed with was replaced"
                if trouble is not None:
                    yield row["chain"], f"{_ONE[table]} {row[columns[0]]}: {trouble}"
        for statement in (_OPENINGS_AGAINST_AUDIT, _RIGHTS_AGAINST_AUDIT):
            async for row in connection.cursor(statement, chains, prefetch=500):
                yield row["chain"], f"{row['id']}: {row['text']}"

    def trouble(self, table: str, row: Mapping[str, Any]) -> str | None:
        """What is wrong with a row; None when nothing is."""
        return self._look(table, row).trouble

    def _look(self, table: str, row: Mapping[str, Any]) -> _Looked:
        if row["word"] is None:
            return _Looked("it has no signed word")
        kept = self._kept(table, row)
        if kept is None:
            return _Looked("the row is not as the vault signed it: it was added or changed in the database")
        claims, own = kept
        at = row["asked_at" if table == "openings" else "at"].timestamp()
        if not self._in_force(own, claims["iat"], at):
            return _Looked("it is signed with a key that was not in force")
        said, key = claims.get("said"), signers.fingerprint(own.key)
        if said is None:
            vaults = table == "decisions" and row["officer"] is None and row["denial"] in OWN_DENIALS
            return _Looked(None if vaults else "nobody's word stands behind it", (key,))
        spoken = self._said(said, _PURPOSES[table])
        if spoken is None:
            return _Looked("the word behind it is not of referrals")
        token, theirs = spoken
        if not self._in_force(theirs, token["nbf"], at):
            return _Looked("the word behind it is signed with a key of referrals that was not in force")
        told = {
            **{name: token.get(name) for name in _SAID[table]},
            "officer": token.get("sub"),
            "jti": token.get("jti"),
        }
        wrong = [name for name, value in told.items() if value != _plain(row[name])]
        if not token["nbf"] - _LATE_SECONDS <= at <= token["exp"] + _LATE_SECONDS:
            wrong.append("at")
        text = f"its {', '.join(wrong)} is not what was said" if wrong else None
        return _Looked(text, (key, signers.fingerprint(theirs.key)))

    def _in_force(self, term: Term, said: float, at: float) -> bool:
        """Whether the time that is signed, and the row's, lie in the key's. The anchors end that of a key too."""
        told = self._replaced.get(signers.fingerprint(term.key))
        if told is not None and (term.until is None or told < term.until):
            term = replace(term, until=told, replaced=True)
        return term.covers(said) and term.covers(at, _LATE_SECONDS)

    def _kept(self, table: str, row: Mapping[str, Any]) -> tuple[dict[str, Any], Term] | None:
        for term in self._own:
            try:
                claims = signing.verify_with(term.key, _content(table, row), row["word"])
            except signing.BadSignature:
                continue
            return (claims, term) if claims.get("table") == table else None
        return None

    def _said(self, token: str, purposes: set[str]) -> tuple[dict[str, Any], Term] | None:
        """Its claims, long after it expired."""
        unbound: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["nbf", "exp"]}
        for term in self._referrals:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, term.key, algorithms=["EdDSA"], audience=VAULT, issuer=REFERRALS, options=unbound
                )
            except jwt.PyJWTError:
                continue
            dated = all(isinstance(claims[name], int) for name in ("nbf", "exp"))
            return (claims, term) if dated and claims.get("purpose") in purposes else None
        return None


async def _anchored(
    connection: "asyncpg.Connection[Any]", anchored: Anchored, table: str, row: Mapping[str, Any], by: datetime
) -> int:
    """How many entries of the audit that come with such a row, of the same officer and aim, were anchored by then."""
    with_ask = table == "decisions" and row["officer"] is None  # the entry is of who asked
    entries = await connection.fetch(
        "SELECT sequence FROM vault.audit_log WHERE chain = $1 AND subject = $2 AND action = ANY ($3::text[])"
        " AND actor = coalesce($4, actor) AND ($5::text IS NULL OR purpose = $5)",
        row["chain"],
        str(row[COLUMNS[table][0]]),
        _ON_RECORD["openings" if with_ask else table],
        None if with_ask else audit.officer(row["officer"]),
        row[aim] if (aim := _AIM.get(table)) else None,
    )
    return sum(anchored.anchored_by(row["chain"], entry["sequence"], by) for entry in entries)


async def _unsigned(connection: "asyncpg.Connection[Any]") -> str | None:
    """What is wrong with the rows that have no word; they are those of before there were any."""
    entries = await connection.fetch(
        "SELECT details FROM vault.audit_log WHERE chain = ANY ($1) AND sequence = 1", BEFORE
    )
    noted = {table: told for entry in entries for table, told in json.loads(entry["details"]).items()}
    for table, columns in COLUMNS.items():
        found = await connection.fetchrow(_UNSIGNED.format(table=table, columns=", ".join(columns)))
        assert found is not None
        if noted.get(table, f"0 {_NOTHING}") != f"{found['rows']} {found['hash']}":
            return f"the {table} without a signed word are not those of before words were kept"
    return None


_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of nothing."""
_ONE = {"openings": "request", "decisions": "decision", "readings": "look", "rights_decisions": "answer"}

# Rows are added together with their entry of the audit, and neither is ever removed.
_OPENINGS_AGAINST_AUDIT = """
WITH said AS (
    SELECT subject AS opening_id, chain,
        count(*) FILTER (WHERE action = 'IDENTITY_ASKED') AS asked,
        count(*) FILTER (WHERE action IN ('IDENTITY_GRANTED', 'IDENTITY_DENIED')) AS decided,
        count(*) FILTER (WHERE action = 'IDENTITY_GRANTED') AS granted,
        count(*) FILTER (WHERE action = 'IDENTITY_READ') AS read,
        count(*) FILTER (WHERE action = 'IDENTITY_REFUSED' AND details LIKE '%"refusal":"NO_IDENTITY"%') AS unread
    FROM vault.audit_log WHERE chain LIKE 'case/%' AND action LIKE 'IDENTITY@_%' ESCAPE '@' GROUP BY 1, 2
), kept AS (
    SELECT o.opening_id::text, 'case/' || o.case_id AS chain, 1 AS asked,
        count(d.opening_id) FILTER (WHERE d.officer IS NOT NULL) AS decided,
        count(d.opening_id) FILTER (WHERE d.granted) AS granted,
        (SELECT count(*) FROM vault.readings AS r WHERE r.opening_id = o.opening_id) AS read
    FROM vault.openings AS o LEFT JOIN vault.decisions AS d USING (opening_id)
    GROUP BY o.opening_id
)
SELECT opening_id AS id, chain, text FROM said FULL JOIN kept USING (opening_id, chain) CROSS JOIN LATERAL (VALUES
    (coalesce(said.asked, 0) <> coalesce(kept.asked, 0),
        'the request and the audit don''t agree: one of them is gone or added'),
    (coalesce(said.decided, 0) <> coalesce(kept.decided, 0) OR coalesce(said.granted, 0) <> coalesce(kept.granted, 0),
        'the decision and the audit don''t agree: one of them is gone or added'),
    (coalesce(kept.read, 0) NOT BETWEEN coalesce(said.read, 0) AND coalesce(said.read + said.unread, 0),
        'the looks and the audit don''t agree: one of them is gone or added')
) AS looked (wrong, text)
WHERE wrong AND ($1::text[] IS NULL OR chain = ANY ($1)) ORDER BY chain, opening_id
"""

_RIGHTS_AGAINST_AUDIT = """
SELECT coalesce(said.subject, kept.request_id) AS id, coalesce(said.chain, kept.chain) AS chain,
    'the answer to the reporter''s request and the audit don''t agree: one of them is gone or added' AS text
FROM (SELECT subject, chain, action = 'RIGHT_GRANTED' AS granted FROM vault.audit_log
    WHERE chain LIKE 'case/%' AND action IN ('RIGHT_GRANTED', 'RIGHT_REFUSED')) AS said
FULL JOIN (SELECT request_id::text, 'case/' || case_id AS chain, granted FROM vault.rights_decisions) AS kept
    ON kept.request_id = said.subject AND kept.chain = said.chain AND kept.granted = said.granted
WHERE (said.subject IS NULL OR kept.request_id IS NULL)
    AND ($1::text[] IS NULL OR coalesce(said.chain, kept.chain) = ANY ($1))
"""


def _content(table: str, row: Mapping[str, Any]) -> bytes:
    return json.dumps({name: _plain(row[name]) for name in COLUMNS[table]}, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID | str) else value
