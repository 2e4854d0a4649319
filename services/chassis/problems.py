"""Errors as callers see them: problem+json (RFC 9457) in the caller's language, saying what to do, echoing nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi.responses import JSONResponse
from starlette.requests import Request

from services.chassis.redaction import field_path

Lang = Literal["zh", "en"]
MEDIA_TYPE = "application/problem+json"

_TITLES: dict[int, tuple[str, str]] = {
    400: ("请求不正确", "Bad request"),
    401: ("需要登录", "Not authenticated"),
    403: ("没有权限", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("方法不允许", "Method not allowed"),
    409: ("有冲突", "Conflict"),
    410: ("已不可用", "Gone"),
    413: ("内容太大", "Too large"),
    415: ("内容类型不支持", "Unsupported media type"),
    422: ("内容不符合要求", "Not valid"),
    429: ("请求太频繁", "Too many requests"),
    500: ("系统内部错误", "Internal error"),
    503: ("服务暂时不可用", "Temporarily unavailable"),
}


class Problem(Exception):
    """An answer that is an error. `zh` and `en` say what is wrong and what to do; `ext` are further members."""

    def __init__(
        self, status: int, code: str, zh: str, en: str, *, headers: Mapping[str, str] | None = None, **ext: Any
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.zh = zh
        self.en = en
        self.headers = dict(headers or {})
        self.ext = ext

    def response(self, language: Lang) -> JSONResponse:
        """The problem as an HTTP answer."""
        zh, en = _TITLES.get(self.status, ("出错了", "Error"))
        body = {
            **self.ext,
            "type": f"urn:huiyin:problem:{self.code}",
            "title": zh if language == "zh" else en,
            "status": self.status,
            "code": self.code,
            "detail": self.zh if language == "zh" else self.en,
        }
        return JSONResponse(
            body, self.status, {**self.headers, "Content-Language": "zh-CN" if language == "zh" else "en"}, MEDIA_TYPE
        )


def lang(request: Request) -> Lang:
    """The language to answer in: Chinese, unless the caller prefers English (`Accept-Language`)."""
    return choose_lang(request.headers.get("accept-language", ""))


def choose_lang(accept: str) -> Lang:
    """As `lang`, for the header's value. `zh` wins a tie."""
    weights = {"zh": 0.0, "en": 0.0}
    for item in accept[:500].split(","):
        tag, _, parameter = item.strip().partition(";")
        name = tag.strip().lower()[:2]
        if name in weights:
            try:
                weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
            except ValueError:
                weight = 0.0
            weights[name] = max(weights[name], weight)
    return "en" if weights["en"] > weights["zh"] else "zh"


# Rules by Pydantic's error type: what to say, with limits from the rule (never the value).
_RULES: dict[str, tuple[str, str]] = {
    "missing": ("必须填写", "is required"),
    "extra_forbidden": ("有不认识的字段", "has an unknown field"),
    "string_type": ("必须是文本", "must be text"),
    "string_too_short": ("至少 {min_length} 个字符", "needs at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "may have at most {max_length} characters"),
    "string_pattern_mismatch": ("格式不正确", "has the wrong form"),
    "enum": ("必须是规定的值之一：{expected}", "must be one of {expected}"),
    "literal_error": ("必须是规定的值之一：{expected}", "must be one of {expected}"),
    "int_type": ("必须是整数", "must be a whole number"),
    "int_parsing": ("必须是整数", "must be a whole number"),
    "int_from_float": ("必须是整数", "must be a whole number"),
    "float_type": ("必须是数字", "must be a number"),
    "float_parsing": ("必须是数字", "must be a number"),
    "finite_number": ("必须是有限的数字", "must be a finite number"),
    "bool_type": ("必须是 true 或 false", "must be true or false"),
    "bool_parsing": ("必须是 true 或 false", "must be true or false"),
    "greater_than": ("必须大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than": ("必须小于 {lt}", "must be less than {lt}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "too_short": ("至少 {min_length} 项", "needs at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "may have at most {max_length} items"),
    "list_type": ("必须是列表", "must be a list"),
    "dict_type": ("必须是对象", "must be an object"),
    "model_type": ("必须是对象", "must be an object"),
    "model_attributes_type": ("必须是 JSON 对象", "must be a JSON object"),
    "uuid_parsing": ("必须是 UUID", "must be a UUID"),
    "uuid_type": ("必须是 UUID", "must be a UUID"),
    "datetime_parsing": ("必须是 ISO 8601 时间", "must be an ISO 8601 time"),
    "datetime_from_date_parsing": ("必须是 ISO 8601 时间", "must be an ISO 8601 time"),
    "datetime_type": ("必须是 ISO 8601 时间", "must be an ISO 8601 time"),
    "timezone_aware": ("时间必须带时区", "needs a UTC offset"),
    "date_parsing": ("必须是日期（YYYY-MM-DD）", "must be a date (YYYY-MM-DD)"),
    "date_from_datetime_parsing": ("必须是日期（YYYY-MM-DD）", "must be a date (YYYY-MM-DD)"),
    "json_invalid": ("不是有效的 JSON", "is not valid JSON"),
    "url_parsing": ("必须是网址", "must be a URL"),
    "value_error": ("不符合要求", "is not acceptable"),
}


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """422 for Pydantic's errors: each names its field and rule, none shows the input.

    A model that needs words of its own raises `PydanticCustomError(code, "中文", {"en": "English"})`.
    """
    fields = [_field_error(error) for error in errors[:20]]
    zh = "；".join(f"{item['field']} {item['zh']}" for item in fields)
    en = "; ".join(f"{item['field']} {item['en']}" for item in fields)
    listed = [{"field": item["field"], "rule": item["rule"], "zh": item["zh"], "en": item["en"]} for item in fields]
    if any(error.get("type") == "json_invalid" for error in errors):
        return Problem(400, "invalid_json", "请求内容不是有效的 JSON，请改正后重发。", "The body is not valid JSON.")
    return Problem(422, "validation", f"请改正后重发：{zh}", f"Correct and send again: {en}", errors=listed)


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    rule = str(error.get("type", "value_error"))
    context = error.get("ctx") or {}
    field = field_path(error.get("loc", ()), unknown_field=rule == "extra_forbidden")
    if "en" in context:  # a rule of our own, with its words
        return {"field": field, "rule": rule, "zh": str(error.get("msg", "")), "en": str(context["en"])}
    zh, en = _RULES.get(rule, ("不符合要求", "is not acceptable"))
    try:
        return {"field": field, "rule": rule, "zh": zh.format(**context), "en": en.format(**context)}
    except (KeyError, IndexError):
        return {"field": field, "rule": rule, "zh": "不符合要求", "en": "is not acceptable"}


ENGINE_NAMES = {
    "postgres": ("数据库", "The database"),
    "kafka": ("消息系统", "The event log"),
    "temporal": ("流程引擎", "The workflow engine"),
    "vault": ("身份保险库", "The vault"),
    "openid": ("统一身份认证", "The identity provider"),
    "peer": ("另一项服务", "Another service"),
}


def unavailable(engine: str) -> Problem:
    """503 that names what is away."""
    zh, en = ENGINE_NAMES.get(engine, ("一项基础服务", "A service that we need"))
    return Problem(
        503,
        "unavailable",
        f"{zh}暂时连接不上，您的请求没有处理，请稍后重试。",
        f"{en} can't be reached right now. Nothing was done: please try again shortly.",
        headers={"Retry-After": "5"},
        engine=engine,
    )
