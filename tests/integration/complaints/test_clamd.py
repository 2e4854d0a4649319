"""The virus scanner, asked by its own protocol: a real clamd that knows one signature, and how it fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from services.complaints.clamd import Clamd, ScannerAway, Verdict
from tests.integration.complaints.scanning import EICAR, real_clamd


async def in_chunks(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with real_clamd(tmp_path_factory.mktemp("clamd")) as address:
        yield Clamd(address)


async def test_the_test_signature_is_found_and_named(clamd: Clamd) -> None:
    found = await clamd.scan(in_chunks(EICAR, size=7))
    assert (found.clean, found.signature) == (False, "Eicar-Test-Signature.UNOFFICIAL")


async def test_it_is_found_within_other_content_too(clamd: Clamd) -> None:
    assert not (await clamd.scan(in_chunks(bytes(50_000) + EICAR + bytes(50_000)))).clean


async def test_what_is_harmless_is_clean(clamd: Clamd) -> None:
    assert await clamd.scan(in_chunks(b"a harmless letter")) == Verdict(clean=True)
    assert await clamd.scan(in_chunks(b"")) == Verdict(clean=True)


async def test_a_file_longer_than_the_scanner_takes_is_not_clean_but_unscanned(clamd: Clamd) -> None:
    with pytest.raises(ScannerAway):
        await clamd.scan(in_chunks(bytes(4 << 20), size=1 << 20))


@pytest.mark.parametrize("address", ["unix:/nowhere/socket", "127.0.0.1:1", "nonsense"])
async def test_a_scanner_that_is_away_is_said_to_be_away(address: str) -> None:
    with pytest.raises(ScannerAway):
        await Clamd(address).scan(in_chunks(b"x"))
    with pytest.raises(ScannerAway):
        await Clamd(address).ping()


@pytest.mark.parametrize("answer", [b"", b"stream: broken ERROR\0", b"PONG\0", b"no end"])
async def test_a_scanner_that_gives_no_verdict_is_asked_again_later(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(bytes(4))
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ScannerAway):
            await Clamd(f"127.0.0.1:{port}").scan(in_chunks(b"x"))
