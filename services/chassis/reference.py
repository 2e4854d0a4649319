"""Which reference data this process works by: the shipped tables, and an agency's own above them."""

import asyncio
import hashlib
import json
from pathlib import Path

from contracts import reference
from services.chassis import audit
from services.chassis.backoff import Backoff
from services.chassis.db import SYSTEM, Database, one
from services.chassis.outages import engine_away
from services.chassis.settings import Settings

_LAST = "SELECT details FROM audit_log WHERE chain = $1 AND action = $2 ORDER BY sequence DESC LIMIT 1"
_TAKEN = "REFERENCE_TAKEN"


def use_reference(settings: Settings) -> None:
    """Lay the agency's tables above the shipped ones, when there are any; raises BadReference with file and line."""
    reference.use(_own(settings))


async def keep_on_record(db: Database, settings: Settings, service: str) -> None:
    """Put on the audit by which tables of an agency the service works, whenever they are others than before, whoever
    changed them. For the background: returns never, waits out outages."""
    backoff, tables = Backoff(0.5, 30.0), await asyncio.to_thread(_fingerprint, _own(settings))
    while True:
        try:
            await _note(db, service, tables)
            await asyncio.Event().wait()
        except Exception as error:
            if engine_away(error) is None:
                raise
            await asyncio.sleep(backoff.next())


async def _note(db: Database, service: str, tables: str) -> None:
    chain = audit.of_area("reference")
    async with db.session(SYSTEM) as session:
        last = await one(session, _LAST, chain, _TAKEN)
        if (json.loads(last["details"])["tables"] if last is not None else "") == tables:
            return
        entry = audit.Entry(chain=chain, actor=audit.service(service), action=_TAKEN, details={"tables": tables})
        await audit.record(session, entry)


def _own(settings: Settings) -> Path | None:
    folder = settings.reference_dir
    given = folder != settings.state_dir / "reference"
    return folder if given or folder.is_dir() else None


def _fingerprint(folder: Path | None) -> str:
    """SHA-256 over names and contents of the agency's tables; empty without any."""
    if folder is None:
        return ""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder)).encode()
        content = hashlib.sha256(file.read_bytes()).digest()
        digest.update(len(name).to_bytes(4, "big") + name + content)
    return digest.hexdigest()
