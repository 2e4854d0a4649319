"""Units, accounts and a platform's key for the demonstration; loading them twice is harmless."""

import json
import os
import secrets
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import yaml

from contracts.lifecycle import Channel, Role
from deploy.demo.client import Officers, Platform, Reporters
from deploy.demo.factors import Factors
from services.chassis.crypto import load_keyring
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.complaints.clients import Clients
from services.referrals.domain import Level, UnitKind
from services.referrals.service.registry import NewAccount, NewUnit, Registry

DESK_ROLES = (Role.CLERK, Role.DISPATCHER, Role.REVIEWER, Role.FOLLOW_UP, Role.SUPERVISOR)
ROLES_OF = {
    UnitKind.DESK: DESK_ROLES,
    UnitKind.RESTRICTED_DESK: DESK_ROLES,
    UnitKind.DEPARTMENT: (Role.HANDLER, Role.LEADER, Role.DISPATCHER),
    UnitKind.CONFERENCE: (Role.DISPATCHER, Role.LEADER),
    UnitKind.INSTITUTION: (Role.HANDLER,),
}
ROLE_ZH = {
    Role.CLERK: "受理员",
    Role.DISPATCHER: "派单员",
    Role.REVIEWER: "审核员",
    Role.FOLLOW_UP: "回访员",
    Role.SUPERVISOR: "督办员",
    Role.HANDLER: "经办人",
    Role.LEADER: "分管领导",
}


def units() -> list[NewUnit]:
    """The invented units."""
    rows: list[dict[str, Any]] = yaml.safe_load(files(__package__).joinpath("units.yaml").read_text("utf-8"))["units"]
    return [NewUnit(**{**row, "level": Level(row["level"]), "kind": UnitKind(row["kind"])}) for row in rows]


def accounts(password: str) -> list[NewAccount]:
    """One account a role and unit on the system, named ``<role>.<unit>``."""
    return [
        NewAccount(f"{role.lower()}.{unit.unit_id}", f"{unit.name}{ROLE_ZH[role]}", unit.unit_id, (role,), password)
        for unit in units()
        for role in (ROLES_OF[unit.kind] if unit.on_system else ())
    ]


def credentials(state_dir: Path) -> dict[str, str]:
    """The demonstration's password and platform key, made once and kept in the state folder for its owner alone."""
    path = _file(state_dir)
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text("utf-8"))
        return known
    made = {"password": secrets.token_urlsafe(9), "key": "", "secret": ""}
    _write(path, made)
    return made


def _file(state_dir: Path) -> Path:
    return state_dir / "demo" / "credentials.json"


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    os.chmod(path, 0o600)
    path.write_text(json.dumps(content), "utf-8")


async def prepare(settings: Settings, http: httpx.AsyncClient) -> tuple[Reporters, Officers]:
    """Load what the demonstration needs; its reporters and officers as HTTP clients."""
    known = credentials(settings.state_dir)
    referrals = Database(settings.dsn("referrals"))
    complaints = Database(settings.dsn("complaints"))
    try:
        await Registry(referrals).load(units(), accounts(known["password"]), invented_people=True)
        if not known["key"]:
            clients = Clients(load_keyring(settings.keys_dir, "complaints"))
            async with complaints.session() as session:
                name = f"demo-{secrets.token_hex(3)}"
                known["key"], known["secret"] = await clients.add(session, name, Channel.HOTLINE)
            _write(_file(settings.state_dir), known)
    finally:
        await referrals.close()
        await complaints.close()
    platform = Platform(known["key"], known["secret"])
    return (
        Reporters(http, settings.complaints_url, platform),
        Officers(
            http, settings.referrals_url, known["password"], Factors(settings.state_dir / "demo" / "factors.json")
        ),
    )
