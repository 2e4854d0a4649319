"""What a reporter and an officer wrote is found nowhere outside its sealed home."""

import asyncio

import httpx
import pytest

from contracts.lifecycle import Act
from deploy.demo.client import Officers, Reporters
from deploy.demo.driver import Driver
from deploy.demo.plan import REPLY, Sample, Step
from deploy.stack import Stack
from tests.e2e.canaries import dump, files, sightings

NAME, PHONE, MAIL = "金丝雀甲乙", "13812345670", "canary.one@example.org"
ID_NUMBER, ADDRESS = "110101199003077758", "金丝雀路七号院"
NARRATIVE, WANTS, ACCUSED, SUPPLEMENT = "金丝雀叙述一句话", "金丝雀诉求半句话", "金丝雀被举报人", "金丝雀补充材料"
CLIENT = "CanaryBrowser/9.9"
NOTE = "请补充:具体地点"
SECRETS = (NAME, PHONE, MAIL, ID_NUMBER, ADDRESS, NARRATIVE, WANTS, ACCUSED, SUPPLEMENT, CLIENT, NOTE, REPLY[:12])


def canary(channel: str) -> Sample:
    return Sample(
        title="canary",
        channel=channel,
        category="0704",
        region="990100",
        plan="supplement",
        to="yb-990100",
        narrative=NARRATIVE * 3,
        wants=WANTS,
        respondents=(ACCUSED,),
        reporter={"name": NAME, "phone": PHONE, "email": MAIL, "id_number": ID_NUMBER, "address": ADDRESS},
        steps=(
            Step(Act.REQUEST_SUPPLEMENT, {"note": NOTE}),
            Step(Act.SUPPLEMENT, {"text": SUPPLEMENT}),
        ),
        rating=5,
    )


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(300)
async def test_canaries_are_found_nowhere(
    stack: Stack, people: tuple[Reporters, Officers], http: httpx.AsyncClient
) -> None:
    http.headers["User-Agent"] = CLIENT
    driver = Driver(*people, progress=lambda played: None)
    channels = ("WEB", "MINI_PROGRAM", "HOTLINE")
    played = await asyncio.gather(*(driver.play(canary(channel)) for channel in channels))
    assert {case.stage for case in played} == {"CLOSED"}
    codes = [case.receipt.query_code for case in played] + [case.receipt.query_code.replace("-", "") for case in played]
    await asyncio.sleep(2)  # traces and logs are written in batches
    services = ("complaints", "vault", "referrals", "notifications")
    metrics = [(name, (await http.get(stack.url(name) + "/metrics")).content) for name in services]
    places = [*await dump(stack), *files(stack), *metrics]
    assert sightings(places, [*SECRETS, *codes]) == []


def test_the_search_finds_what_is_there() -> None:
    places = [("a", f"x{NAME}y".encode()), ("b", NAME.encode("ascii", "backslashreplace")), ("c", b"nothing")]
    assert sightings(places, [NAME]) == [f"a: {NAME}", f"b: {NAME}"]
