"""Killed at any moment (SIGKILL, a process of its own): an acknowledged file is there and opens; what was not
acknowledged is gone on with or sent again, and never doubles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.stack import Stack
from services.chassis.auth import ServiceTokens
from services.chassis.settings import Settings
from tests.integration.complaints.office import Office
from tests.integration.complaints.people import Reporter, files_under, new_key
from tests.integration.complaints.running import Process
from tests.integration.complaints.tus import Tus

MB = 1024 * 1024
LARGE = b"".join(b"%09d of a long statement in words\n" % number for number in range(24 * MB // 39))


class Dying(Process):
    """The service until it dies at its moment."""

    module = "tests.integration.complaints.dying"

    async def died(self) -> None:
        async with asyncio.timeout(60):
            while self.process.poll() is None:
                await asyncio.sleep(0.05)
        assert self.process.returncode == -9, self.log.read_text()[-2000:]


class House:
    """A complaint, and the service that comes and goes."""

    def __init__(self, settings: Settings, stack: Stack, folder: Path, admin: "asyncpg.Connection[Any]") -> None:
        self.settings, self.stack, self.folder, self.admin = settings, stack, folder, admin
        self.receipt: dict[str, str] = {}

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[Reporter]:
        process = Process(self.settings, self.stack, self.folder / "whole.log", evidence_unscanned="allow")
        async with process.running() as reporter:
            reporter.http.timeout = httpx.Timeout(60)
            yield reporter

    @asynccontextmanager
    async def dying(self, moment: str) -> AsyncIterator[Reporter]:
        """Up to its death, which what is inside brings about; who asked then gets no answer."""
        process = Dying(self.settings, self.stack, self.folder / "dying.log", evidence_unscanned="allow")
        process.env |= {"TEST_DIES_AFTER": moment}
        async with process.running() as reporter:
            reporter.http.timeout = httpx.Timeout(60)
            with suppress(httpx.TransportError):
                yield reporter
            await process.died()

    async def evidence(self) -> list[str]:
        """The ids of the complaint's files."""
        rows = await self.admin.fetch(
            "SELECT evidence_id FROM evidence JOIN complaints USING (complaint_id) WHERE case_number = $1",
            self.receipt["case_number"],
        )
        return [str(row[0]) for row in rows]

    async def opened(self, reporter: Reporter) -> bytes:
        """The complaint's one file as an officer gets it, once it is examined."""
        office = Office(reporter.http, ServiceTokens("referrals", self.settings), self.admin)
        (evidence_id,) = await self.evidence()
        async with asyncio.timeout(60):
            while True:
                answer = await office.file(evidence_id, office.grant(await office.case_id(self.receipt)))
                if answer.status_code != 409:
                    break
                await asyncio.sleep(0.1)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def files(self) -> list[Path]:
        complaint_id = await self.admin.fetchval(
            "SELECT complaint_id FROM complaints WHERE case_number = $1", self.receipt["case_number"]
        )
        return files_under(self.settings.evidence_dir / complaint_id.hex[-2:] / str(complaint_id))


@pytest.fixture
async def house(
    settings: Settings,
    stack_engines: Stack,
    tmp_path: Path,
    admin: "asyncpg.Connection[Any]",
    reporter: Reporter,
) -> House:
    house = House(settings, stack_engines, tmp_path, admin)
    house.receipt = await reporter.submitted()
    return house


@pytest.mark.parametrize("moment", ["draft", "row", "rename", "commit"])
async def test_a_forms_file_is_there_once_however_it_ended(house: House, moment: str) -> None:
    key, data = new_key(), LARGE[: 3 * MB]
    answered = False
    async with house.dying(moment) as reporter:
        await reporter.upload(house.receipt, data, key=key)
        answered = True
    assert not answered
    recorded = await house.evidence()
    assert len(recorded) == (moment == "commit"), "on record is what was committed, and nothing before"
    async with house.whole() as reporter:
        again = await reporter.upload(house.receipt, data, key=key)
        assert again.status_code == 201
        assert await house.evidence() == [again.json()["id"]]
        assert await house.opened(reporter) == data


@pytest.mark.parametrize("moment", ["synced", "counted", "recorded"])
async def test_an_upload_is_gone_on_with_where_it_was_acknowledged(house: House, moment: str) -> None:
    location = ""
    async with house.dying(moment) as reporter:
        tus = Tus(reporter.http, house.receipt)
        location = await tus.created(len(LARGE))
        assert (await tus.patch(location, 0, LARGE[:MB])).status_code == 204
        await tus.patch(location, MB, LARGE[MB:])
    async with house.whole() as reporter:
        tus = Tus(reporter.http, house.receipt)
        offset = await tus.offset(location)
        if moment == "recorded":
            assert offset == len(LARGE), "who lost the answer learns that it is whole"
        else:
            assert MB <= offset < len(LARGE), "the acknowledged byte is there"
            assert await house.evidence() == []
            answer = await tus.patch(location, offset, LARGE[offset:])
            assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(len(LARGE)))
        assert await house.evidence() == [location.rpartition("/")[2]]
        assert await house.opened(reporter) == LARGE


async def test_an_upload_killed_in_the_middle_of_a_part_loses_nothing_that_was_counted(house: House) -> None:
    """Killed from outside, wherever it happens to be."""
    process = Process(house.settings, house.stack, house.folder / "killed.log", evidence_unscanned="allow")
    killed = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        """Most of it, and then nothing more until the service is dead."""
        for at in range(0, 20 * MB, 64 * 1024):
            yield LARGE[at : at + 64 * 1024]
        await killed.wait()

    location = ""
    async with process.running() as reporter:
        tus = Tus(reporter.http, house.receipt)
        location = await tus.created(len(LARGE))
        sending = asyncio.create_task(tus.patch(location, 0, slowly()))
        async with asyncio.timeout(60):
            while not await tus.offset(location):  # what is safe is told while more comes
                await asyncio.sleep(0.05)
        process.process.kill()
        killed.set()
        with pytest.raises(httpx.TransportError):
            await sending
    async with house.whole() as reporter:
        tus = Tus(reporter.http, house.receipt)
        offset = await tus.offset(location)
        assert 0 < offset < len(LARGE)
        await tus.patch(location, offset, LARGE[offset:])
        assert await house.opened(reporter) == LARGE


@pytest.mark.parametrize("moment", ["copied", "examined"])
async def test_an_examination_that_was_killed_is_done_again(house: House, reporter: Reporter, moment: str) -> None:
    assert (await reporter.upload(house.receipt, LARGE[:MB])).status_code == 201
    async with house.dying(moment):
        pass
    async with house.whole() as living:
        assert await house.opened(living) == LARGE[:MB]
        assert len([path for path in await house.files() if not path.name.startswith(".")]) == 2
