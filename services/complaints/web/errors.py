"""What went wrong, beside the field where it did, in words of people who fill in forms."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from services.chassis.outages import engine_away
from services.chassis.problems import Lang, Problem, unavailable, validation_problem
from services.complaints.domain import Refusal

Errors = dict[str, str]
"""Texts by field; the empty name is for what belongs to no field."""

_log = structlog.get_logger("huiyin.pages")

_MISSING = frozenset({"missing", "string_too_short", "string_type"})
_WORDS: dict[tuple[str, bool], tuple[str, str]] = {
    ("category", True): ("请选择类别。", "Choose a category."),
    ("category", False): ("请选择类别。", "Choose a category."),
    ("place", True): ("请填写事情发生的地方。", "Say where it happened."),
    ("narrative", True): ("请写下发生了什么。", "Write down what happened."),
    ("text", True): ("请写下要补充的内容，或选择文件。", "Write what you want to add, or choose a file."),
    ("name", True): ("请填写姓名，或选择匿名。", "Give your name, or choose to stay anonymous."),
    ("phone", False): (
        "电话号码的格式不正确，例如 13800138000。",
        "This is not a phone number; an example: 13800138000.",
    ),
    ("id_number", False): ("证件号码的格式不正确。", "This is not an identity number."),
    ("email", False): (
        "邮箱的格式不正确，例如 name@example.com。",
        "This is not an address; an example: name@example.com.",
    ),
    ("respondents", False): (
        "请每行写一个单位或人员，每行最多 200 字，最多 20 行。",
        "One unit or person a line, at most 200 characters each and 20 lines.",
    ),
    ("case_number", True): ("请填写案件编号。", "Enter the case number."),
    ("query_code", True): ("请填写查询码。", "Enter the query code."),
    ("query_code", False): (
        "查询码抄写有误：应是 17 位数字和字母，请逐位核对（没有字母 I、L、O、U）。",
        "This code is mistyped: it has 17 digits and letters, never I, L, O or U. Check it one by one.",
    ),
    ("satisfaction", True): ("请选择一项评价。", "Choose one of the five."),
    ("satisfaction", False): ("请选择一项评价。", "Choose one of the five."),
}
# The API's words speak to programs (of keys and fields): here they are said to people.
_REFUSALS: dict[str, tuple[str, str]] = {
    "IDEMPOTENCY_KEY_REUSED": (
        "您已提交过这一页，之后内容有改动。要补充刚才那一件，请用案件编号和查询码查询；"
        "如果这是另一件事，请再点一次提交。",
        "You have sent this page before, and it has changed since. To add to what you sent, follow it with its case "
        "number and query code; if this is another matter, press the button once more.",
    ),
    "UNKNOWN_CATEGORY": ("没有这个类别：请重新选择。", "There is no such category: choose again."),
    "TRACK_NOT_ALLOWED": (
        "该类别涉及廉洁问题，只能按举报办理。",
        "This category is about integrity: it is handled as a report.",
    ),
}


def word(name: str, language: Lang, *, missing: bool) -> str:
    """The words for a field that is empty, or filled in wrongly; raises KeyError for one that has none."""
    zh, en = _WORDS[name, missing]
    return zh if language == "zh" else en


def of_validation(errors: Iterable[Mapping[str, Any]], language: Lang) -> Errors:
    """Pydantic's errors by the field of the page; what was typed is not in them."""
    told: Errors = {}
    for item in validation_problem(list(errors)).ext["errors"]:
        name = next((part for part in reversed(item["field"].split(".")) if part and not part.isdigit()), "")
        known = _WORDS.get((name, item["rule"] in _MISSING)) or (item["zh"], item["en"])
        told.setdefault(name, known[0] if language == "zh" else known[1])
    return told


def of_failure(error: Exception, language: Lang) -> tuple[int, Errors]:
    """Status and texts of what a use case refused, or of an engine that is away. Raises anything else again."""
    if isinstance(error, Refusal):
        zh, en = _REFUSALS.get(error.code, (error.zh, error.en))
        return error.status, {error.field or "": zh if language == "zh" else en}
    if isinstance(error, Problem):
        return error.status, {"": error.zh if language == "zh" else error.en}
    engine = engine_away(error)
    if engine is None:
        raise error
    _log.warning("engine_away", engine=engine, exc_info=error)
    away = unavailable(engine)
    return away.status, {"": away.zh if language == "zh" else away.en}
