"""Units and accounts for the system administrator, roles for the security administrator; units for every officer."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.lifecycle import ADMINISTRATORS, Role
from contracts.model import RegionCode
from services.chassis import audit
from services.referrals.api.common import Caller, Uses
from services.referrals.domain import Level, Unit, UnitKind
from services.referrals.service.administering import MAY, AccountAct
from services.referrals.service.identity import Identity
from services.referrals.service.passwords import LONGEST, SHORTEST
from services.referrals.service.registry import UNIT_ID, USERNAME, Account, NewAccount, NewUnit

router = APIRouter(prefix="/v1", tags=["administration"])

UnitId = Annotated[str, StringConstraints(pattern=UNIT_ID)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Username = Annotated[str, StringConstraints(pattern=USERNAME)]


class UnitRequest(BaseModel):
    """A unit to add. Only departments have a department code; `region` is a GB/T 2260 code."""

    unit_id: UnitId
    name: Name
    level: Level
    kind: UnitKind
    region: RegionCode
    department: str | None = Field(default=None, max_length=8)
    parent_id: UnitId | None = None
    on_system: bool = True


class UnitView(BaseModel):
    """A unit; `path` holds the ids from the root down to it. `successor_asked`: the successor that the system
    administrator asked for, and the security administrator has not confirmed."""

    unit_id: str
    name: str
    level: Level
    kind: UnitKind
    region: str
    department: str | None
    path: list[str]
    active: bool
    on_system: bool
    successor_id: str | None
    successor_asked: str | None = None


class UnitList(BaseModel):
    """All units, parents first."""

    items: list[UnitView]


class SuccessorRequest(BaseModel):
    """The unit that takes over."""

    successor_id: UnitId


class Moved(BaseModel):
    """How many officers moved."""

    officers: int


class DepartureRequest(BaseModel):
    """Who takes the tasks, by user name; without one they go back to the unit's queue."""

    heir: Username | None = None


class AccountRequest(BaseModel):
    """An account to add, without any role: those the security administrator grants. Of the password a hash is kept; it
    opens nothing but the setting of the officer's own, for a limited time."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    name: Name
    unit_id: UnitId | None = None
    password: str = Field(min_length=SHORTEST, max_length=LONGEST)


class PasswordRequest(BaseModel):
    """A password that opens nothing but the setting of the officer's own, for a limited time."""

    password: str = Field(min_length=SHORTEST, max_length=LONGEST)


class VouchingRequest(BaseModel):
    """The code of the officer's own page, as the officer told it."""

    code: str = Field(min_length=1, max_length=40)


class RolesRequest(BaseModel):
    """All of the account's roles from now on."""

    roles: list[Role] = Field(max_length=10)


class AccountRow(BaseModel):
    """An account as administrators list it. `own_password`: the password is one that the account itself set; `vouched`:
    the security administrator said since whose account it is, without which it sees and does nothing."""

    account_id: str
    username: str
    name: str
    unit_id: str | None
    roles: list[Role]
    active: bool
    own_password: bool
    vouched: bool


class AccountList(BaseModel):
    """All accounts."""

    items: list[AccountRow]


class Added(BaseModel):
    """The id of what was added."""

    account_id: str


def _view(unit: Unit) -> UnitView:
    return UnitView(
        unit_id=unit.unit_id,
        name=unit.name,
        level=unit.level,
        kind=unit.kind,
        region=unit.region,
        department=unit.department,
        path=list(unit.path),
        active=unit.active,
        on_system=unit.on_system,
        successor_id=unit.successor_id,
        successor_asked=unit.successor_asked,
    )


def _row(account: Account) -> AccountRow:
    return AccountRow(
        account_id=account.account_id,
        username=account.username,
        name=account.name,
        unit_id=account.unit_id,
        roles=sorted(account.roles),
        active=account.active,
        own_password=account.password_until is None,
        vouched=account.vouched,
    )


def _actor(who: Identity) -> str:
    return audit.officer(who.account.account_id)


@router.get("/units", response_model=UnitList, summary="All units")
async def list_units(uses: Uses, who: Caller) -> UnitList:
    """For every officer."""
    return UnitList(items=[_view(unit) for unit in await uses.registry.units()])


@router.post("/units", response_model=UnitView, status_code=201, summary="Add a unit")
async def add_unit(uses: Uses, who: Caller, body: UnitRequest) -> UnitView:
    """For the system administrator."""
    who.require(Role.SYSTEM_ADMIN)
    return _view(await uses.registry.add_unit(NewUnit(**body.model_dump()), by=_actor(who)))


@router.post("/units/{unit_id}/successor", response_model=UnitView, summary="Ask for the successor of a unit")
async def succeed(uses: Uses, who: Caller, unit_id: UnitId, body: SuccessorRequest) -> UnitView:
    """By the system administrator, on the audit. Nothing moves before the security administrator confirms it: other
    officers read the unit's cases then."""
    who.require(Role.SYSTEM_ADMIN)
    return _view(await uses.registry.ask_successor(unit_id, body.successor_id, by=_actor(who)))


@router.post(
    "/units/{unit_id}/successor/confirmation", response_model=UnitView, summary="Confirm the successor of a unit"
)
async def confirm(uses: Uses, who: Caller, unit_id: UnitId, body: SuccessorRequest) -> UnitView:
    """By the security administrator, for the successor that the system administrator asked for. Units below and past
    cases move at once; open cases follow on record, officers when they are let (`successor/officers`)."""
    who.require(Role.SECURITY_ADMIN)
    return _view(await uses.registry.succeed(unit_id, body.successor_id, by=_actor(who)))


@router.post("/units/{unit_id}/successor/officers", response_model=Moved, summary="Let the officers follow their unit")
async def follow(uses: Uses, who: Caller, unit_id: UnitId) -> Moved:
    """By the security administrator: the officers of a closed unit work in its successor, in the roles that they have.
    Each is on the audit."""
    who.require(Role.SECURITY_ADMIN)
    return Moved(officers=await uses.registry.follow(unit_id, by=_actor(who)))


@router.get("/accounts", response_model=AccountList, summary="All accounts")
async def list_accounts(uses: Uses, who: Caller) -> AccountList:
    """For administrators of any kind."""
    who.require(*ADMINISTRATORS)
    return AccountList(items=[_row(account) for account in await uses.registry.accounts()])


@router.post("/accounts", response_model=Added, status_code=201, summary="Add an account")
async def add_account(uses: Uses, who: Caller, body: AccountRequest) -> Added:
    """For the system administrator."""
    who.require(*MAY[AccountAct.ADD])
    new = NewAccount(body.username, body.name, body.unit_id, ())
    return Added(account_id=await uses.registry.add_account(new, body.password, by=_actor(who)))


@router.post("/accounts/{username}/departure", response_model=AccountRow, summary="Close the account of who leaves")
async def leave(uses: Uses, who: Caller, username: Username, body: DepartureRequest) -> AccountRow:
    """By the system administrator, for an officer: neither the own account nor an administrator's, which is closed at
    the machine. The account can do nothing more at once; open tasks are handed on, on record."""
    who.require(*MAY[AccountAct.CLOSE])
    return _row(await uses.registry.leave(username, body.heir, by=_actor(who)))


@router.put("/accounts/{username}/password", status_code=204, summary="Set a forgotten password anew")
async def reset_password(uses: Uses, who: Caller, username: Username, body: PasswordRequest) -> None:
    """By the system administrator, for an officer: neither for the own account nor for an administrator's, which is
    done at the machine. Sessions end; on the audit, and shown to the officer. The second factor stays."""
    who.require(*MAY[AccountAct.PASSWORD])
    await uses.passwords.reset(username, body.password, who)


@router.delete("/accounts/{username}/pause", status_code=204, summary="End the pause of a name's log-ins")
async def unlock(uses: Uses, who: Caller, username: Username) -> None:
    """By the system or the security administrator, on the audit: for who is held up by somebody's guesses."""
    who.require(*MAY[AccountAct.UNLOCK])
    await uses.registry.unlock(username, by=_actor(who))


@router.put("/accounts/{username}/roles", response_model=AccountRow, summary="Grant and take away roles")
async def grant_roles(uses: Uses, who: Caller, username: Username, body: RolesRequest) -> AccountRow:
    """For the security administrator, never for the own account. The account logs in anew; on the audit. Whose account
    it is, where somebody else set its password, is another word (`vouching`)."""
    who.require(*MAY[AccountAct.ROLES])
    return _row(await uses.registry.grant_roles(username, body.roles, who.account.account_id))


@router.post("/accounts/{username}/vouching", response_model=AccountRow, summary="Say whose account it is")
async def vouch(uses: Uses, who: Caller, username: Username, body: VouchingRequest) -> AccountRow:
    """For the security administrator, who heard the code from the officer himself, in person or at a telephone number
    known before: never from who made the account. The account logs in anew; on the audit, wrong codes too."""
    who.require(*MAY[AccountAct.VOUCH])
    return _row(await uses.vouching.vouch(username, body.code, who))


@router.delete("/accounts/{username}/second-factor", status_code=204, summary="Take a lost second factor away")
async def reset_factor(uses: Uses, who: Caller, username: Username) -> None:
    """For the security administrator, never for the own account. Its sessions end; on the audit."""
    who.require(*MAY[AccountAct.FACTOR])
    await uses.factors.reset(username, _actor(who))
