"""What stands in this service's database sealed under its keyring."""

from services.chassis.crypto import field_aad
from services.chassis.rewrapping import SealedColumn

COLUMNS = (SealedColumn("case_keys", "case_id", "uuid", "wrapped", lambda row_id: field_aad(row_id, "case-key")),)
