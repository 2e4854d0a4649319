"""By what somebody is known again, however it was typed: for the keyed marks outside the vault, and inside it for what
it opened. Pure."""

import unicodedata
from collections.abc import Mapping


def single(phone: str | None, email: str | None) -> dict[str, str]:
    """What tells who it is by itself."""
    return _said({"phone": _digits(phone), "email": email.casefold() if email else None})


def papers(id_number: str | None) -> dict[str, str]:
    """The number of an identity paper."""
    return _said({"id_number": _letters(id_number)})


def with_name(name: str | None, phone: str | None, id_number: str | None) -> dict[str, str]:
    """A name together with a number: who knows both finds a complaint, who knows one does not."""
    if not name:
        return {}
    known = _said({"named_phone": _digits(phone), "named_id_number": _letters(id_number)})
    return {kind: f"{folded(name)}\x1f{value}" for kind, value in known.items()}


def is_of(left: Mapping[str, object], given: Mapping[str, str | None]) -> bool:
    """Whether what is given shows whose this identity is: its name with a number, or where it has none its telephone
    number or mail address. Both with the fields of a reporter."""

    def known(person: Mapping[str, object]) -> set[tuple[str, str]]:
        name, phone, id_number, email = (
            str(person[field]) if person.get(field) else None for field in ("name", "phone", "id_number", "email")
        )
        found = with_name(name, phone, id_number) if left.get("name") else single(phone, email)
        return set(found.items())

    return bool(known(left) & known(given))


def folded(name: str) -> str:
    """A name without regard to width, case and white space."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _digits(phone: str | None) -> str | None:
    """Without the country's prefix of a Chinese number."""
    if phone is None:
        return None
    digits = "".join(char for char in phone if char.isdigit()).removeprefix("00")
    return digits[2:] if len(digits) == 13 and digits.startswith("861") else digits


def _letters(id_number: str | None) -> str | None:
    return "".join(char for char in id_number if char.isalnum()).upper() if id_number else None


def _said(known: Mapping[str, str | None]) -> dict[str, str]:
    return {kind: value for kind, value in known.items() if value}
