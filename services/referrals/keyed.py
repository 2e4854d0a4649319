"""What stands in this service's database sealed under its keyring."""

from services.chassis.crypto import field_aad
from services.chassis.rewrapping import SealedColumn


def second_factor_aad(account_id: str) -> bytes:
    """Binds the secret of a second factor to its account."""
    return f"huiyin/{account_id}/second-factor".encode()


COLUMNS = (
    SealedColumn("case_keys", "case_id", "uuid", "wrapped", lambda row_id: field_aad(row_id, "case-key")),
    SealedColumn("second_factors", "account_id", "text", "sealed", second_factor_aad),
)
