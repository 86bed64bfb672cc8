"""Pictures and documents."""

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.chats import chatting
from tests.browser.conftest import Visit
from tests.people import Person


def picture(colour: str = "teal") -> bytes:
    """A PNG of 640 × 400."""
    out = io.BytesIO()
    Image.new("RGB", (640, 400), colour).save(out, "PNG")
    return out.getvalue()


def png(name: str) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": picture()}


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"
# Hands files to the page as a drop or a paste does, which no tool can do with real ones.
TRANSFER = """(element, [kind, name, type]) => {
  const canvas = new OffscreenCanvas(300, 200);
  canvas.getContext("2d").fillRect(0, 0, 150, 200);
  return canvas.convertToBlob({type}).then((blob) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([blob], name, {type}));
    const init = {bubbles: true, cancelable: true};
    if (kind === "paste") element.dispatchEvent(new ClipboardEvent("paste", {clipboardData: transfer, ...init}));
    else for (const step of ["dragenter", "dragover", "drop"])
      element.dispatchEvent(new DragEvent(step, {dataTransfer: transfer, ...init}));
  });
}"""


def test_a_picture_is_previewed_sent_and_seen(visit: Visit, alice: Person, bob: Person) -> None:
    hers, his = chatting(visit, alice, bob), visit(bob)
    hers.page.get_by_label("Files", exact=True).set_input_files([png("sea.png")])
    tray = hers.page.get_by_role("list", name="Files to send")
    expect(tray).to_contain_text("sea.png")
    expect(tray.locator("img")).to_be_visible()
    hers.say("Where we were")
    expect(hers.message("Where we were")).to_contain_text(re.compile("Sent|Delivered"))
    his.entry(alice.name).click()
    shown = his.message("Where we were").get_by_role("button", name="Open sea.png")
    expect(shown.locator("img")).not_to_have_js_property("naturalWidth", 0)
    shown.click()
    viewer = his.page.get_by_role("dialog", name="sea.png")
    expect(viewer.get_by_role("img", name="sea.png")).to_have_js_property("naturalWidth", 640)
    his.page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)


def test_a_document_is_downloaded_under_its_name(visit: Visit, alice: Person, bob: Person, tmp_path: Path) -> None:
    (tmp_path / "Minutes of May.pdf").write_bytes(PDF)
    hers = chatting(visit, alice, bob)
    hers.page.get_by_label("Files", exact=True).set_input_files(tmp_path / "Minutes of May.pdf")
    hers.page.get_by_role("button", name="Send").click()
    with hers.page.expect_download() as download:
        hers.talk.get_by_role("link", name="Minutes of May.pdf").click()
    assert download.value.suggested_filename == "Minutes of May.pdf"
    assert Path(download.value.path()).read_bytes() == PDF


def test_pictures_can_be_pasted_and_dropped(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    for kind in ("paste", "drop"):
        hers.composer.evaluate(TRANSFER, [kind, f"{kind}.png", "image/png"])
        expect(hers.page.get_by_role("list", name="Files to send")).to_contain_text(f"{kind}.png")
        hers.page.get_by_role("button", name="Send").click()
        expect(hers.page.get_by_role("button", name=f"Open {kind}.png")).to_be_visible()


def test_upload_has_a_progress_bar_and_can_be_cancelled(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    network = hers.context.new_cdp_session(hers.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
    network.send("Network.emulateNetworkConditions", slow)
    large: FilePayload = {"name": "large.pdf", "mimeType": "application/pdf", "buffer": PDF + b"%" * 2_000_000}
    hers.page.get_by_label("Files", exact=True).set_input_files([large])
    hers.page.get_by_role("button", name="Send").click()
    bar = hers.page.get_by_role("progressbar", name="Sending large.pdf")
    expect(bar).to_be_visible()
    expect(bar).not_to_have_js_property("value", 0)
    hers.page.get_by_role("button", name="Cancel").click()
    expect(hers.message("large.pdf")).to_have_count(0)
    assert alice.get(f"/messages/{alice.direct_chat(bob)}").json()["data"] == []


def test_refused_upload_explains_why_and_can_be_discarded(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    # The name says nothing of it, so that only the server can tell.
    script: FilePayload = {"name": "run.pdf", "mimeType": "application/pdf", "buffer": b"MZ\x00"}
    hers.page.get_by_label("Files", exact=True).set_input_files([script])
    hers.page.get_by_role("button", name="Send").click()
    refused = hers.message("run.pdf")
    expect(refused).to_contain_text("Not sent")
    expect(refused.get_by_role("alert")).to_be_visible()
    # To try again would not help.
    expect(refused.get_by_role("button", name="Try again")).to_have_count(0)
    refused.get_by_role("button", name="Discard").click()
    expect(refused).to_have_count(0)
