"""The settings that only notifications needs, beside those of every process (same variables, same files)."""

import os
from pathlib import Path

from pydantic import Field

from services.chassis.settings import DEFAULT_STATE_DIR, Settings


class NotificationSettings(Settings):
    """HUIYIN_<NAME> in the environment, then `<state_dir>/stack.env`, then the default."""

    smtp_ca_file: str = ""
    """Certificates that the mail server's is checked against with STARTTLS; empty means the system's."""
    smtp_timeout_seconds: float = Field(default=20.0, gt=0)
    """For one whole attempt; must stay below sender_lease_seconds."""
    officer_fresh_seconds: float = Field(default=10.0, ge=0)
    """How long an officer's session is taken for what referrals last said of it (K)."""
    sender_poll_seconds: float = Field(default=0.5, gt=0)
    sender_slots: int = Field(default=4, ge=1, le=64)
    """Mails under way at once; the pool of database connections is larger than this."""
    sender_lease_seconds: float = Field(default=30.0, gt=0)
    """A notice that a process held for longer was in its hands when it died: it goes again."""
    recipient_wait_days: float = Field(default=14.0, gt=0)
    """How long a case's notice waits for its complaint's event: as long as the topic keeps it."""

    def model_post_init(self, context: object) -> None:
        """Fill in what follows from other settings; raises ValueError for a lease that ends during an attempt."""
        super().model_post_init(context)
        if self.sender_lease_seconds <= self.smtp_timeout_seconds:
            raise ValueError("HUIYIN_SENDER_LEASE_SECONDS must be longer than HUIYIN_SMTP_TIMEOUT_SECONDS")

    @property
    def tracking_url(self) -> str:
        """The page that mails name: number and query code are entered there, never part of the address."""
        return self.public_url.rstrip("/") + "/tracking" if self.public_url else ""


def load_settings() -> NotificationSettings:
    """Read the settings anew."""
    state_dir = Path(os.environ.get("HUIYIN_STATE_DIR", DEFAULT_STATE_DIR))
    return NotificationSettings(_env_file=state_dir / "stack.env")
