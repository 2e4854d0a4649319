"""Every setting of every process: HUIYIN_<NAME> in the environment, then `<state_dir>/stack.env`, then the default."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_STATE_DIR = ".huiyin"
FIRST_PASSWORD_HOURS = 72.0
SERVICES = ("complaints", "vault", "referrals", "notifications")

KafkaSecurity = Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"]


class MissingSetting(RuntimeError):
    """A setting without which this process can't work; the text names the variable."""


class Settings(BaseSettings):
    """Flat on purpose: one name in the code, one variable in the environment, one row in the README."""

    model_config = SettingsConfigDict(env_prefix="HUIYIN_", extra="ignore", frozen=True)

    state_dir: Path = Path(DEFAULT_STATE_DIR)

    # PostgreSQL. The service's role owns nothing; the owner's role runs the migrations.
    complaints_dsn: str = Field(default="", repr=False)
    vault_dsn: str = Field(default="", repr=False)
    referrals_dsn: str = Field(default="", repr=False)
    notifications_dsn: str = Field(default="", repr=False)
    complaints_owner_dsn: str = Field(default="", repr=False)
    referrals_owner_dsn: str = Field(default="", repr=False)
    notifications_owner_dsn: str = Field(default="", repr=False)
    db_pool_size: int = Field(default=8, ge=1)
    db_max_overflow: int = Field(default=8, ge=0)

    # Kafka
    kafka_bootstrap: str = "localhost:19092"
    kafka_security: KafkaSecurity = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_username: str = ""
    kafka_password: str = Field(default="", repr=False)
    kafka_ca_file: str = ""
    kafka_cert_file: str = ""
    kafka_key_file: str = ""

    # Temporal
    temporal_address: str = "localhost:17233"
    temporal_namespace: str = "default"
    temporal_tls: bool = False
    temporal_ca_file: str = ""
    temporal_cert_file: str = ""
    temporal_key_file: str = ""

    # The process that runs workflows
    worker_cached_workflows: int = Field(default=10_000, ge=1)
    """Cases kept in memory (about 45 KB each); another one is replayed from its history before its next step."""
    worker_concurrent_tasks: int = Field(default=40, ge=2)
    worker_sandbox: bool = False
    """Run workflows in the SDK's sandbox, as their tests do: slower, refuses what is not deterministic."""

    # Mail
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 11025
    smtp_starttls: bool = False
    smtp_username: str = ""
    smtp_password: str = Field(default="", repr=False)
    mail_from: str = "huiyin@localhost"

    # Where we listen and find each other
    host: str = "127.0.0.1"
    trusted_proxies: str = "127.0.0.1,::1"
    """Whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, with commas; empty: nobody's."""
    metrics_token: str = Field(default="", repr=False)
    """What `/metrics` wants as `Authorization: Bearer`; empty: this machine's, unless PUBLIC_URL is set."""
    complaints_port: int = 8101
    vault_port: int = 8102
    referrals_port: int = 8103
    notifications_port: int = 8104
    worker_metrics_port: int = 8105
    mailsink_smtp_port: int = 11025
    mailsink_http_port: int = 18025
    postgres_port: int = 54329
    kafka_port: int = 19092
    kafka_controller_port: int = 19093
    temporal_port: int = 17233
    temporal_ui_port: int = 18233
    complaints_url: str = ""
    vault_url: str = ""
    referrals_url: str = ""
    notifications_url: str = ""
    public_url: str = ""
    """Where people reach the public site, as mails name it; empty: mails name no address."""

    # Files; empty means a folder of the state directory
    keys_dir: Path = Path("")
    vault_keys_dir: Path = Path("")
    """Holds the private key of identities, for the vault alone: set but empty, this process has none."""
    signers_dir: Path = Path("")
    """Holds a folder for each signer with its private key, for set-up and operators: set but empty, there is none."""
    signing_dir: Path = Path("")
    """Holds the private key that this process signs with; empty: its folder in `signers_dir`."""
    evidence_dir: Path = Path("")
    reference_dir: Path = Path("")
    """An agency's own reference tables above the shipped ones; in the state directory when it is there."""
    audit_dir: Path = Path("")
    """Anchors of the audit: best on a disk of its own that is only added to."""
    audit_seal_seconds: float = Field(default=60.0, gt=0)
    """The window: what is recorded is anchored outside the database after this time at most."""
    audit_repeat_seconds: float = Field(default=600.0, ge=0)
    """An officer who looks at the same of a case again within this time has looked once."""

    # What keys are made for from now on; keys that are there keep theirs
    cipher_suite: Literal["AES", "SM"] = "AES"

    # Evidence. The periods and numbers are the agency's to set (K).
    evidence_max_bytes: int = Field(default=100 * 1024 * 1024, ge=1024)
    """Of one file."""
    evidence_upload_hours: float = Field(default=24.0, gt=0)
    """How long an upload that broke off waits to be gone on with."""
    evidence_open_uploads: int = Field(default=10, ge=1)
    """How many uploads of one complaint may be unfinished."""
    evidence_poll_seconds: float = Field(default=5.0, gt=0)
    """How often files that wait to be examined are looked for when nobody told of one."""
    evidence_unscanned: Literal["allow", "refuse"] = "refuse"
    """Whether officers get files while no virus scanner is set up."""
    clamd_address: str = ""
    """``host:port``, or ``unix:`` and the path of clamd's socket; empty: there is no virus scanner."""

    # Telemetry
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: str = ""
    trace_file: str = ""
    """Spans as JSON lines, for tests and for machines without a collector."""
    trace_ratio: float = Field(default=0.1, ge=0, le=1)

    # Officers' log-in
    second_factor: Literal["offered", "required"] = "offered"
    """Required: who has no second factor can do nothing but set one up."""
    password_login: bool = True
    """False where everybody logs in by the OpenID provider."""
    openid_issuer: str = ""
    """The agency's OpenID provider, as it names itself; empty: there is none."""
    openid_client_id: str = ""
    openid_client_secret: str = Field(default="", repr=False)
    openid_scopes: str = "openid profile"
    openid_username_claim: str = "preferred_username"
    workbench_url: str = ""
    """Where officers reach the workbench; empty: at `referrals_url`."""
    first_password_hours: float = Field(default=FIRST_PASSWORD_HOURS, gt=0)
    """How long a password that an administrator set opens the setting of an own one (K)."""
    session_idle_minutes: int = Field(default=30, ge=1)
    session_hours: int = Field(default=12, ge=1)
    login_attempts: int = Field(default=5, ge=1)
    """So many failures in a row are free; each further one doubles the pause."""
    known_device_days: float = Field(default=90.0, gt=0)
    """How long a device on which an officer logged in has a count of failures of its own (K)."""
    login_pause_seconds: int = Field(default=60, ge=1)
    login_pause_max_seconds: int = Field(default=900, ge=1)

    # Relay
    relay_poll_seconds: float = Field(default=1.0, gt=0)
    relay_batch: int = Field(default=500, ge=1)
    kafka_request_timeout_seconds: float = Field(default=10.0, gt=0)
    kafka_max_message_bytes: int = Field(default=1_000_000, ge=1_000)
    """What the producer takes at most; keep it at or below the topics' max.message.bytes."""

    # Consumers
    consumer_max_backoff_seconds: float = Field(default=30.0, gt=0)
    """The longest wait after a transient error; must stay well below the 300 s that Kafka allows between polls."""
    consumer_max_attempts: int = Field(default=8, ge=1)
    """After so many failures in a row that no engine's outage explains, a message is parked."""
    consumer_batch: int = Field(default=64, ge=1)
    consumer_poll_seconds: float = Field(default=1.0, gt=0)
    """How often requeued dead letters are looked for when no NOTIFY came."""

    # Who may ask the public site how often (K): a browser by its work, else the address that it comes from
    proof_cost: int = Field(default=1_000, ge=0)
    """Iterations of one try of the proof of work, of which some 256 are needed; 0: none is asked for."""
    visitor_burst: float = Field(default=120, ge=1)
    visitor_per_second: float = Field(default=2, gt=0)
    address_burst: float = Field(default=400, ge=1)
    address_per_second: float = Field(default=10, gt=0)
    free_networks: str | None = None
    """Whose programs (`/v1/`) are not counted: this machine's own, and those of platforms that push much."""
    number_burst: float = Field(default=20, ge=1)
    number_per_minute: float = Field(default=6, gt=0)
    """Wrong codes for one case number, from browsers that did no work."""

    # A lost query code, asked for anew by a named reporter (K)
    reissue_hours: float = Field(default=24.0, ge=0)
    """A complaint gets one new code in this time."""
    reissue_valid_hours: float = Field(default=168.0, gt=0)
    """For so long a new code waits for its first use."""
    reissue_tries: int = Field(default=10, ge=1)
    """So many requests with one name, and with one case number, are looked at within 24 hours."""
    rights_correction_hours: float = Field(default=24.0, ge=0)
    """So long after it was asked a correction is granted at the earliest: the address left before is told meanwhile."""
    rights_tries: int = Field(default=5, ge=1)
    """So many times within 24 hours who asks about the data of a complaint may be wrong about whose it is."""

    rights_copy_days: float = Field(default=30.0, gt=0)
    """How long after the desk's yes a reporter may collect a copy of the own data (K)."""

    # HTTP
    max_body_bytes: int = Field(default=1_048_576, ge=1024)

    def model_post_init(self, context: object) -> None:
        """Fill in what follows from other settings."""
        derived: dict[str, object] = {}
        if self.keys_dir == Path(""):
            derived["keys_dir"] = self.state_dir / "keys"
        if "vault_keys_dir" not in self.model_fields_set:
            derived["vault_keys_dir"] = self.state_dir / "vault-keys"
        if "signers_dir" not in self.model_fields_set:
            derived["signers_dir"] = self.state_dir / "signing"
        if self.evidence_dir == Path(""):
            derived["evidence_dir"] = self.state_dir / "evidence"
        if self.audit_dir == Path(""):
            derived["audit_dir"] = self.state_dir / "audit"
        if self.reference_dir == Path(""):
            derived["reference_dir"] = self.state_dir / "reference"
        for service in SERVICES:
            if not getattr(self, f"{service}_url"):
                derived[f"{service}_url"] = f"http://{self.host}:{getattr(self, f'{service}_port')}"
        # The model is frozen for everybody else.
        self.__dict__.update(derived)

    def vault_keys(self) -> Path:
        """The folder of the private key of identities; raises MissingSetting in a process that has none."""
        if self.vault_keys_dir == Path(""):
            raise MissingSetting("HUIYIN_VAULT_KEYS_DIR is not set: the private key is for the vault alone")
        return self.vault_keys_dir

    def signing_keys(self, signer: str) -> Path:
        """The folder of a signer's private key; raises MissingSetting in a process that signs nothing."""
        return self.signing_dir if self.signing_dir != Path("") else self.signer_folder(signer)

    def signer_folder(self, signer: str) -> Path:
        """A signer's folder among all of them; raises MissingSetting in a process that is not told of them."""
        if self.signers_dir == Path(""):
            raise MissingSetting("HUIYIN_SIGNING_DIR and HUIYIN_SIGNERS_DIR are not set: there is no key to sign with")
        return self.signers_dir / signer

    @property
    def over_https(self) -> bool:
        """True when people reach us over https (a proxy's): cookies then go nowhere else."""
        return self.public_url.startswith("https://")

    @property
    def uncounted_networks(self) -> str:
        """Whose programs are not counted: those that are set, else this machine, unless people reach us from outside.
        A proxy on it that says nothing of who asks would take the limits from everybody."""
        if self.free_networks is not None:
            return self.free_networks
        return "" if self.public_url else "127.0.0.0/8,::1/128"

    def dsn(self, service: str) -> str:
        """The service's own connection string; raises MissingSetting when it is not set."""
        return self._required(f"{service}_dsn")

    def owner_dsn(self, service: str) -> str:
        """The DSN of the role that owns the service's tables; raises MissingSetting when it is not set."""
        return self._required(f"{service}_owner_dsn")

    def _required(self, name: str) -> str:
        value = str(getattr(self, name))
        if not value:
            raise MissingSetting(f"HUIYIN_{name.upper()} is not set: start the stack with `huiyin up`, or set it")
        return value


def load_settings() -> Settings:
    """Read the settings anew."""
    state_dir = Path(os.environ.get("HUIYIN_STATE_DIR", DEFAULT_STATE_DIR))
    return Settings(_env_file=state_dir / "stack.env")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
