"""`huiyin clocks`, `reference` and `calendar` as their user sees them; no engine runs."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts import reference
from deploy.commands import calendar, clocks
from deploy.commands import reference as reference_command

RUN = CliRunner()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HUIYIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "400")
    yield tmp_path
    reference.use(None)


def batch(*rows: dict[str, Any] | str) -> list[dict[str, Any]]:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    result = RUN.invoke(clocks.app, ["batch"], input=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def row(row_id: Any, clock: str = "XF-DONE", start: Any = "2026-09-25T10:00:00+08:00", **more: Any) -> dict[str, Any]:
    return {"id": row_id, "clock": clock, "start": start, **more}


def test_a_batch_answers_each_line_in_its_order() -> None:
    first, second = batch(row("a"), row("b", "XF-OBJ", "2026-09-24T02:00:00Z", events=[]))
    assert first["id"] == "a"
    assert first["due"] == "2026-11-25T00:00:00+08:00"
    assert first["provisional"] is False
    assert set(first) == {"id", "due", "provisional", "trail"}
    assert second["due"] == "2026-10-10T00:00:00+08:00"
    assert second["trail"][0] == {"step": "start", "day": "2026-09-24"}
    assert {"step": "rest", "day": "2026-09-25", "name": "中秋"} in second["trail"]
    assert second["trail"][-1] == {"step": "due", "at": "2026-10-10T00:00:00+08:00"}


def test_events_are_taken_as_granted() -> None:
    extend = {"type": "extend", "at": "2026-09-26T10:00:00+08:00", "amount": 300}
    suspend = {"type": "suspend", "at": "2026-09-27T10:00:00+08:00"}
    resume = {"type": "resume", "at": "2026-09-28T00:00:00+08:00"}
    far, standing, paused = batch(row(1, events=[extend]), row(2, events=[suspend]), row(3, events=[suspend, resume]))
    assert far["due"] == "2027-09-21T00:00:00+08:00"
    assert far["provisional"] is True
    assert (standing["due"], standing["provisional"]) == (None, False)
    assert paused["due"] == "2026-11-26T00:00:00+08:00"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (row(7, "XF-NONE"), "unknown clock"),
        (row(7, start="2026-09-25T10:00:00"), "offset"),
        (row(7, start="yesterday"), "ISO 8601"),
        (row(7, start=None), "missing"),
        (row(7, events=[{"type": "resume", "at": "2026-09-26T10:00:00+08:00"}]), "unpaired"),
        (row(7, events=[{"type": "suspend", "at": "2026-09-24T10:00:00+08:00"}]), "before the start"),
        (row(7, events=[{"type": "suspend", "at": "2026-09-26T10:00:00"}]), "offset"),
        (
            row(7, events=[{"type": "suspend", "at": "2026-09-28T10:00:00+08:00"},
                           {"type": "resume", "at": "2026-09-27T10:00:00+08:00"}]),
            "out of order",
        ),
        (row(7, events=[{"type": "extend", "at": "2026-09-26T10:00:00+08:00"}]), "amount"),
        (row(7, events=[{"type": "extend", "at": "2026-09-26T10:00:00+08:00", "amount": True}]), "amount"),
        (row(7, events=[{"type": "stop", "at": "2026-09-26T10:00:00+08:00"}]), "unknown event"),
        (row(7, events={"type": "suspend"}), "list"),
        (row(7, events=[4]), "object"),
        (row(7, {"a": 1}), "unknown clock"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_can_not_be_counted_is_an_error_of_its_line(given: dict[str, Any], reason: str) -> None:
    wrong, right = batch(given, row(8))
    assert set(wrong) == {"id", "error"}
    assert wrong["id"] == 7
    assert reason in wrong["error"]
    assert "due" in right


def test_a_line_that_is_no_object_is_an_error_without_id() -> None:
    answers = batch("{", "[1]", "NaN", '{"id": null}')
    assert [answer["id"] for answer in answers] == [None] * 4
    assert all("error" in answer for answer in answers)


def test_rubbish_in_a_line_stays_in_its_line() -> None:
    huge = json.dumps(row(1, events=[{"type": "extend", "at": "2026-09-26T10:00:00+08:00", "amount": 1}]))
    answers = batch(
        huge.replace('"amount": 1', '"amount": 1' + "0" * 400),
        huge.replace('"amount": 1', '"amount": 1e999'),
        huge.replace('"amount": 1', '"amount": NaN'),
        '{"id": "\\ud800", "clock": "XF-DONE", "start": "9999-12-30T10:00:00+08:00"}',
        '{"id": 5, "clock": "XF-DONE", "start": "0001-01-01T00:00:00+14:00"}',
        "[" * 100_000,
    )
    assert [set(answer) for answer in answers] == [{"id", "error"}] * 6


def test_ten_thousand_rows_are_answered_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    events = [{"type": "extend", "at": "2026-09-26T10:00:00+08:00", "amount": 30}]
    file.write_text("\n".join(json.dumps(row(number, events=events)) for number in range(10_000)), encoding="utf-8")
    result = RUN.invoke(clocks.app, ["batch", str(file)])
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len({answer["id"] for answer in answers}) == 10_000
    assert all(answer["due"] for answer in answers)


def explained(*arguments: str) -> Result:
    return RUN.invoke(clocks.app, ["explain", *arguments])


def test_an_explanation_names_every_step_in_both_languages() -> None:
    arguments = ["XF-OBJ", "--start", "2026-09-30T10:00:00+08:00", "--suspend", "2026-10-09T09:00:00+08:00",
                 "--resume", "2026-10-12T09:00:00+08:00", "--extend", "2@2026-10-12T09:00:00+08:00"]  # fmt: skip
    zh = explained(*arguments)
    assert zh.exit_code == 0, zh.output
    for words in ("信访工作条例 23", "7个工作日", "2026-10-01  不计入：国庆节", "2026-10-09  不计入：中止", "延长 2"):
        assert words in zh.stdout
    assert "届满: 2026-10-19 24:00  (2026-10-20T00:00:00+08:00)" in zh.stdout
    en = explained(*arguments, "--lang", "en")
    for words in ("art. 23", "7 working days", "2026-10-01  not counted: National Day", "suspended", "extended by 2"):
        assert words in en.stdout


def test_an_explanation_says_when_it_is_provisional_or_suspended() -> None:
    assert "暂定" in explained("XF-OBJ", "--start", "2026-12-31T10:00:00+08:00").stdout
    standing = explained("XF-OBJ", "--start", "2026-03-02T10:00:00+08:00", "--suspend", "2026-03-03T10:00:00+08:00")
    assert "中止中" in standing.stdout


@pytest.mark.parametrize(
    "arguments",
    [["NOPE", "--start", "2026-03-02T10:00:00+08:00"], ["XF-OBJ", "--start", "2026-03-02T10:00"],
     ["XF-OBJ", "--start", "2026-03-02T10:00:00+08:00", "--extend", "3"],
     ["XF-OBJ", "--start", "2026-03-02T10:00:00+08:00", "--resume", "2026-03-02T10:00:00+08:00"]],
)  # fmt: skip
def test_what_can_not_be_explained_is_one_line(arguments: list[str]) -> None:
    result = explained(*arguments)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_own_days_of_a_file_count(tmp_path: Path) -> None:
    days = tmp_path / "days.csv"
    days.write_text("date,kind,name,source\n2026-03-03,restday,建市日,本市通知\n", encoding="utf-8")
    found = explained("HY-SIGN", "--start", "2026-03-02T10:00:00+08:00", "--calendar", str(days))
    assert "2026-03-03  不计入：建市日" in found.stdout
    assert "2026-03-04 24:00" in found.stdout
    days.write_text("date,kind,name,source\n2026-03-03,holiday,建市日,本市通知\n", encoding="utf-8")
    wrong = explained("HY-SIGN", "--start", "2026-03-02T10:00:00+08:00", "--calendar", str(days))
    assert wrong.exit_code == 1
    assert "days.csv:2: kind 'holiday'" in wrong.stderr


def test_every_clock_is_listed() -> None:
    table = RUN.invoke(clocks.app, ["list"])
    lines = [json.loads(line) for line in RUN.invoke(clocks.app, ["list", "--json"]).stdout.splitlines()]
    assert len(lines) == 59
    assert all(line["id"] in table.stdout for line in lines)


def test_an_agencys_tables_are_checked_compared_and_loaded(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "regimes.csv").write_text(
        "purpose,track,category,channel,department,family,clock,article,source,status,effective_from\n"
        "SIGN,*,*,*,*,GENERAL,HY-RETURN,,本局,V,2026-12-01\n",
        encoding="utf-8",
    )
    assert "regimes.csv: 1 rows are good" in RUN.invoke(reference_command.app, ["check", str(own)]).stdout
    assert "clock HY-SIGN -> HY-RETURN" in RUN.invoke(reference_command.app, ["diff", str(own)]).stdout
    for _ in range(2):
        assert RUN.invoke(reference_command.app, ["load", str(own)]).exit_code == 0
    assert (tmp_path / "state" / "reference" / "regimes.csv").exists()
    (own / "clocks.csv").write_text("id\n", encoding="utf-8")
    for command in ("check", "diff", "load"):
        refused = RUN.invoke(reference_command.app, [command, str(own)])
        assert refused.exit_code == 1
        assert "clocks.csv:1: column regime is missing" in refused.stderr
    assert not (tmp_path / "state" / "reference" / "clocks.csv").exists()
    assert RUN.invoke(reference_command.app, ["check"]).exit_code == 0


def test_a_year_of_the_shipped_calendar_is_shown() -> None:
    shown = RUN.invoke(calendar.app, ["show", "2026", "--shipped"]).stdout
    assert "2026-09-20  Sun  workday  调休上班(国庆节)" in shown
    assert "published" in shown
    assert "provisional" in RUN.invoke(calendar.app, ["show", "2027", "--shipped"]).stdout


def test_tables_that_are_loaded_anew_keep_the_wordings_that_clocks_run_by(tmp_path: Path) -> None:
    target = tmp_path / "state" / "reference"
    header = (Path(reference.__file__).parent / "clocks.csv").read_text(encoding="utf-8").splitlines()[0]
    versions = []
    for amount in ("2", "3", "3", "4"):
        own = tmp_path / f"own-{len(versions)}"
        own.mkdir()
        cells = dict.fromkeys(header.split(","), "") | {
            "id": "HY-SIGN", "regime": "本局", "clock_zh": "签收", "clock_en": "signing", "starts_zh": "派单",
            "starts_en": "dispatch", "amount": amount, "unit": "working_day", "unit_source": "本局规定",
            "source": "本局〔2026〕1号", "status": "V", "effective_from": "2026-12-01",
        }  # fmt: skip
        (own / "clocks.csv").write_text(header + "\n" + ",".join(cells.values()) + "\n", encoding="utf-8")
        assert RUN.invoke(reference_command.app, ["load", str(own)]).exit_code == 0
        reference.use(target)
        rule = reference.clock_rules(date(2026, 12, 1))["HY-SIGN"]
        assert rule.amount == float(amount)
        versions.append(rule.version)
    kept = [reference.clock_of_version("HY-SIGN", version) for version in versions]
    assert [rule.amount if rule else None for rule in kept] == [2, 3, 3, 4]
