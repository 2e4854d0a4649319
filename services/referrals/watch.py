"""What those who watch over open work look for."""

from enum import StrEnum


class Watch(StrEnum):
    """A list of the board among open tasks; OPEN is all of them."""

    OVERDUE = "OVERDUE"
    DUE_SOON = "DUE_SOON"
    UNCLAIMED = "UNCLAIMED"
    RETURNED = "RETURNED"
    DESIGNATION = "DESIGNATION"
    SUPERVISED = "SUPERVISED"
    OPEN = "OPEN"
