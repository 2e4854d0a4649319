"""What the local stack runs, from the environment: own engines or given addresses, ports, folders, and `stack.env`."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.ports import read_ports

PROJECT = Path(__file__).resolve().parent.parent
ENGINE_HOST = "127.0.0.1"  # our own engines never listen beyond this machine

DATABASES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # database: (owner role that migrates, roles of the running processes)
    "huiyin_complaints": ("complaints_owner", ("complaints", "vault")),
    "huiyin_referrals": ("referrals_owner", ("referrals",)),
    "huiyin_notifications": ("notifications_owner", ("notifications",)),
}
DSN_SETTINGS: Mapping[str, str] = {
    f"HUIYIN_{role.upper()}_DSN": role for owner, roles in DATABASES.values() for role in (owner, *roles)
}
SUPERUSER = "postgres"
KEYRING = "HUIYIN_KEYRING_"
"""Begins the name of a variable that holds a keyring."""
VAULT_KEYS = "HUIYIN_VAULT_KEYS_DIR"
"""The folder of the private key that opens identities: for set-up and the vault's process."""
SIGNERS, SIGNING = "HUIYIN_SIGNERS_DIR", "HUIYIN_SIGNING_DIR"
"""The folder of all private keys that sign, for set-up and operators; of one process's own key."""


class ConfigError(Exception):
    """The settings do not make sense together; the message says what to change."""


@dataclass(frozen=True)
class StackConfig:
    """One stack: where its state lives, its ports, and what was given instead of our own engines."""

    state_dir: Path
    ports: Mapping[str, int]
    given: Mapping[str, str]
    """HUIYIN_* of the real environment: they win over everything generated."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, state_dir: Path | None = None) -> StackConfig:
        """Read HUIYIN_* (default: this process's environment). Raises ConfigError."""
        real = os.environ if environ is None else environ
        given = {key: value for key, value in real.items() if key.startswith("HUIYIN_") and value != ""}
        folder = state_dir or Path(given.get("HUIYIN_STATE_DIR", PROJECT / ".huiyin"))
        try:
            ports = read_ports(given)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        config = cls(folder.expanduser().resolve(), ports, given)
        missing = [name for name in DSN_SETTINGS if name not in given]
        if missing and len(missing) < len(DSN_SETTINGS):
            raise ConfigError(
                f"With a PostgreSQL of your own, all of its addresses are needed: set {', '.join(missing)}"
            )
        return config

    @classmethod
    def of_running(cls, state_dir: Path) -> StackConfig:
        """The configuration a stack was last started with, whatever this shell's environment says."""
        given: dict[str, str] = json.loads((state_dir / "given.json").read_text(encoding="utf-8"))
        return cls.from_environ(given, state_dir)

    @property
    def owns_postgres(self) -> bool:
        return not any(name in self.given for name in DSN_SETTINGS)

    @property
    def owns_kafka(self) -> bool:
        return "HUIYIN_KAFKA_BOOTSTRAP" not in self.given

    @property
    def owns_temporal(self) -> bool:
        return "HUIYIN_TEMPORAL_ADDRESS" not in self.given

    @property
    def owns_mailsink(self) -> bool:
        return "HUIYIN_SMTP_HOST" not in self.given

    @property
    def host(self) -> str:
        """Where our services listen."""
        return self.given.get("HUIYIN_HOST", ENGINE_HOST)

    @property
    def probe_host(self) -> str:
        """Where to reach our services from this machine."""
        return ENGINE_HOST if self.host in ("0.0.0.0", "::") else self.host  # asked, not bound  # nosec B104

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    @property
    def env_file(self) -> Path:
        return self.state_dir / "stack.env"

    @property
    def kafka_jars(self) -> Path:
        """The jars are a download, not state: every stack of this clone shares them."""
        return Path(self.given.get("HUIYIN_KAFKA_JARS", PROJECT / ".huiyin" / "cache" / "kafka"))

    def dsn(self, role: str, database: str, password: str) -> str:
        return f"postgresql://{role}:{quote(password, safe='')}@{ENGINE_HOST}:{self.ports['postgres']}/{database}"

    def admin_dsn(self, database: str = "postgres") -> str:
        """The superuser's address in our own PostgreSQL; only set-up uses it."""
        return self.dsn(SUPERUSER, database, self.passwords()[SUPERUSER])

    def passwords(self) -> dict[str, str]:
        """Database passwords by role, made once and kept in the state folder, readable by its owner only."""
        path = self.state_dir / "passwords.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        wanted = [SUPERUSER, *DSN_SETTINGS.values()]
        if any(role not in kept for role in wanted):
            kept = {role: kept.get(role) or secrets.token_urlsafe(24) for role in wanted}
            write_private(path, json.dumps(kept, indent=1))
        return kept

    def settings_env(self) -> dict[str, str]:
        """The complete HUIYIN_* environment of this stack's processes."""
        ports = self.ports
        env = {f"HUIYIN_{name.upper()}_PORT": str(number) for name, number in ports.items()}
        env["HUIYIN_HOST"] = self.host
        env[VAULT_KEYS] = str(self.state_dir / "vault-keys")
        env[SIGNERS] = str(self.state_dir / "signing")
        env["HUIYIN_EVIDENCE_UNSCANNED"] = "allow"  # one machine, to try it out: it need not have a scanner
        if self.owns_postgres:
            passwords = self.passwords()
            for database, (owner, roles) in DATABASES.items():
                for role in (owner, *roles):
                    env[f"HUIYIN_{role.upper()}_DSN"] = self.dsn(role, database, passwords[role])
        if self.owns_kafka:
            env["HUIYIN_KAFKA_BOOTSTRAP"] = f"{ENGINE_HOST}:{ports['kafka']}"
        if self.owns_temporal:
            env["HUIYIN_TEMPORAL_ADDRESS"] = f"{ENGINE_HOST}:{ports['temporal']}"
        if self.owns_mailsink:
            env["HUIYIN_SMTP_HOST"] = ENGINE_HOST
            env["HUIYIN_SMTP_PORT"] = str(ports["mailsink_smtp"])
        # The state folder last: as an absolute path, whatever the environment said.
        return env | dict(self.given) | {"HUIYIN_STATE_DIR": str(self.state_dir)}

    def write_env_file(self) -> None:
        """Write `stack.env`, so that commands in another shell meet this stack, and what it was started with."""
        # Who hands keys over in the environment does not want them in files.
        given = {name: value for name, value in self.given.items() if not name.startswith(KEYRING)}
        write_private(self.state_dir / "given.json", json.dumps(given, indent=1))
        lines = ["# Written by `huiyin up`; the real environment wins over it. Holds passwords."]
        for key, value in sorted(self.settings_env().items()):
            if key.startswith(KEYRING):
                continue
            if "\n" in value:
                raise ConfigError(f"{key} holds a line break, which no settings file can carry")
            lines.append(f"{key}={quote_env(value)}")
        write_private(self.env_file, "\n".join(lines) + "\n")


def quote_env(value: str) -> str:
    """A value as a line of a .env file (and of a POSIX shell): plain when it can be, else in single quotes."""
    if value and all(char.isalnum() or char in "_-./:@%+,=?&" for char in value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; from its first byte only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
