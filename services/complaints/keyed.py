"""What stands in this service's database sealed under its keyring."""

from services.chassis.crypto import field_aad
from services.chassis.rewrapping import SealedColumn
from services.complaints.clients import secret_aad


def _case_key(complaint_id: str) -> bytes:
    return field_aad(complaint_id, "case-key")


COLUMNS = (
    SealedColumn("complaints", "complaint_id", "uuid", "case_key_wrapped", _case_key),
    SealedColumn("api_clients", "client_id", "text", "secret_sealed", secret_aad),
)
