"""The proof of work: solved it is taken, once, while it is fresh, by the process that asked; and nothing else is."""

import base64
import json
import time
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.complaints import proof
from services.complaints.proof import Proofs


def solved(challenge: dict[str, Any], **changes: object) -> bytes:
    made = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(made)
    assert solution is not None
    content = {"challenge": challenge, "solution": {**solution.to_dict(), **changes}}
    return base64.b64encode(json.dumps(content).encode())


def test_a_solution_is_taken_once() -> None:
    proofs = Proofs(cost=2)
    payload = solved(proofs.challenge())
    assert proofs.accept(payload)
    assert not proofs.accept(payload)
    assert proofs.accept(solved(proofs.challenge()))


def test_a_wrong_counter_an_easier_challenge_and_another_processes_are_not_taken() -> None:
    proofs = Proofs(cost=2)
    challenge = proofs.challenge()
    easier = {**challenge, "parameters": {**challenge["parameters"], "keyPrefix": ""}}
    later = {**challenge, "parameters": {**challenge["parameters"], "expiresAt": int(time.time()) + 9999}}
    unsigned = {"parameters": challenge["parameters"]}
    for payload in (solved(challenge, counter=0, derivedKey="00"), solved(easier), solved(later), solved(unsigned)):
        assert not proofs.accept(payload)
    assert not proofs.accept(solved(Proofs(cost=2).challenge()))
    assert proofs.accept(solved(challenge)), "what failed did not use it up"


def test_a_challenge_is_worth_nothing_when_its_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = Proofs(cost=2)
    monkeypatch.setattr(proof, "_SECONDS", -1)
    assert not proofs.accept(solved(proofs.challenge()))


def test_what_was_used_is_forgotten_when_it_could_not_be_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = Proofs(cost=1)
    proofs._used = {str(number): 0.0 for number in range(1024)}
    assert proofs.accept(solved(proofs.challenge()))
    assert len(proofs._used) == 1


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_rubbish_is_no_solution(payload: bytes) -> None:
    proofs = Proofs(cost=1)
    assert not proofs.accept(payload)
    assert not proofs.accept(base64.b64encode(payload))


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"challenge": {"parameters": {"nonce": ["x"]}}},
        {"challenge": {"parameters": {"nonce": "x"}, "signature": "y"}, "solution": {"counter": -1, "derivedKey": 1}},
        {"challenge": {"parameters": {"nonce": "x" * 9000}}},
    ],
)
def test_what_only_looks_like_one_is_none(content: object) -> None:
    assert not Proofs(cost=1).accept(base64.b64encode(json.dumps(content).encode()))


def test_none_is_asked_for_when_it_costs_nothing() -> None:
    assert not Proofs(cost=0).wanted
    assert Proofs(cost=1).wanted
