"""The doctor's questions to the sealers of the audit and to the disk that their anchors go to."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import status
from deploy.config import StackConfig
from deploy.doctor import Finding

if TYPE_CHECKING:
    from services.chassis.settings import Settings

LITTLE_ROOM = 100 * 1024 * 1024
"""Bytes: thousands of lines of anchors."""


# The steps of cases are anchored too, and stand in a table of their own.
_HISTORY = """LEFT JOIN case_history AS h ON h.sequence = p.sequence
    AND h.case_id = CASE WHEN p.chain LIKE 'history/%' THEN substr(p.chain, 9)::uuid END"""


async def sealers(config: StackConfig, settings: Settings) -> list[Finding]:
    """Is every row of the services that run anchored within the window?"""
    from services.chassis.audit import SCHEMAS

    known = status.read(config.state_dir)
    found = [disk(settings.audit_dir)]
    for service, schema in SCHEMAS.items():
        if known is not None and service in known.processes:
            found.append(await sealer(settings, service, schema))
    return found


def disk(folder: Path) -> Finding:
    """Can anchors be written, and is there room for them?"""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("fail", "anchors", f"{folder} can't be written: {error.strerror}", "check HUIYIN_AUDIT_DIR")
    free = shutil.disk_usage(there).free
    if free < LITTLE_ROOM:
        return Finding("fail", "anchors", f"{free // 1024**2} MB free", "make room in HUIYIN_AUDIT_DIR")
    return Finding("ok", "anchors", f"can be written, {free // 1024**2} MB free")


async def sealer(settings: Settings, service: str, schema: str) -> Finding:
    """When the last anchor was written, and since when a row waits for the next one."""
    from services.chassis.audit.anchors import anchor_file
    from services.chassis.db import connect

    what, advice = f"{service}: audit", f"huiyin audit verify -s {service}; huiyin logs {service}"
    history, at = (_HISTORY, "coalesce(l.at, h.recorded_at)") if service == "referrals" else ("", "l.at")
    connection = await connect(settings.dsn(service))
    try:
        await connection.execute("SET huiyin.role = 'system'")
        found = await connection.fetchrow(
            f"SELECT count(*) AS rows, coalesce(extract(epoch FROM clock_timestamp() - min({at})), 0)::int AS oldest"  # noqa: S608
            f" FROM {schema}.audit_pending AS p LEFT JOIN {schema}.audit_log AS l USING (chain, sequence) {history}"
        )
        assert found is not None
        rows, oldest = found["rows"], found["oldest"]
    finally:
        await connection.close()
    try:
        line = anchor_file(settings.audit_dir, service).last()
        anchored = None if line is None else datetime.fromisoformat(json.loads(line)["seal"]["at"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Finding("fail", what, f"the last anchor can't be read ({type(error).__name__})", advice)
    last = "no anchor yet"
    if anchored is not None:
        last = f"last anchor {(datetime.now(UTC) - anchored).total_seconds():.0f} s ago"
    late = oldest > 2 * settings.audit_seal_seconds
    shown = f"{last}, {rows} rows wait, the oldest {oldest} s (window {settings.audit_seal_seconds:g} s)"
    return Finding("fail" if late else "ok", what, shown, f"the sealer doesn't do its work: {advice}" if late else "")
