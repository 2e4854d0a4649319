"""The manifest of erasure names every table and column there is: a new one can't be forgotten."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from deploy.erasure.manifest import ERASED, KEPT
from deploy.erasure.running import CLASSES
from deploy.stack import Stack

SERVICES = ("complaints", "referrals", "notifications")
_COLUMNS = """
SELECT table_schema || '.' || table_name AS name, array_agg(column_name::text) AS columns
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
  AND table_name NOT LIKE 'pg_stat%' GROUP BY 1
"""


@pytest.fixture(scope="module")
def tables(stack_engines: Stack) -> dict[str, set[str]]:
    """Every table of every service with its columns."""

    async def look() -> dict[str, set[str]]:
        found = {}
        for service in SERVICES:
            connection = await asyncpg.connect(stack_engines.env[f"HUIYIN_{service.upper()}_OWNER_DSN"])
            for row in await connection.fetch(_COLUMNS):
                found[f"{service}.{row['name']}"] = set(row["columns"])
            await connection.close()
        return found

    return asyncio.run(look())


def test_every_table_goes_with_its_case_or_says_why_it_stays(tables: dict[str, set[str]]) -> None:
    deleted = {item.name for item in ERASED if not item.cleared}
    assert set(tables) - deleted - set(KEPT) == set(), "name it in deploy/erasure/manifest.py"
    assert (deleted | set(KEPT)) - set(tables) == set(), "it is gone"
    assert deleted & set(KEPT) == set()


def test_of_a_row_that_stays_every_column_is_named(tables: dict[str, set[str]]) -> None:
    for item in ERASED:
        if item.cleared:
            assert set(item.cleared) | item.stay == tables[item.name], item.name


def test_what_stays_and_leads_to_a_case_is_its_course_and_who_looked(tables: dict[str, set[str]]) -> None:
    leads = {"case_id", "complaint_id", "complaint_ids", "contact_token", "opening_id", "document_id", "case_number"}
    found = {name: tables[name] & leads for name in KEPT if tables[name] & leads}
    assert found == {
        "complaints.public.narrative_access": {"case_id"},
        "complaints.public.reissue_asks": {"case_number"},
        "complaints.vault.attempts": {"case_id", "opening_id"},
        "complaints.vault.decisions": {"opening_id"},
        "complaints.vault.openings": {"case_id", "complaint_id", "opening_id"},
        "complaints.vault.readings": {"opening_id"},
        "complaints.vault.rights_decisions": {"case_id", "complaint_id"},
        "referrals.public.case_excluded": {"case_id"},
        "referrals.public.case_history": {"case_id"},
        "referrals.public.case_respondents": {"case_id"},
        "referrals.public.case_units": {"case_id"},
        "referrals.public.cases": {"case_id", "case_number", "complaint_ids"},
        "referrals.public.erasures": {"case_id", "complaint_ids"},
        "referrals.public.legal_holds": {"case_id"},
        "referrals.public.tasks": {"case_id"},
    }


def test_every_statement_is_one_that_the_database_takes(stack_engines: Stack) -> None:
    async def prepare() -> None:
        for service in SERVICES:
            connection = await asyncpg.connect(stack_engines.env[f"HUIYIN_{service.upper()}_OWNER_DSN"])
            for item in ERASED:
                if item.database == service:
                    statement = await connection.prepare(item.sql)
                    assert [each.name for each in statement.get_parameters()] == ["uuid", "uuid[]"]
            await connection.close()

    asyncio.run(prepare())


def test_every_class_has_something_and_every_reason_is_one() -> None:
    assert {item.data_class for item in ERASED} == set(CLASSES)
    assert all(len(reason) > 10 for reason in KEPT.values())
