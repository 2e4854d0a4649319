"""Putting an act on the audit, in the transaction of its effect: who did what to which thing, when, what for."""

import getpass
import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis.db import one

Value = str | int | bool | None | Sequence[str]

_CHAIN = re.compile(r"[a-z]{1,20}/[A-Za-z0-9._-]{1,80}")
_ACTION = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_PLAIN = re.compile(r"[A-Za-z0-9._:/@+=,\- ]{0,200}")
_NOT_NAME = re.compile(r"[^A-Za-z0-9._-]")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the audit.

    ``chain`` is from `of_case`, `of_account` or `of_area`; ``actor`` from `officer`, `service` or `operator`;
    ``action`` a code (``READ_TEXTS``); ``subject`` the id of what it was done to, where that is not the chain's;
    ``purpose`` a code; ``details`` ids, classes, numbers and hashes. Raises ValueError for anything else: what people
    are called, write or dial has no place here.
    """

    chain: str
    actor: str
    action: str
    subject: str | None = None
    purpose: str | None = None
    details: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (_CHAIN.fullmatch(self.chain) and _ACTION.fullmatch(self.action)):
            raise ValueError("the audit takes ids of chains and codes of actions")
        texts = [self.actor, self.subject, self.purpose, *self.details]
        for value in self.details.values():
            texts += [value] if isinstance(value, str) else [] if isinstance(value, int | None) else list(value)
        for text in texts:
            if text is not None and not _PLAIN.fullmatch(text):
                raise ValueError("the audit takes ids, codes and hashes, no texts")


@dataclass(frozen=True)
class Origin:
    """Where an officer's request came from. Kept here and nowhere else."""

    ip: str | None = None
    user_agent: str | None = None


_NOWHERE: Final = Origin()
_origin: ContextVar[Origin] = ContextVar("origin")


class Origins:
    """Middleware of interfaces that officers use: what is recorded while they are served says where they were.

    Never on an interface that reporters use.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
        served = _origin.set(
            Origin(
                _NOT_PRINTABLE.sub("?", client[0])[:64] if client else None,
                _NOT_PRINTABLE.sub("?", agent.decode("latin-1"))[:200] or None,
            )
        )
        try:
            await self._app(scope, receive, send)
        finally:
            _origin.reset(served)


async def record(session: AsyncSession, entry: Entry, *, schema: str = "public") -> int:
    """Append the entry to its chain in the caller's transaction; its number there.

    Others that write to the same chain wait until this transaction ends: record last, and when a transaction writes to
    several chains, in the order of their names. ``schema`` is `vault` in the vault.
    """
    origin = _origin.get(_NOWHERE)
    row = await one(
        session,
        f"SELECT {schema}.audit_append($1, $2, $3, $4, $5, $6, $7, $8) AS number",
        entry.chain,
        entry.actor,
        entry.action,
        entry.subject,
        entry.purpose,
        json.dumps(
            {
                name: value if isinstance(value, str | int | None) else list(value)
                for name, value in entry.details.items()
            },
            sort_keys=True,
            separators=(",", ":"),
        ),
        origin.ip,
        origin.user_agent,
    )
    assert row is not None
    return int(row["number"])


def of_case(case_id: UUID) -> str:
    """The chain of a case: who read, took out or was shown what of it. Its acts are the case's history."""
    return f"case/{case_id}"


def of_contact(contact_token: UUID) -> str:
    """The chain of a reporter's address: each opening of it for a notice."""
    return f"contact/{contact_token}"


def of_account(account_id: str) -> str:
    """The chain of an officer's account: log-ins, failures, second factors."""
    return f"account/{account_id}"


def of_area(area: str) -> str:
    """The chain of an area of administration: `units`, `accounts`, `calendar`, `reference`, `keys`, `dlq`, `audit`."""
    return f"admin/{area}"


def officer(account_id: str) -> str:
    """An officer as an actor."""
    return f"account/{account_id}"


def service(name: str) -> str:
    """A service as an actor, for what it does on no officer's behalf."""
    return f"service/{name}"


def operator() -> str:
    """Who runs a command on the machine, by the name that it knows."""
    return f"cli/{_NOT_NAME.sub('_', getpass.getuser())[:60]}"


SCHEMAS: Final[Mapping[str, str]] = {
    "complaints": "public", "vault": "vault", "referrals": "public", "notifications": "public"
}  # fmt: skip
"""Where each service keeps its audit, in its own database; the vault shares that of complaints."""
