"""The form of a new complaint: from what was typed to a submission, or to what is to be corrected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from contracts.complaints import ContactWay
from contracts.lifecycle import Track
from contracts.reference import categories, category_classes
from services.chassis.problems import Lang
from services.complaints.schemas import Submission
from services.complaints.web import places
from services.complaints.web.errors import Errors, of_validation, word

ANONYMOUS, CONTACT, NAMED = "anonymous", "contact", "named"
_NOTIFY: dict[str, tuple[ContactWay, ...] | None] = {
    "all": None,
    "EMAIL": (ContactWay.EMAIL,),
    "SMS": (ContactWay.SMS,),
    "none": (),
}


@dataclass(frozen=True)
class Group:
    """A class of the taxonomy with its categories: code, name, and whether it is about integrity."""

    name: str
    items: tuple[tuple[str, str, bool], ...]


def groups(language: Lang) -> list[Group]:
    """The categories to choose from, in words."""
    zh = language == "zh"
    items: dict[str, list[tuple[str, str, bool]]] = {}
    for item in categories().values():
        name = item.name_zh if zh else item.name_en
        items.setdefault(item.parent, []).append((item.code, name, item.track is Track.INTEGRITY))
    return [
        Group(known.name_zh if zh else known.name_en, tuple(items[code]))
        for code, known in category_classes().items()
        if code in items
    ]


@dataclass
class Reading:
    """What a form holds: a submission, or errors; `candidates` when the place may be one of several."""

    submission: Submission | None = None
    errors: Errors = field(default_factory=dict)
    candidates: list[places.Place] = field(default_factory=list)


def typed(form: FormData) -> dict[str, str]:
    """The texts of a form as they were typed, with the line ends that people see."""
    return {name: value.replace("\r\n", "\n") for name, value in form.multi_items() if isinstance(value, str)}


def read(values: Mapping[str, str], language: Lang) -> Reading:
    """The submission of a form. Raises nothing: what does not fit is in its errors."""
    reading = Reading()
    region = _region(values, language, reading)
    raw: dict[str, Any] = {
        "category": values.get("category", ""),
        "region": region or "000000",
        "narrative": values.get("narrative", ""),
        "wants": values.get("wants", ""),
        "respondents": lines(values.get("respondents", "")),
        "track": Track.INTEGRITY if values.get("as_report") else None,
        "language": language,
    }
    raw |= reporter(values, language, reading.errors)
    try:
        submission = Submission.model_validate(raw)
    except ValidationError as error:
        reading.errors.update(of_validation(error.errors(include_url=False, include_input=False), language))
    else:
        if not reading.errors:
            reading.submission = submission
    return reading


def _region(values: Mapping[str, str], language: Lang, reading: Reading) -> str | None:
    text = values.get("place", "")
    if not text.strip():
        reading.errors["place"] = word("place", language, missing=True)
        return None
    found = places.find(text)
    chosen = next((place for place in found if place.code == values.get("place_code")), None)
    if chosen is not None or len(found) == 1:
        return (chosen or found[0]).code
    if not found:
        zh, en = (
            "没有找到这个地方：请写到区县，例如“杭州西湖区”。",
            "There is no such place: name the district in Chinese, e.g. 杭州西湖区, or its six-digit code.",
        )
    elif len(found) > places.MANY:
        zh, en = "这样的地方太多：请加上所在的省或市。", "There are many such places: add the province or city."
    else:
        reading.candidates = found
        zh, en = "有几个地方叫这个名字：请在下面选择。", "Several places have this name: choose one below."
    reading.errors["place_code" if reading.candidates else "place"] = zh if language == "zh" else en
    return None


def lines(text: str) -> list[str]:
    """What stands in a field that takes one thing a line."""
    return [line for line in text.split("\n") if line.strip()]


def reporter(values: Mapping[str, str], language: Lang, errors: Errors) -> dict[str, Any]:
    """`reporter` and `ways` of a submission; what does not fit goes into ``errors``.

    Nothing of an identity is read when the reporter chose to stay anonymous, whatever the fields hold.
    """
    identity = values.get("identity", ANONYMOUS)
    if identity not in (CONTACT, NAMED):
        return {}
    given = {name: values.get(name, "").strip() for name in ("phone", "email")}
    if identity == NAMED:
        given["name"] = values.get("name", "").strip()
        if not given["name"]:
            errors["name"] = word("name", language, missing=True)
    elif not any(given.values()):
        zh, en = "请填写电话或邮箱，或选择匿名。", "Give a phone number or an address, or choose to stay anonymous."
        errors["phone"] = zh if language == "zh" else en
    ways = _NOTIFY.get(values.get("notify", "all"))
    needed = {ContactWay.EMAIL: "email", ContactWay.SMS: "phone"}
    for way in ways or ():
        if not given[needed[way]]:
            zh, en = "选择了这种通知方式，请填写。", "You want to be told this way: fill this in."
            errors.setdefault(needed[way], zh if language == "zh" else en)
    return {"reporter": given, "ways": ways}
