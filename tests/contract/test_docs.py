"""Generated documentation is as fresh as the data that it is made of."""

import re

import pytest

from contracts.lifecycle import RULES, Act, Stage
from contracts.reference import clock_rules
from deploy import docs, lifecycle_page
from tests.workflow.office import new_case
from workflows import decide


def test_the_generated_pages_are_fresh() -> None:
    assert docs.stale() == [], "run: python -m deploy.docs"


def test_every_clock_is_in_it_with_its_source() -> None:
    text = docs.text()
    for rule in clock_rules().values():
        [line] = [line for line in text.splitlines() if f"</a>{rule.id} |" in line]
        assert rule.source in line


def test_every_cell_of_the_table_is_on_the_page_of_the_lifecycle() -> None:
    parts = dict(re.findall(r"### (\w+) [^\n]*\n(.*?)(?=\n### |\Z)", lifecycle_page.text(), flags=re.S))
    for rule in RULES:
        for stage in rule.stages:
            [line] = [line for line in parts[stage].splitlines() if line.startswith(f"| {rule.act}<br>")]
            assert all(need.value in line for need in rule.needs)
            assert all(role in line for role in rule.roles)


def test_the_diagram_shows_every_stage_and_a_way_into_each() -> None:
    diagram = lifecycle_page.text().partition("```mermaid")[2].partition("```")[0]
    for stage in Stage:
        assert f" as {stage}\n" in diagram
        assert f"--> {stage}" in diagram


@pytest.mark.parametrize(("act", "stage"), lifecycle_page.NARROWED)
def test_what_the_page_narrows_is_what_the_case_does(act: Act, stage: Stage) -> None:
    effects = [decide.effect(new_case().model_copy(update={"stage": stage}), act, rated) for rated in (1, 5)]
    assert {effect.to for effect in effects} == set(lifecycle_page.NARROWED[act, stage])
