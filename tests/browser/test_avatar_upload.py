"""Pictures of users and groups are chosen, cropped and uploaded."""

from io import BytesIO

import requests
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_groups import open_details
from tests.browser.visitor import Visitor
from tests.files import samples
from tests.people import Person, data

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves() -> FilePayload:
    """A picture with a red left and a blue right half."""
    return {"name": "halves.png", "mimeType": "image/png", "buffer": samples.image("PNG", (600, 400))}


def open_profile(visitor: Visitor, name: str) -> Locator:
    visitor.page.get_by_role("button", name=f"Account of {name}").click()
    visitor.page.get_by_role("menuitem", name="Profile").click()
    return visitor.page.get_by_role("dialog", name="Profile")


def crop(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Crop the picture")


def is_all(person: Person, avatar: str, colour: tuple[int, int, int]) -> bool:
    """True if an avatar has that colour at its left and right edges."""
    shown = Image.open(BytesIO(requests.get(person.url + avatar, timeout=20).content)).convert("RGB")
    pixels = [shown.getpixel(at) for at in ((10, 256), (500, 256))]
    return all(
        max(abs(one - other) for one, other in zip(pixel, colour, strict=True)) < 40  # type: ignore[arg-type]
        for pixel in pixels
    )


def test_keys_crop_ones_own_picture(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers, his = visit(alice), visit(bob)
    profile = open_profile(hers, alice.name)
    page = hers.page
    profile.get_by_label("Picture").set_input_files(halves())
    stage = page.get_by_role("group", name="Picture. Arrow keys move it")
    expect(stage).to_be_focused()
    for _ in range(10):
        stage.press("+")
    for _ in range(40):
        stage.press("ArrowRight")
    crop(page).get_by_role("button", name="Use this part").click()
    expect(profile.locator(".cropped img")).to_be_visible()
    profile.get_by_role("button", name="Save").click()
    expect(profile).to_have_count(0)
    # Others see it at once.
    expect(his.entry(alice.name).locator(".avatar img")).not_to_have_js_property("naturalWidth", 0)
    avatar = data(alice.get("/users/me"))["avatar"]
    assert is_all(alice, avatar, RED)
    profile = open_profile(hers, alice.name)
    profile.get_by_role("button", name="Remove").click()
    profile.get_by_role("button", name="Save").click()
    expect(profile).to_have_count(0)
    assert data(alice.get("/users/me"))["avatar"] is None


def test_the_mouse_crops_the_picture_of_a_group(visit: Visit, alice: Person, bob: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))["id"]
    hers = visit(alice)
    page = hers.page
    hers.entry("Garden").click()
    open_details(hers)
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit group")
    dialog.get_by_label("Picture").set_input_files(halves())
    box = page.locator(".crop-stage .cropped").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    page.mouse.down()
    page.mouse.move(box["x"] - 3 * box["width"], box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    crop(page).get_by_role("button", name="Use this part").click()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert is_all(alice, data(bob.get(f"/chats/{group}"))["avatar"], BLUE)


def test_a_new_group_has_the_chosen_picture(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    hers.new_group()
    page = hers.page
    page.get_by_label("Picture").set_input_files(halves())
    page.get_by_label("Zoom", exact=True).fill("1")
    crop(page).get_by_role("button", name="Use this part").click()
    page.get_by_label("Name", exact=True).fill("Chess")
    page.get_by_role("button", name="Create group").click()
    expect(hers.talk.locator("header .avatar img")).not_to_have_js_property("naturalWidth", 0)


def test_a_damaged_picture_is_refused(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    profile = open_profile(hers, alice.name)
    profile.get_by_label("Picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"text"})
    expect(hers.page.get_by_role("alert")).to_have_text("This picture can't be opened.")
    expect(crop(hers.page)).to_have_count(0)
    expect(profile).to_be_visible()
