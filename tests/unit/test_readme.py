"""The README names every setting, and every file that it or the threat model points to is there."""

import re
from pathlib import Path

import pytest

from services.notifications.settings import NotificationSettings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(NotificationSettings.model_fields))
def test_every_setting_is_in_the_table(name: str) -> None:
    assert f"`{name.upper()}`" in README


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_what_the_threat_model_names_is_there() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    tests = {path.name for path in (ROOT / "tests").rglob("*.py")}
    named = re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)`", text)
    assert named
    assert sorted(set(named) - tests) == []
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
