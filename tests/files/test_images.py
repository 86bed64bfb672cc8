"""Images tell what they show, and nothing of where and by whom they were made."""

from io import BytesIO
from typing import cast

import pytest
from PIL import Image, ImageOps

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data

KINDS = [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")]


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def shown(content: bytes) -> Image.Image:
    """An image as it is looked at."""
    upright = ImageOps.exif_transpose(opened(content))
    assert upright
    return upright.convert("RGB")


@pytest.mark.parametrize(("format", "ending"), KINDS)
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photo_loses_where_and_by_what_it_was_taken_and_stays_upright(
    place: Place, alice: Person, chat: str, format: str, ending: str, orientation: int
) -> None:
    taken = samples.photo(format, orientation)
    assert opened(taken).getexif().get_ifd(0x8825)
    message = data(alice.upload(chat, f"a.{ending}", taken))
    kept = place.fetch(message["fileUrl"]).content
    assert message["fileSize"] == len(kept)
    assert b"Secret" in taken
    assert b"Secret" not in kept
    assert dict(opened(kept).getexif()) == ({0x0112: orientation} if orientation > 1 else {})
    assert shown(kept).tobytes() == shown(taken).tobytes()
    assert (message["width"], message["height"]) == shown(kept).size


@pytest.mark.parametrize(("format", "ending"), [*KINDS, ("GIF", "gif")])
def test_a_thumbnail_is_small_upright_and_knows_nothing(
    place: Place, alice: Person, chat: str, format: str, ending: str
) -> None:
    large = samples.photo(format) if format != "GIF" else samples.image("GIF", (1000, 500))
    message = data(alice.upload(chat, f"a.{ending}", large))
    answer = place.fetch(message["thumbnailUrl"])
    thumbnail = opened(answer.content)
    assert answer.headers["Content-Type"] == "image/webp"
    assert max(thumbnail.size) <= 320
    assert not thumbnail.getexif()
    assert b"Secret" not in answer.content
    assert round(thumbnail.width / thumbnail.height, 2) == round(message["width"] / message["height"], 2)
    # On its side, the red half is above.
    x, y = (0.25, 0.5) if format == "GIF" else (0.5, 0.25)
    spot = (int(thumbnail.width * x), int(thumbnail.height * y))
    red, _, blue = cast(tuple[int, int, int], thumbnail.convert("RGB").getpixel(spot))
    assert red > 200 > 60 > blue


@pytest.mark.parametrize(("format", "ending"), [("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png")])
def test_what_moves_goes_on_moving(place: Place, alice: Person, chat: str, format: str, ending: str) -> None:
    first, *others = (Image.new("RGB", (30, 20), colour) for colour in ("red", "green", "blue"))
    out = BytesIO()
    more = {"comment": b"Secret"} if format == "GIF" else {}
    first.save(out, format, save_all=True, append_images=others, duration=100, loop=0, **more)
    kept = place.fetch(data(alice.upload(chat, f"a.{ending}", out.getvalue()))["fileUrl"]).content
    assert getattr(opened(kept), "n_frames", 1) == 3
    assert opened(kept).info["loop"] == 0
    assert b"Secret" not in kept


@pytest.mark.parametrize(
    ("mode", "format", "ending"),
    [("P", "PNG", "png"), ("L", "JPEG", "jpg"), ("CMYK", "JPEG", "jpg"), ("RGBA", "WEBP", "webp"), ("1", "PNG", "png")],
)
def test_each_way_of_storing_colours_has_a_thumbnail(
    place: Place, alice: Person, chat: str, mode: str, format: str, ending: str
) -> None:
    out = BytesIO()
    Image.new("RGB", (500, 400), "white").convert(mode).save(out, format)
    message = data(alice.upload(chat, f"a.{ending}", out.getvalue()))
    thumbnail = opened(place.fetch(message["thumbnailUrl"]).content)
    assert thumbnail.size == (320, 256)
    assert min(thumbnail.convert("RGB").getpixel((9, 9))) > 240  # type: ignore[arg-type]
    assert place.fetch(message["fileUrl"]).content == out.getvalue()
