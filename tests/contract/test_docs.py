"""Generated documentation is as fresh as the data that it is made of."""

from contracts.reference import clock_rules
from deploy import docs


def test_the_table_of_clocks_is_fresh() -> None:
    assert docs.FILE.read_text("utf-8") == docs.text(), "run: python -m deploy.docs"


def test_every_clock_is_in_it_with_its_source() -> None:
    text = docs.text()
    for rule in clock_rules().values():
        [line] = [line for line in text.splitlines() if f"</a>{rule.id} |" in line]
        assert rule.source in line
