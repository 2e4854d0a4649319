"""The stack's settings: ports, addresses of engines that are given, `stack.env`, private files."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from deploy.config import DSN_SETTINGS, SIGNERS, VAULT_KEYS, ConfigError, StackConfig, quote_env, write_private
from deploy.ports import BY_NAME, PORTS, read_ports, taken_lines
from deploy.processes import ALL_NAMES, all_specs, base_env
from deploy.supervisor import wanted_names
from services.chassis import signers
from services.chassis.auth import ServiceTokens
from services.chassis.keyfiles import VAULT_PRIVATE, ensure_keys
from services.chassis.settings import MissingSetting, Settings, load_settings


def config(tmp_path: Path, **given: str) -> StackConfig:
    return StackConfig.from_environ({f"HUIYIN_{name.upper()}": value for name, value in given.items()}, tmp_path)


def test_the_default_ports_are_those_of_the_settings() -> None:
    for port in PORTS:
        assert Settings.model_fields[f"{port.name}_port"].default == port.default


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "１２", "1.5"])
def test_what_is_no_port_is_named_with_its_setting(text: str) -> None:
    with pytest.raises(ValueError, match="HUIYIN_KAFKA_PORT"):
        read_ports({"HUIYIN_KAFKA_PORT": text})


def test_two_settings_with_one_port_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"HUIYIN_KAFKA_PORT and HUIYIN_POSTGRES_PORT are both 54329"):
        config(tmp_path, kafka_port="54329")


def test_a_taken_port_gives_one_line_with_the_setting() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        number = sock.getsockname()[1]
        (line,) = taken_lines(["vault"], {"vault": number}, "127.0.0.1")
    assert f"Port {number}" in line
    assert BY_NAME["vault"].setting in line
    assert "\n" not in line


def test_engines_are_our_own_unless_an_address_is_given(tmp_path: Path) -> None:
    assert [spec.name for spec in all_specs(config(tmp_path))] == list(ALL_NAMES)


def test_complaints_are_taken_in_first_then_cases_move_on_then_people_are_told(tmp_path: Path) -> None:
    niceness = {spec.name: spec.niceness for spec in all_specs(config(tmp_path))}
    assert niceness["complaints"] == niceness["postgres"] == niceness["referrals"] == 0
    assert 0 < niceness["temporal"] == niceness["worker"] < niceness["notifications"] == niceness["mailsink"]


def test_a_postgresql_of_ones_own_needs_all_addresses(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HUIYIN_VAULT_DSN"):
        config(tmp_path, complaints_dsn="postgresql://u:p@db/x")


def test_passwords_are_made_once_and_private(tmp_path: Path) -> None:
    first = config(tmp_path).passwords()
    assert first == config(tmp_path).passwords()
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_the_settings_read_stack_env_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = config(tmp_path, kafka_port="19999", kafka_password="it's # a \\ 密码")
    made.write_env_file()
    assert made.env_file.stat().st_mode & 0o777 == 0o600
    for name in made.settings_env():
        monkeypatch.delenv(name, raising=False)
    read = Settings(_env_file=made.env_file)  # type: ignore[call-arg]
    assert read.kafka_bootstrap == "127.0.0.1:19999"
    assert read.kafka_password == "it's # a \\ 密码"
    assert read.dsn("vault").endswith("/huiyin_complaints")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_any_value_survives_stack_env(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path = tmp_path_factory.mktemp("env") / "stack.env"
    path.write_text(f"HUIYIN_X={quote_env(value)}\n", encoding="utf-8")
    assert dotenv_values(path, interpolate=False)["HUIYIN_X"] == value


def test_a_plain_value_is_also_a_shells(tmp_path: Path) -> None:
    dsn = config(tmp_path).settings_env()["HUIYIN_COMPLAINTS_DSN"]
    assert shlex.split(f"HUIYIN_COMPLAINTS_DSN={quote_env(dsn)}") == [f"HUIYIN_COMPLAINTS_DSN={dsn}"]


def test_no_process_is_handed_an_address_that_is_not_its_own(tmp_path: Path) -> None:
    own = config(tmp_path)
    assert {base_env(own)[name] for name in DSN_SETTINGS} == {""}
    for spec in all_specs(own):
        shown = {name for name in DSN_SETTINGS if spec.env[name]}
        service = "referrals" if spec.name == "worker" else spec.name  # which records the steps of its workflows
        assert shown <= {f"HUIYIN_{service.upper()}_DSN"}
        assert not any(password in " ".join(spec.argv) for password in own.passwords().values())


def test_the_vault_alone_is_told_where_the_private_key_of_identities_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = config(tmp_path)
    own.write_env_file()
    ensure_keys(Settings(state_dir=tmp_path))
    told = set()
    for spec in all_specs(own):
        for name, value in spec.env.items():
            monkeypatch.setenv(name, value)
        seen = load_settings()
        assert seen.keys_dir == tmp_path / "keys"
        assert not (seen.keys_dir / VAULT_PRIVATE).exists()
        if seen.vault_keys_dir != Path(""):
            told.add(spec.name)
            assert (seen.vault_keys() / VAULT_PRIVATE).exists()
        else:
            with pytest.raises(MissingSetting, match=VAULT_KEYS):
                seen.vault_keys()
    assert told == {"vault"}


def test_each_process_is_told_of_its_own_signing_key_and_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = config(tmp_path)
    own.write_env_file()
    ensure_keys(Settings(state_dir=tmp_path))
    signing = set()
    for spec in all_specs(own):
        named = [value for name, value in spec.env.items() if name.startswith("HUIYIN_") and "signing" in value]
        assert named == ([str(tmp_path / "signing" / spec.name)] if spec.name in signers.SIGNERS else [])
        for name, value in spec.env.items():
            monkeypatch.setenv(name, value)
        seen = load_settings()
        assert not list(seen.keys_dir.glob("*.signing"))
        for signer in signers.SIGNERS:
            if signer == spec.name:
                claims = ServiceTokens(signer, seen).verify(ServiceTokens(signer, seen).issue(signer, "p"))
                assert claims.issuer == signer
                signing.add(signer)
            else:
                with pytest.raises((OSError, MissingSetting)):
                    ServiceTokens(signer, seen).issue("vault", "p")
    assert signing == {"complaints", "vault", "referrals", "notifications"}


def test_set_up_and_operators_find_every_signing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = config(tmp_path)
    own.write_env_file()
    monkeypatch.setenv("HUIYIN_STATE_DIR", str(tmp_path))
    monkeypatch.delenv(SIGNERS, raising=False)
    seen = load_settings()
    ensure_keys(seen)
    for name in signers.SIGNERS:
        assert signers.signing_key(seen, name)
        assert seen.signing_keys(name).stat().st_mode & 0o777 == 0o700
        assert (seen.signing_keys(name) / f"{name}.signing").stat().st_mode & 0o777 == 0o600


def test_what_was_given_is_found_again(tmp_path: Path) -> None:
    made = config(tmp_path, kafka_bootstrap="kafka:9092", complaints_port="9001")
    made.write_env_file()
    again = StackConfig.of_running(tmp_path)
    assert again.ports == made.ports
    assert (again.owns_kafka, again.owns_postgres) == (False, True)


def test_unknown_process_names_are_refused(tmp_path: Path) -> None:
    assert wanted_names(config(tmp_path, processes="postgres, kafka")) == ("postgres", "kafka")
    with pytest.raises(ConfigError, match="no process 'postgre'"):
        wanted_names(config(tmp_path, processes="postgre"))


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
