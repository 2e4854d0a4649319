"""Whatever Kafka holds becomes an event, an unknown type, or poison: reading never raises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.complaints import ComplaintRated
from contracts.registry import EVENTS
from services.chassis.deadletters import Letter, encode_headers, storable
from services.chassis.records import Poison, Received, Unknown, key_text, read

HEADERS = {
    "ce_specversion": "1.0",
    "ce_id": "0190b5a0-0000-7000-8000-000000000000",
    "ce_source": "/test",
    "ce_type": ComplaintRated.TYPE,
    "ce_subject": "s",
    "ce_time": "2026-01-01T00:00:00+08:00",
}
TOPICS = sorted({event.TOPIC.name for event in EVENTS})  # type: ignore[attr-defined]


def encoded(**changed: str) -> list[tuple[str, bytes | None]]:
    return [(name, value.encode()) for name, value in {**HEADERS, **changed}.items()]


@given(
    topic=st.sampled_from(TOPICS),
    key=st.none() | st.binary(max_size=40),
    headers=st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=40)), max_size=8),
    value=st.none() | st.binary(max_size=200),
    proper=st.booleans(),
)
def test_reading_never_raises_and_never_quotes(
    topic: str, key: bytes | None, headers: list[tuple[str, bytes | None]], value: bytes | None, proper: bool
) -> None:
    content = read(topic, key, [*encoded(), *headers] if proper else headers, value)
    assert isinstance(content, Poison | Unknown | Received)
    if isinstance(content, Poison):
        assert content.reason.isascii()


@given(st.none() | st.binary(max_size=600))
def test_any_key_can_be_stored(key: bytes | None) -> None:
    text = key_text(key)
    assert (text is None) == (key is None)
    assert text is None or ("\x00" not in text and len(text) <= 300)


@given(st.text(max_size=50) | st.just("\ud800"))
def test_any_text_can_be_stored(text: str) -> None:
    stored = storable(text)
    assert stored is not None
    stored.encode()
    assert "\x00" not in stored


@given(st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=40)), max_size=5))
def test_headers_and_digest_of_anything(headers: list[tuple[str, bytes | None]]) -> None:
    assert encode_headers(headers).startswith("[")
    letters = [Letter("c", "t", 0, 1, None, headers, payload) for payload in (None, b"", b"x")]
    assert len({letter.digest for letter in letters}) == 3


def test_types_of_newer_writers_are_known_from_rubbish() -> None:
    def kind(event_type: str) -> object:
        return type(read("cases.events", b"k", encoded(ce_type=event_type), b"{}"))

    assert kind("cn.huiyin.cases.transitioned.v9") is Unknown
    assert kind("cn.huiyin.cases.something_new.v1") is Unknown
    assert kind("rubbish") is Poison
    assert kind("a.b.v1; DROP TABLE") is Poison
