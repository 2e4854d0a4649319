"""An officer's session as referrals knows it now: what other services ask before they take the officer's token."""

from uuid import UUID

from contracts.lifecycle import Role
from contracts.model import Code, Contract

PURPOSE = "session"
"""Of the token of who asks; its subject is the session's id, the `jti` of the officer's token."""


class Standing(Contract):
    """Who the session stands for, with today's units and roles. ``unit_ids``: all units whose cases the officer may
    see, the own first. ``barred_cases``: those that the account must not know of, accused or recused."""

    account_id: Code
    name: str
    unit_id: Code | None
    unit_ids: tuple[Code, ...]
    roles: tuple[Role, ...]
    restricted: bool
    barred_cases: tuple[UUID, ...]
