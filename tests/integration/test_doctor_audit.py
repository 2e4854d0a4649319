"""What the doctor says of an audit whose rows are not anchored, and of a disk that takes no anchors."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from deploy import probing_audit
from deploy.stack import Stack
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import Settings


@pytest.fixture
def settings(stack_engines: Stack, tmp_path: Path) -> Settings:
    """With keys and anchors of the test's own."""
    folders = {name: tmp_path / name for name in ("keys_dir", "vault_keys_dir", "signers_dir", "audit_dir")}
    own = stack_engines.settings.model_copy(update=folders)
    ensure_keys(own)
    return own


async def test_rows_that_wait_for_longer_than_the_window_are_told_of(settings: Settings) -> None:
    owner = await asyncpg.connect(settings.owner_dsn("notifications"))
    await owner.execute("DELETE FROM audit_pending")
    try:
        found = await probing_audit.sealer(settings, "notifications", "public")
        assert (found.verdict, found.found.split(",")[0]) == ("ok", "no anchor yet")
        await owner.execute(
            "SELECT audit_append('admin/keys', 'cli/doctor', 'EXERCISE', NULL, NULL, '{}', NULL, NULL), pg_sleep(1.1)"
        )
        late = settings.model_copy(update={"audit_seal_seconds": 0.1})
        found = await probing_audit.sealer(late, "notifications", "public")
        assert found.verdict == "fail"
        assert "1 rows wait" in found.found
        assert "the sealer doesn't do its work" in found.advice
        assert (await probing_audit.sealer(settings, "notifications", "public")).verdict == "ok", "within the window"
    finally:
        await owner.close()


async def test_an_anchor_that_can_not_be_read_is_told_of(settings: Settings) -> None:
    settings.audit_dir.mkdir()
    (settings.audit_dir / "referrals.anchors.jsonl").write_bytes(b"rubbish\n")
    found = await probing_audit.sealer(settings, "referrals", "public")
    assert (found.verdict, "can't be read" in found.found) == ("fail", True)


def test_the_disk_of_the_anchors(tmp_path: Path) -> None:
    assert probing_audit.disk(tmp_path / "not" / "yet").verdict == "ok"
    assert probing_audit.disk(Path("/proc/1")).verdict == "fail"
