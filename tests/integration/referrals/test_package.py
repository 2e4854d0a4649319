"""The package for a unit that is not on the system: who gets it, what is in it, its record and its signature."""

import hashlib
import io
import json
import shutil
import time
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
import pytest_asyncio
from fastapi import FastAPI
from typer.testing import CliRunner

from contracts.lifecycle import Track
from deploy.commands import package as package_module
from deploy.commands.package import app as package_command
from services.chassis import signers, signing
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals.service.papers import Papers
from services.referrals.service.reading import Reading
from services.referrals.service.registry import Registry
from tests.integration.referrals.browsing import Browser
from tests.integration.referrals.office import Office
from tests.integration.referrals.papers import (
    ACCUSED,
    ADDED,
    CARD,
    FILE,
    MAIL,
    NOTE,
    PHONE,
    POLICE,
    WANTS,
    Complaints,
    read,
    referred,
)
from tests.integration.referrals.test_reorganisation import moved

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def complaints(app: FastAPI, db: Database, settings: Settings) -> AsyncIterator[Complaints]:
    await Registry(db).load((POLICE,), ())
    there, before = Complaints(), app.state.services
    async with httpx.AsyncClient(transport=httpx.MockTransport(there.answer)) as http:
        reading = Reading(before.casebook, http, "http://complaints")
        papers = Papers(db, before.texts, reading, settings)
        app.state.services = replace(before, papers=papers)
        yield there
        app.state.services = before


async def letter(office: Office, username: str, case_id: UUID) -> bytes:
    answer = await office.get(username, f"/v1/cases/{case_id}/package")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    return answer.content


async def test_the_sender_gets_a_letter_with_the_matter_and_a_slip(office: Office, complaints: Complaints) -> None:
    case_id = await referred(office)
    view = await office.view("handler.wj", case_id)
    (receipt,) = (clock for clock in view["clocks"] if clock["purpose"] == "RECEIPT")
    text = read(await letter(office, "handler.wj", case_id))
    year, month, day = map(int, receipt["due"][:10].split("-"))
    assert f"请于{year}年{month}月{day}日当日24:00" in text
    for part in ("移送函", "济南市公安局", "济南市卫健委", view["case_number"], "涉嫌犯罪（", "涉案物品清单", NOTE,
                 WANTS, ACCUSED, ADDED, "诊所没有执业许可证", "历下区人民医院", "非法行医", FILE["sha256"],
                 "audio/mpeg", "回执", "立案", "不予立案"):  # fmt: skip
        assert part in text, part
    assert "HANDLER济南市卫健委" in text  # who printed it, on every page
    assert ("（暂定" in text) is receipt["provisional"]


async def test_nothing_in_it_tells_who_reported(office: Office, complaints: Complaints) -> None:
    text = read(await letter(office, "handler.wj", await referred(office)))
    for number in (PHONE, CARD, MAIL, FILE["name"], "王某"):
        assert number not in text
    assert text.count("（号码已隐去）") == 3


async def test_of_a_report_no_word_of_the_reporters_goes_out(office: Office, complaints: Complaints) -> None:
    case_id = await referred(office, Track.INTEGRITY)
    text = read(await letter(office, "handler.wj", case_id))
    for part in ("诊所没有执业许可证", WANTS, ACCUSED, ADDED):
        assert part not in text
    for part in (NOTE, "历下区人民医院", FILE["sha256"], "信访工作条例第三十条"):
        assert part in text
    assert [grant["fields"] for grant in complaints.grants] == [["evidence"]]


async def test_who_may_not_key_in_the_receipt_gets_none(office: Office, complaints: Complaints) -> None:
    case_id = await referred(office, Track.INTEGRITY)
    expected = {
        "dispatcher.rdesk": (403, "NOT_YOUR_UNIT"),
        "leader.wj": (403, "NOT_YOUR_ROLE"),
        "handler.hospital": (404, "NOT_FOUND"),
        "handler.yb": (404, "NOT_FOUND"),
        "dispatcher.desk": (404, "NOT_FOUND"),
    }
    for username, refused in expected.items():
        answer = await office.get(username, f"/v1/cases/{case_id}/package")
        assert (answer.status_code, answer.json()["code"]) == refused, username
    assert complaints.grants == []
    assert (await office.get("handler.wj", f"/v1/cases/{case_id}/exports")).json()["items"] == []


async def test_there_is_one_while_the_case_is_referred_to_who_is_not_on_the_system(
    office: Office, complaints: Complaints
) -> None:
    dispatched = await office.dispatched(to="wj")
    before = await office.get("handler.wj", f"/v1/cases/{dispatched}/package")
    assert (before.status_code, before.json()["code"]) == (409, "NOT_REFERRED")
    inside = await referred(office, Track.INTEGRITY, to="jj")
    answer = await office.get("handler.wj", f"/v1/cases/{inside}/package")
    assert (answer.status_code, answer.json()["code"]) == (409, "RECEIVER_ON_SYSTEM")
    case_id = await referred(office)
    await office.act("handler.wj", case_id, "RECORD_RECEIPT", note="回执 济公2026-17")
    chased = read(await letter(office, "handler.wj", case_id))
    assert "签收，并将所附回执退回" not in chased
    assert "将处置方式（立案、不予立案）函告" in chased
    await office.act("handler.wj", case_id, "RECORD_DISPOSAL", disposal="FILED", note="已立案")
    after = await office.get("handler.wj", f"/v1/cases/{case_id}/package")
    assert after.json()["code"] == "ALREADY_DISPOSED"


async def test_the_part_of_a_split_case_goes_out_by_its_extract_alone(office: Office, complaints: Complaints) -> None:
    case_id = await office.split("诊所无证行医。", category="0608")
    await office.act("clerk.desk", case_id, "ACCEPT")
    await office.act("dispatcher.desk", case_id, "REFER", unit_id="ga", ground="SUSPECTED_CRIME", note=NOTE)
    text = read(await letter(office, "dispatcher.desk", case_id))
    assert "诊所无证行医。" in text
    assert ACCUSED not in text
    assert complaints.grants == []


async def test_each_one_is_on_record_with_its_hash(office: Office, complaints: Complaints) -> None:
    case_id = await referred(office)
    made = [await letter(office, "handler.wj", case_id) for _ in range(2)]
    view = await office.view("handler.wj", case_id)
    assert [grant["purpose"] for grant in view["grants"]] == ["PACKAGE", "PACKAGE"]
    found = (await office.get("supervisor.wj", f"/v1/cases/{case_id}/exports")).json()["items"]
    assert {row["sha256"] for row in found} == {hashlib.sha256(pdf).hexdigest() for pdf in made}
    (referral,) = (step["sequence"] for step in view["timeline"] if step["act"] == "REFER")
    for row in found:
        assert (row["kind"], row["signed"], row["unit_id"], row["receiver_id"]) == ("PACKAGE", False, "wj", "ga")
        assert row["sequence"] == referral
        assert any(row["export_id"] in read(pdf) for pdf in made)
    stranger = await office.get("handler.yb", f"/v1/cases/{case_id}/exports")
    assert stranger.status_code == 404


async def test_without_the_complaints_service_there_is_none_and_it_is_said(
    office: Office, complaints: Complaints
) -> None:
    case_id = await referred(office)
    complaints.away = True
    answer = await office.get("handler.wj", f"/v1/cases/{case_id}/package")
    assert answer.status_code == 503
    assert (await office.get("handler.wj", f"/v1/cases/{case_id}/exports")).json()["items"] == []


async def test_the_signature_tells_of_a_changed_byte(
    office: Office, complaints: Complaints, settings: Settings, tmp_path: Path
) -> None:
    case_id = await referred(office)
    answer = await office.get("handler.wj", f"/v1/cases/{case_id}/package", form="signed")
    assert answer.headers["content-type"] == "application/zip"
    archive = tmp_path / "letter.zip"
    archive.write_bytes(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
        (name,) = (name for name in parts.namelist() if name.endswith(".pdf"))
        pdf, signature, key = parts.read(name), parts.read(f"{name}.jws").decode(), parts.read("referrals.verify.pem")
        told = parts.read("README.txt").decode()
    claims = signing.verify(key, pdf, signature)
    view = await office.view("handler.wj", case_id)
    assert (claims["case_number"], f"{claims['number']}.pdf") == (view["case_number"], name)
    assert claims["sha256"] == answer.headers["x-document-sha256"] == hashlib.sha256(pdf).hexdigest()
    at = len(pdf) // 2
    changed = pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]
    with pytest.raises(signing.BadSignature, match="changed"):
        signing.verify(key, changed, signature)
    public = settings.keys_dir / "referrals.verify"
    said = CliRunner().invoke(package_command, ["verify", str(archive), "--key", str(public)])
    assert said.exit_code == 0, said.output
    for part in (claims["number"], "ga", POLICE.name, signing.fingerprint(key)):
        assert part in said.output, part
    assert "--key referrals.verify.pem" in told
    assert told.index(signing.fingerprint(key)) < told.index("--key"), "the fingerprint is compared first"
    (tmp_path / name).write_bytes(changed)
    (tmp_path / f"{name}.jws").write_text(signature)
    refused = CliRunner().invoke(package_command, ["verify", str(tmp_path / name), "--key", str(public)])
    assert refused.exit_code == 1
    other = CliRunner().invoke(
        package_command, ["verify", str(archive), "--key", str(settings.keys_dir / "complaints.verify")]
    )
    assert other.exit_code == 1


async def test_a_letter_of_a_key_that_was_replaced_has_an_exit_code_of_its_own_and_none_is_dated_later(
    office: Office, complaints: Complaints, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await referred(office)
    archive = tmp_path / "letter.zip"
    archive.write_bytes((await office.get("handler.wj", f"/v1/cases/{case_id}/package", form="signed")).content)
    shutil.copytree(settings.keys_dir, tmp_path / "keys")
    shutil.copytree(settings.signers_dir, tmp_path / "signing")
    later = settings.model_copy(update={"keys_dir": tmp_path / "keys", "signers_dir": tmp_path / "signing"})
    stolen = signers.signing_key(later, "referrals")
    signers.renew(later, "referrals")
    monkeypatch.setattr(package_module, "load_settings", lambda: later)
    for more in ([], ["--key", str(later.keys_dir / "referrals.1.verify")]):
        said = CliRunner().invoke(package_command, ["verify", str(archive), *more])
        assert said.exit_code == 3, said.output
        assert "was replaced on" in said.output
        assert "huiyin audit show --case HY" in said.output
    document, paper = tmp_path / "new.pdf", b"%PDF-1.4 forged"
    document.write_bytes(paper)
    claims = {"sha256": hashlib.sha256(paper).hexdigest(), "iat": int(time.time()) + 3_600}
    forged = jwt.PyJWS().encode(json.dumps(claims).encode(), stolen, algorithm="EdDSA", headers={"typ": signing.TYPE})
    (tmp_path / "new.pdf.jws").write_text(forged)
    refused = CliRunner().invoke(package_command, ["verify", str(document)])
    assert refused.exit_code == 1
    assert "its key was replaced" in refused.output


async def test_it_is_taken_from_the_cases_page(app: FastAPI, office: Office, complaints: Complaints) -> None:
    case_id = await referred(office)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://referrals", timeout=30) as http:
        browser = Browser(http)
        await browser.log_in("handler.wj")
        page = await browser.get(f"/workbench/cases/{case_id}")
        form = page.form("/package")
        ours = {"Sec-Fetch-Site": "same-origin"}
        saved = await http.post(form.action, data={**form.fields, "form": "pdf"}, headers=ours)
        text = read(saved.content)
        check = text.split("核对码")[1][:7]
        assert check in page.text  # the slip that comes back is keyed in where the same value stands
        forged = await http.post(form.action, data={"form": "pdf"}, headers=ours)
        assert forged.status_code == 403
        again = await browser.get(f"/workbench/cases/{case_id}")
        assert hashlib.sha256(saved.content).hexdigest()[:16] in again.text


async def test_after_a_succession_the_letter_goes_to_the_successor(
    office: Office, complaints: Complaints, db: Database
) -> None:
    old = replace(POLICE, unit_id=f"ga-{uuid4().hex[:8]}", name="原历城公安分局")
    new = replace(POLICE, unit_id=f"ga-{uuid4().hex[:8]}", name="新历城公安分局")
    await Registry(db).load((old, new), ())
    case_id = await referred(office, to=old.unit_id)
    for by, word in (("admin", "successor"), ("security", "successor/confirmation")):
        answer = await office.post(by, f"/v1/units/{old.unit_id}/{word}", {"successor_id": new.unit_id})
        assert answer.status_code == 200, answer.text
    await moved(office, "handler.wj", case_id, "SUCCEED")
    text = read(await letter(office, "handler.wj", case_id))
    assert new.name in text
    assert old.name not in text
    (row,) = (await office.get("handler.wj", f"/v1/cases/{case_id}/exports")).json()["items"]
    assert row["receiver_id"] == new.unit_id
