"""Avatars by upload: cropped to a square, in two sizes, without metadata, and gone when nothing shows them."""

import json
import re
import secrets
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image
from sqlalchemy import Engine, text

from tests.files import samples
from tests.people import Backend, Person, data, problem

PATH = re.compile(r"/avatars/[0-9a-f]{32}\.webp")
MINE = "/users/me/avatar"


def put(person: Person | Backend, path: str, content: bytes, name: str = "a.png", **fields: Any) -> requests.Response:
    """The response to the upload of an avatar; `fields` are sent as JSON."""
    form = {field: json.dumps(value) for field, value in fields.items()}
    return person.request("PUT", path, data=form, files={"file": (name, content)})


def fetch(person: Person, path: str, **headers: str) -> requests.Response:
    """The response to a picture's GET, without a token."""
    return requests.get(person.url + path, headers=headers, timeout=20)


def picture(person: Person, path: str) -> Image.Image:
    return Image.open(BytesIO(fetch(person, path).content))


def colours(image: Image.Image) -> str:
    """The corners of a picture: the first letters of their colours, clockwise from above left."""
    far = image.width - 8
    corners = [image.convert("RGB").getpixel(at) for at in ((8, 8), (far, 8), (far, far), (8, far))]
    return "".join("rgb"[max(range(3), key=lambda channel: corner[channel])] for corner in corners)  # type: ignore[index]


def quarters(format: str, orientation: int = 1, size: tuple[int, int] = (80, 60)) -> bytes:
    """An image that is upright red, green / blue, blue, stored with an orientation."""
    image = Image.new("RGB", size, (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    image.paste((0, 255, 0), (size[0] // 2, 0, size[0], size[1] // 2))
    undone = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    if orientation in undone:
        image = image.transpose(undone[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretMaker"
    out = BytesIO()
    image.save(out, format, exif=exif.tobytes(), **({"quality": 95} if format == "JPEG" else {}))
    return out.getvalue()


@pytest.fixture
def group(alice: Person, bob: Person) -> str:
    """A group whose ADMIN is alice."""
    return str(data(alice.post("/chats/groups", {"name": "Friends", "memberIds": [bob.id]}))["id"])


@pytest.mark.parametrize(("format", "ending"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")])
def test_an_avatar_is_a_square_in_two_sizes_without_metadata(alice: Person, format: str, ending: str) -> None:
    image = samples.photo(format) if format != "GIF" else samples.image("GIF")
    me = data(put(alice, MINE, image, f"photo.{ending}"))
    assert PATH.fullmatch(me["avatar"])
    assert data(alice.get("/users/me"))["avatar"] == me["avatar"]
    for query, side in (("", 512), ("?size=512", 512), ("?size=96", 96)):
        response = fetch(alice, me["avatar"] + query)
        shown = Image.open(BytesIO(response.content))
        assert (shown.format, shown.size) == ("WEBP", (side, side))
        assert b"Secret" not in response.content
        assert not {"exif", "xmp", "icc_profile"} & shown.info.keys()


def test_pictures_are_public_and_cached_for_ever(alice: Person) -> None:
    path = data(put(alice, MINE, samples.image("PNG")))["avatar"]
    response = fetch(alice, path)
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    etags = {response.headers["ETag"], fetch(alice, f"{path}?size=96").headers["ETag"]}
    assert len(etags) == 2
    again = fetch(alice, path, **{"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert requests.head(alice.url + path, timeout=20).headers["Content-Length"] == str(len(response.content))


@pytest.mark.parametrize("name", ["0" * 32 + ".webp", "0" * 32 + "-96.webp", "x.webp", "..%2f.folder-id", "0" * 32])
def test_unknown_pictures_are_not_found(alice: Person, name: str) -> None:
    assert problem(fetch(alice, f"/avatars/{name}")) == (404, "not_found")


@pytest.mark.parametrize("size", ["95", "0", "x", "", "512.0"])
def test_other_sizes_are_refused(alice: Person, size: str) -> None:
    assert problem(fetch(alice, f"/avatars/{'0' * 32}.webp?size={size}")) == (422, "validation_error")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_crop_is_in_pixels_of_the_upright_image(alice: Person, format: str, orientation: int) -> None:
    image = quarters(format, orientation)
    ending = {"JPEG": "jpg"}.get(format, format.lower())

    def cropped(**crop: int) -> str:
        return colours(picture(alice, data(put(alice, MINE, image, f"a.{ending}", crop=crop))["avatar"]))

    assert colours(picture(alice, data(put(alice, MINE, image, f"a.{ending}"))["avatar"])) == "rgbb"
    assert cropped(x=0, y=0, size=30) == "rrrr"
    assert cropped(x=45, y=0, size=25) == "gggg"
    assert cropped(x=0, y=35, size=20) == "bbbb"
    assert cropped(x=60, y=20, size=20) == "ggbb"


def test_a_part_of_a_large_photo_is_sharp(alice: Person) -> None:
    image = Image.new("RGB", (4000, 3000), (0, 0, 255))
    image.paste((255, 0, 0), (3000, 2000, 3200, 2400))
    out = BytesIO()
    image.save(out, "JPEG", quality=90)
    crop = {"x": 3000, "y": 2000, "size": 400}
    shown = picture(alice, data(put(alice, MINE, out.getvalue(), "a.jpg", crop=crop))["avatar"]).convert("RGB")
    left, right = shown.getpixel((250, 256)), shown.getpixel((262, 256))
    assert left[0] > 200  # type: ignore[index]
    assert right[0] < 60  # type: ignore[index]


def test_transparency_and_the_first_frame_stay(alice: Person) -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    out = BytesIO()
    clear.save(out, "PNG")
    shown = picture(alice, data(put(alice, MINE, out.getvalue()))["avatar"])
    assert shown.mode == "RGBA"
    assert shown.getchannel("A").getextrema() == (0, 0)
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert colours(picture(alice, data(put(alice, MINE, out.getvalue(), "a.gif"))["avatar"])) == "rrrr"


@pytest.mark.parametrize(
    "crop",
    [
        {"x": 0, "y": 0, "size": 41},
        {"x": 21, "y": 0, "size": 40},
        {"x": 0, "y": 0, "size": 0},
        {"x": -1, "y": 0, "size": 10},
        {"x": 0.5, "y": 0, "size": 10},
        {"x": True, "y": 0, "size": 10},
        {"x": "0", "y": 0, "size": 10},
        {"x": 0, "y": 0},
        {"x": 0, "y": 0, "size": 10, "w": 1},
        {"x": 0, "y": 0, "size": 10**30},
        [0, 0, 10],
        None,
        "x",
    ],
)
def test_an_invalid_crop_is_refused(alice: Person, crop: object) -> None:
    response = put(alice, MINE, samples.image("PNG"), crop=crop)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == ["crop"]


def test_a_crop_that_is_no_json_is_refused(alice: Person) -> None:
    file = {"file": ("a.png", samples.image("PNG"))}
    assert problem(alice.request("PUT", MINE, data={"crop": "{x:0}"}, files=file)) == (422, "validation_error")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", samples.PDF),
        ("a.svg", samples.SVG),
        ("a.png", samples.SVG),
        ("a.png", samples.image("JPEG")),
        ("a.jpg", samples.image("JPEG")[:200]),
        ("a.png", samples.png_of(60_000, 60_000)),
        ("blob", samples.image("PNG")),
    ],
)
def test_other_files_are_refused(alice: Person, name: str, content: bytes) -> None:
    before = data(alice.get("/users/me"))["avatar"]
    assert problem(put(alice, MINE, content, name)) == (415, "unsupported_file_type")
    assert data(alice.get("/users/me"))["avatar"] == before


def test_other_bodies_are_refused(alice: Person) -> None:
    assert problem(alice.request("PUT", MINE, json={})) == (415, "unsupported_media_type")
    assert problem(alice.request("PUT", MINE, files={"crop": (None, "{}")})) == (422, "validation_error")
    large = samples.image("PNG") + bytes(10 * 2**20)
    assert problem(put(alice, MINE, large)) == (413, "file_too_large")
    extra = put(alice, MINE, samples.image("PNG"), colour="red")
    assert problem(extra) == (422, "validation_error")


def test_an_avatar_is_removed_more_than_once(alice: Person) -> None:
    put(alice, MINE, samples.image("PNG"))
    for _ in range(2):
        response = alice.delete(MINE)
        assert response.status_code == 200
        assert data(response)["avatar"] is None


def test_admins_of_a_group_set_its_avatar(alice: Person, bob: Person, carol: Person, group: str) -> None:
    path = f"/chats/{group}/avatar"
    chat = data(put(alice, path, samples.image("PNG"), crop={"x": 0, "y": 0, "size": 20}))
    assert PATH.fullmatch(chat["avatar"])
    assert chat["unreadCount"] == 0
    assert data(bob.get(f"/chats/{group}"))["avatar"] == chat["avatar"]
    assert colours(picture(alice, chat["avatar"])) == "rrrr"
    assert problem(put(bob, path, samples.image("PNG"))) == (403, "forbidden")
    assert problem(bob.delete(path)) == (403, "forbidden")
    assert problem(put(carol, path, samples.image("PNG"))) == (404, "not_found")
    direct = f"/chats/{alice.direct_chat(bob)}/avatar"
    assert problem(put(alice, direct, samples.image("PNG"))) == (409, "not_a_group")
    for _ in range(2):
        assert data(alice.delete(path))["avatar"] is None


def test_a_refused_upload_is_refused_before_its_file(bob: Person, group: str) -> None:
    """The content is not looked at."""
    assert problem(put(bob, f"/chats/{group}/avatar", b"no image")) == (403, "forbidden")


def test_patch_takes_no_path_of_an_upload(alice: Person, group: str) -> None:
    for path in ("/users/me", f"/chats/{group}"):
        mine = data(put(alice, f"{path}/avatar", samples.image("PNG")))["avatar"]
        for wrong in (mine, f"/avatars/{secrets.token_hex(16)}.webp"):
            response = alice.patch(path, {"avatar": wrong})
            assert problem(response) == (422, "validation_error")
            assert list(response.json()["errors"]) == ["avatar"]
        assert data(alice.patch(path, {"avatar": "https://example.org/a.png"}))["avatar"] == "https://example.org/a.png"
        assert data(alice.patch(path, {"avatar": None}))["avatar"] is None


def test_servers_set_avatars_of_users(backend: Backend, alice: Person, engine: Engine) -> None:
    external_id = secrets.token_hex(6)
    user = data(backend.request("PUT", f"/server/users/{external_id}", json={}))
    path = f"/server/users/ext:{external_id}/avatar"
    changed = data(put(backend, path, samples.image("PNG"), crop={"x": 0, "y": 0, "size": 20}))
    assert PATH.fullmatch(changed["avatar"])
    assert (changed["id"], changed["isActive"]) == (user["id"], True)
    assert colours(picture(alice, changed["avatar"])) == "rrrr"
    for _ in range(2):
        assert data(backend.request("DELETE", f"/server/users/{user['id']}/avatar"))["avatar"] is None
    with engine.connect() as db:
        rows = db.execute(text("SELECT action, details FROM audit_log WHERE target_id = :id ORDER BY id"), user)
        assert [tuple(row) for row in rows][1:] == [("user.updated", {"fields": ["avatar"]})] * 2
    assert problem(put(alice, path, samples.image("PNG"))) == (403, "forbidden")
    assert problem(put(backend, "/server/users/ext:none/avatar", b"")) == (404, "not_found")
    assert problem(put(backend, path, samples.PDF, "a.pdf")) == (415, "unsupported_file_type")
    outside = put(backend, path, samples.image("PNG"), crop={"x": 0, "y": 0, "size": 100})
    assert problem(outside) == (422, "validation_error")


def test_servers_set_avatars_of_groups(backend: Backend, alice: Person, bob: Person, group: str) -> None:
    path = f"/server/chats/{group}/avatar"
    chat = data(put(backend, path, samples.image("PNG")))
    assert PATH.fullmatch(chat["avatar"])
    assert "unreadCount" not in chat
    assert data(bob.get(f"/chats/{group}"))["avatar"] == chat["avatar"]
    for _ in range(2):
        assert data(backend.request("DELETE", path))["avatar"] is None
    direct = f"/server/chats/{alice.direct_chat(bob)}/avatar"
    assert problem(put(backend, direct, samples.image("PNG"))) == (409, "not_a_group")
    assert problem(backend.request("DELETE", direct)) == (409, "not_a_group")
    assert problem(put(backend, "/server/chats/ext:none/avatar", b"")) == (404, "not_found")
    assert problem(put(alice, path, samples.image("PNG"))) == (403, "forbidden")


def test_servers_act_as_users(backend: Backend, alice: Person) -> None:
    file = {"file": ("a.png", samples.image("PNG"))}
    me = data(backend.request("PUT", MINE, files=file, act_as=alice.id))
    assert data(alice.get("/users/me"))["avatar"] == me["avatar"]
