"""`huiyin clocks`: the legal clocks: list them, explain one deadline, or compute many. Needs no engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TextIO

import typer
from rich.table import Table

from contracts.reference import BadReference, ClockRule, clock_rule, clock_rules
from deploy.commands.calendar import calendar_of
from deploy.commands.terminal import console, fail
from services.chassis.reference import use_reference
from services.chassis.settings import load_settings
from services.referrals import explaining
from services.referrals.counting import MAX_DAYS, Calendar, Counted, CountingError, Event, EventType, count
from services.referrals.explaining import Language

app = typer.Typer()

Lang = Annotated[Literal["zh", "en"], typer.Option("--lang", help="Language of names and explanation.")]
CalendarFile = Annotated[
    Path | None,
    typer.Option("--calendar", help="Own days (CSV or YAML) above the shipped calendar.", exists=True, dir_okay=False),
]


@app.callback()
def tables() -> None:
    """An agency's own tables count here too."""
    try:
        use_reference(load_settings())
    except BadReference as error:
        fail(str(error))


@app.command("list")
def show(lang: Lang = "zh", as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Every clock with its period, extension, article, mark and source."""
    rules = list(clock_rules().values())
    if as_json:
        for rule in rules:
            print(json.dumps({**vars(rule), "effective_from": str(rule.effective_from)}, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "regime", "clock", "from", "period", "extension", "article", "mark"):
        table.add_column(heading, overflow="fold")
    for rule in rules:
        zh = lang == "zh"
        table.add_row(
            rule.id, rule.regime, rule.name_zh if zh else rule.name_en, rule.starts_zh if zh else rule.starts_en,
            explaining.period(rule.amount, rule.unit, lang), rule.extension_text(lang), rule.article, rule.status,
        )  # fmt: skip
    console.print(table)


@app.command()
def explain(
    clock: Annotated[str, typer.Argument(help="The clock's id, as `huiyin clocks list` names it.")],
    start: Annotated[str, typer.Option(help="ISO 8601 instant with offset.")],
    suspend: Annotated[list[str] | None, typer.Option(help="Instant at which the clock stops; repeatable.")] = None,
    resume: Annotated[list[str] | None, typer.Option(help="Instant at which it goes on; repeatable.")] = None,
    extend: Annotated[
        list[str] | None, typer.Option(help="AMOUNT@INSTANT, e.g. 30@2026-11-01T10:00:00+08:00; repeatable.")
    ] = None,
    lang: Lang = "zh",
    calendar: CalendarFile = None,
) -> None:
    """The due time of one clock, with every step counted and every skipped day named."""
    try:
        began = _instant(start, "start")
        rule = _rule(clock, began)
        events = _ordered(
            [Event("suspend", _instant(at, "suspend")) for at in suspend or ()],
            [Event("resume", _instant(at, "resume")) for at in resume or ()],
            [_extension(text) for text in extend or ()],
        )
        counted = count(rule, began, events, calendar_of(calendar))
    except CountingError as error:
        fail(str(error))
    for text in explained(rule, counted, lang):
        console.print(text, markup=False, soft_wrap=True)


def explained(rule: ClockRule, counted: Counted, lang: Language) -> list[str]:
    """Heading, trail and result of one deadline."""
    zh = lang == "zh"
    name, starts = (rule.name_zh, rule.starts_zh) if zh else (rule.name_en, rule.starts_en)
    length = explaining.period(counted.total, rule.unit, lang)
    found = [
        f"{rule.id}  {rule.basis(lang)}  {name}  {'自' if zh else 'from: '}{starts}{'起' if zh else ','} {length}",
        f"[{rule.status}] {rule.source}",
        *(f"  {text}" for text in explaining.lines(counted, lang)),
    ]
    if counted.due is None:
        return [*found, "中止中，暂无届满时间" if zh else "suspended: no due time"]
    due = f"{explaining.moment(counted.due)}  ({counted.due.isoformat()})"
    found.append(f"{'届满' if zh else 'due'}: {due}")
    return [*found, explaining.PROVISIONAL[lang]] if counted.provisional else found


@app.command()
def batch(
    file: Annotated[
        Path | None, typer.Argument(help="JSON lines; standard input when left out.", exists=True, dir_okay=False)
    ] = None,
    lang: Lang = "zh",
    calendar: CalendarFile = None,
) -> None:
    """Compute many deadlines: JSON lines in, one JSON line out for each, for auditors."""
    days = calendar_of(calendar)
    if file is None:
        _answer(typer.get_text_stream("stdin", encoding="utf-8", errors="replace"), sys.stdout, days, lang)
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        _answer(lines, sys.stdout, days, lang)


def _answer(lines: Iterable[str], out: TextIO, days: Calendar, lang: Language) -> None:
    for text in lines:
        if not text.strip():
            continue
        found = answer(text, days, lang)
        try:
            out.write(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n")
        except UnicodeEncodeError:  # half a surrogate pair in the id, or a terminal without Chinese
            out.write(json.dumps(found, separators=(",", ":")) + "\n")


def answer(text: str, days: Calendar, lang: Language = "zh") -> dict[str, Any]:
    """``{"id", "due", "provisional", "trail"}`` of a line, or ``{"id", "error"}``."""
    row_id: object = None
    try:
        try:
            row = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise CountingError("the line is no JSON") from None
        if not isinstance(row, dict):
            raise CountingError("the line is no JSON object")
        row_id = row.get("id")
        began = _instant(row.get("start"), "start")
        counted = count(_rule(row.get("clock"), began), began, _events(row.get("events")), days)
    except CountingError as error:
        return {"id": row_id, "error": str(error)}
    return {
        "id": row_id,
        "due": counted.due.isoformat() if counted.due else None,
        "provisional": counted.provisional,
        "trail": [explaining.as_data(step, lang) for step in counted.trail],
    }


def _rule(clock: object, began: datetime) -> ClockRule:
    try:
        found = clock_rule(clock, began) if isinstance(clock, str) else None
    except OverflowError:
        raise CountingError("the time of start is in no year that can be written") from None
    if found is None:
        raise CountingError(f"unknown clock {clock if isinstance(clock, str) else json.dumps(clock)}")
    return found


def _events(given: object) -> list[Event]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise CountingError("events are a list")
    return [_event(item) for item in given]


def _event(item: object) -> Event:
    if not isinstance(item, dict):
        raise CountingError("an event is an object with type and at")
    kinds: dict[object, EventType] = {"suspend": "suspend", "resume": "resume", "extend": "extend"}
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise CountingError(f"unknown event {json.dumps(kind)}: there are suspend, resume and extend")
    at = _instant(item.get("at"), kind)
    if kind != "extend":
        return Event(kinds[kind], at)
    return Event("extend", at, _amount(item.get("amount")))


def _amount(value: object) -> float:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
    if not 0 < number <= MAX_DAYS * 24 * 60:
        raise CountingError("an extension needs an amount above 0, and of no more than ten years")
    return number


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _instant(value: object, what: str) -> datetime:
    if not isinstance(value, str):
        raise CountingError(f"the time of {what} is missing")
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise CountingError(f"the time of {what} is no ISO 8601 instant: {value[:40]}") from None
    if found.tzinfo is None:
        raise CountingError(f"the time of {what} needs an offset, e.g. 2026-09-25T10:00:00+08:00")
    return found


def _extension(text: str) -> Event:
    amount, found, at = text.partition("@")
    try:
        value = float(amount)
    except ValueError:
        found = ""
        value = 0
    if not found:
        raise CountingError("an extension is AMOUNT@INSTANT, e.g. 30@2026-11-01T10:00:00+08:00")
    return Event("extend", _instant(at, "extend"), _amount(value))


def _ordered(suspends: list[Event], resumes: list[Event], extensions: list[Event]) -> list[Event]:
    """By time; a resume comes before a suspension of the same instant where it ends an earlier one."""
    found: list[Event] = []
    waiting = sorted([*suspends, *extensions, *resumes], key=lambda event: event.at)
    while waiting:
        suspended = [event.type for event in found if event.type != "extend"][-1:] == ["suspend"]
        tied = [event for event in waiting if event.at == waiting[0].at]
        following = next((event for event in tied if event.type == ("resume" if suspended else "suspend")), tied[0])
        waiting.remove(following)
        found.append(following)
    return found
