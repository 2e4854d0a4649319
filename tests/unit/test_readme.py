"""The README names every setting, and every file that it points to is there."""

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
