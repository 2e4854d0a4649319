"""Everything that is kept of a case, table by table, and what becomes of it. A test holds it against the databases.

A row goes with its case, or with its complaint: a complaint belongs to several cases, and goes with the last of them.
`ERASED` is in the order in which it is carried out. `KEPT` says of every other table why nothing of a case goes there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DataClass = Literal["IDENTITY", "NOTICE", "CONTENT"]
"""What has a period of its own in contracts/reference/retention.csv."""

CASE = "case_id = $1"
COMPLAINT = "complaint_id = ANY ($2)"
_LETTERS = "key = ($1::uuid)::text OR key = ANY (($2::uuid[])::text[])"


@dataclass(frozen=True)
class Rows:
    """The rows of a table ``where`` it holds: $1 is the case, $2 the complaints that go with it.

    They are deleted; with ``cleared`` they stay, those columns are set to the SQL given, and ``stay`` names the others.
    """

    database: str
    table: str
    data_class: DataClass
    where: str
    cleared: Mapping[str, str] = field(default_factory=dict)
    stay: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """database.schema.table"""
        return f"{self.database}.{self.table if '.' in self.table else 'public.' + self.table}"

    @property
    def sql(self) -> str:
        """The statement that does it."""
        # Names and conditions are this file's own; PostgreSQL wants to know both parameters' types.
        where = f"({self.where}) AND $1::uuid IS NOT NULL AND $2::uuid[] IS NOT NULL"
        if not self.cleared:
            return f"DELETE FROM {self.table} WHERE {where}"  # noqa: S608
        settings = ", ".join(f"{column} = {value}" for column, value in self.cleared.items())
        return f"UPDATE {self.table} SET {settings} WHERE {where}"  # noqa: S608


ERASED: tuple[Rows, ...] = (
    # Who the reporter is, and how to reach them; marks that would find the same person's next complaint.
    Rows("complaints", "vault.sealed_identities", "IDENTITY", COMPLAINT),
    Rows("complaints", "vault.sealed_codes", "IDENTITY", COMPLAINT),
    Rows("complaints", "vault.corrections", "IDENTITY", COMPLAINT),
    Rows("complaints", "likeness_marks", "IDENTITY", COMPLAINT),
    Rows("complaints", "likeness", "IDENTITY", COMPLAINT),
    Rows(
        "complaints", "rights_requests", "IDENTITY", COMPLAINT, {"marks": "NULL"},
        frozenset({
            "request_id", "complaint_id", "kind", "state", "asked_at", "due_at", "article", "provisional", "named",
            "ways", "answered_at", "ground", "answer_sealed",
        }),
    ),
    Rows(
        "complaints", "complaints", "IDENTITY", COMPLAINT, {"contact_token": "NULL", "external_order": "NULL"},
        frozenset({
            "complaint_id", "case_number", "query_code_hash", "channel", "track", "category", "region", "named",
            "language", "case_key_wrapped", "narrative_sealed", "wants_sealed", "respondents_sealed", "content_hash",
            "client_id", "submitted_at", "received_at",
        }),
    ),
    Rows(
        "notifications", "recipients", "IDENTITY", COMPLAINT, {"contact_token": "NULL", "ways": "'{}'"},
        frozenset({"complaint_id", "case_number", "language", "named", "created_at"}),
    ),
    # What was sent to whom about it.
    Rows("notifications", "officer_notices", "NOTICE", CASE),
    Rows("notifications", "notices", "NOTICE", CASE),
    Rows("notifications", "recipients", "NOTICE", COMPLAINT),
    Rows("notifications", "restricted_cases", "NOTICE", CASE),
    Rows("notifications", "dead_letters", "NOTICE", _LETTERS),
    # What was reported and written: the keys go with the texts, and the query code opens nothing any more.
    Rows(
        "complaints", "idempotency", "CONTENT",
        "result_id = ANY ($2) OR split_part(scope, ':', 2) = ANY (($2::uuid[])::text[])",
    ),
    Rows("complaints", "reissued_codes", "CONTENT", COMPLAINT),
    Rows("complaints", "rights_requests", "CONTENT", COMPLAINT),
    Rows("complaints", "vault.rights_asked", "CONTENT", COMPLAINT),
    Rows("complaints", "supplements", "CONTENT", COMPLAINT),
    Rows("complaints", "evidence", "CONTENT", COMPLAINT),
    Rows("complaints", "uploads", "CONTENT", COMPLAINT),
    Rows("complaints", "ratings", "CONTENT", COMPLAINT),
    Rows("complaints", "timeline", "CONTENT", CASE),
    Rows("complaints", "answers_given", "CONTENT", CASE),
    Rows("complaints", "cases", "CONTENT", CASE),
    Rows("complaints", "complaint_cases", "CONTENT", "case_id = $1 OR complaint_id = ANY ($2)"),
    Rows("complaints", "complaints", "CONTENT", COMPLAINT),
    Rows("complaints", "dead_letters", "CONTENT", _LETTERS),
    Rows("referrals", "transfer_descriptions", "CONTENT", CASE),
    Rows("referrals", "documents", "CONTENT", CASE),
    Rows("referrals", "case_keys", "CONTENT", CASE),
    Rows("referrals", "commands", "CONTENT", CASE),
    Rows("referrals", "recounts", "CONTENT", CASE),
    Rows("referrals", "dead_letters", "CONTENT", _LETTERS),
)  # fmt: skip

FILES: DataClass = "CONTENT"
"""Evidence: the sealed files of each complaint that goes."""

WORKFLOW: DataClass = "CONTENT"
"""The workflow's history in Temporal, where its retention has not removed it before."""

_ENGINE = "nothing of a case: how the service works"
_TRANSIENT = "ids and classes on their way, gone in seconds; what is parked goes with its case"
_COURSE = "the course of the case in acts, ids, classes and hashes: no text, chained, and what the audit verifies"
_LOOKED = "who looked at what of the case and who agreed: ids and codes, no identity; as the audit"
_AUDIT = "who did what to which id: evidence of its own, with no text in it, in a chain that nobody may cut"

KEPT: Mapping[str, str] = {
    **{
        f"{service}.public.{table}": reason
        for service in ("complaints", "referrals", "notifications")
        for table, reason in (
            ("alembic_version", _ENGINE),
            ("business_clock", _ENGINE),
            ("inbox", "ids of events, which lead to no case"),
            ("outbox", _TRANSIENT),
            ("audit_log", _AUDIT),
            ("audit_pending", _AUDIT),
            ("audit_seals", _AUDIT),
        )
    },
    "complaints.public.narrative_access": _LOOKED,
    "complaints.public.reissue_asks": "keyed marks of who asks for a new code, gone when they are looked at",
    "complaints.public.guesses": "keyed marks of names, numbers that were guessed at: gone after a day",
    "complaints.vault.rights_decisions": _LOOKED,
    "complaints.vault.openings": _LOOKED,
    "complaints.vault.decisions": _LOOKED,
    "complaints.vault.readings": _LOOKED,
    "complaints.vault.attempts": _LOOKED,
    "complaints.vault.used_tokens": "ids of service tokens, which go with the next one taken after their minute",
    "referrals.public.cases": _COURSE,
    "referrals.public.case_history": _COURSE,
    "referrals.public.case_units": _COURSE,
    "referrals.public.case_respondents": "which units were accused: keeps the record from them",
    "referrals.public.case_excluded": "which accounts were accused: keeps the record from them",
    "referrals.public.tasks": "an archived case has none",
    "complaints.public.api_clients": "systems, not cases",
    "complaints.public.api_nonces": "of signed requests, forgotten after minutes",
    "complaints.vault.audit_log": _AUDIT,
    "complaints.vault.audit_pending": _AUDIT,
    "complaints.vault.audit_seals": _AUDIT,
    "referrals.public.accounts": "officers, not cases",
    "referrals.public.account_roles": "officers, not cases",
    "referrals.public.sessions": "officers, not cases",
    "referrals.public.second_factors": "officers, not cases",
    "referrals.public.recovery_codes": "officers, not cases",
    "referrals.public.login_failures": "officers, not cases",
    "referrals.public.openid_claims": "officers, not cases",
    "referrals.public.openid_subjects": "officers, not cases",
    "referrals.public.units": "units, not cases",
    "referrals.public.calendar_days": _ENGINE,
    "referrals.public.calendar_versions": _ENGINE,
    "referrals.public.calendars_applied": _ENGINE,
    "referrals.public.erasures": "the record of the deletion itself: ids, counts and a hash",
    "referrals.public.legal_holds": "why a case was kept longer: remains as the deletion's record does",
}
