"""Settings: environment over stack.env over defaults; what follows from what; what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.chassis.settings import MissingSetting, Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUIYIN_STATE_DIR", str(tmp_path))
    for name in ("HUIYIN_HOST", "HUIYIN_VAULT_PORT", "HUIYIN_VAULT_URL", "HUIYIN_COMPLAINTS_DSN"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_wins_over_the_stack_s_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "stack.env").write_text("HUIYIN_VAULT_PORT=9001\nHUIYIN_HOST=10.0.0.1\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("HUIYIN_HOST", "10.0.0.2")
    settings = load_settings()
    assert (settings.host, settings.vault_port) == ("10.0.0.2", 9001)
    assert settings.vault_url == "http://10.0.0.2:9001"


def test_folders_follow_the_state_directory(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.keys_dir == tmp_path / "keys"
    assert settings.evidence_dir == tmp_path / "evidence"


def test_a_missing_address_is_named() -> None:
    with pytest.raises(MissingSetting, match="HUIYIN_COMPLAINTS_DSN is not set"):
        load_settings().dsn("complaints")


def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_TRACE_RATIO", "7")
    with pytest.raises(ValidationError):
        load_settings()


def test_passwords_do_not_show() -> None:
    shown = repr(Settings(complaints_dsn="postgresql://u:hunter2@h/d", kafka_password="hunter2"))  # type: ignore[call-arg]
    assert "hunter2" not in shown
