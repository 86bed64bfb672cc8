"""Stored images contain the picture, and no metadata about where and by whom it was made."""

import struct
import zlib
from io import BytesIO
from typing import Any, cast

import pytest
from PIL import Image, ImageCms, ImageOps

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data

KINDS = [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")]


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def shown(content: bytes) -> Image.Image:
    """An image as viewers display it."""
    upright = ImageOps.exif_transpose(opened(content))
    assert upright
    return upright.convert("RGB")


@pytest.mark.parametrize(("format", "ending"), KINDS)
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_photo_loses_metadata_and_stays_upright(
    place: Place, alice: Person, chat: str, format: str, ending: str, orientation: int
) -> None:
    taken = samples.photo(format, orientation)
    assert opened(taken).getexif().get_ifd(0x8825)
    message = data(alice.upload(chat, f"a.{ending}", taken))
    stored = place.fetch(message["fileUrl"]).content
    assert message["fileSize"] == len(stored)
    assert b"Secret" in taken
    assert b"Secret" not in stored
    assert dict(opened(stored).getexif()) == ({0x0112: orientation} if orientation > 1 else {})
    assert shown(stored).tobytes() == shown(taken).tobytes()
    assert (message["width"], message["height"]) == shown(stored).size


@pytest.mark.parametrize(("format", "ending"), [*KINDS, ("GIF", "gif")])
def test_thumbnail_is_small_upright_and_without_metadata(
    place: Place, alice: Person, chat: str, format: str, ending: str
) -> None:
    large = samples.photo(format) if format != "GIF" else samples.image("GIF", (1000, 500))
    message = data(alice.upload(chat, f"a.{ending}", large))
    response = place.fetch(message["thumbnailUrl"])
    thumbnail = opened(response.content)
    assert response.headers["Content-Type"] == "image/webp"
    assert max(thumbnail.size) <= 320
    assert not thumbnail.getexif()
    assert b"Secret" not in response.content
    assert round(thumbnail.width / thumbnail.height, 2) == round(message["width"] / message["height"], 2)
    # Lying on its side, the red half is above.
    x, y = (0.25, 0.5) if format == "GIF" else (0.5, 0.25)
    spot = (int(thumbnail.width * x), int(thumbnail.height * y))
    red, _, blue = cast(tuple[int, int, int], thumbnail.convert("RGB").getpixel(spot))
    assert red > 200
    assert blue < 60


@pytest.mark.parametrize(("format", "ending"), [("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png")])
def test_animations_are_preserved(place: Place, alice: Person, chat: str, format: str, ending: str) -> None:
    first, *others = (Image.new("RGB", (30, 20), colour) for colour in ("red", "green", "blue"))
    out = BytesIO()
    more = {"comment": b"Secret"} if format == "GIF" else {}
    first.save(out, format, save_all=True, append_images=others, duration=100, loop=0, **more)
    stored = place.fetch(data(alice.upload(chat, f"a.{ending}", out.getvalue()))["fileUrl"]).content
    assert getattr(opened(stored), "n_frames", 1) == 3
    assert opened(stored).info["loop"] == 0
    assert b"Secret" not in stored


@pytest.mark.parametrize(
    ("mode", "format", "ending"),
    [("P", "PNG", "png"), ("L", "JPEG", "jpg"), ("CMYK", "JPEG", "jpg"), ("RGBA", "WEBP", "webp"), ("1", "PNG", "png")],
)
def test_every_colour_mode_has_a_thumbnail(
    place: Place, alice: Person, chat: str, mode: str, format: str, ending: str
) -> None:
    out = BytesIO()
    Image.new("RGB", (500, 400), "white").convert(mode).save(out, format)
    message = data(alice.upload(chat, f"a.{ending}", out.getvalue()))
    thumbnail = opened(place.fetch(message["thumbnailUrl"]).content)
    assert thumbnail.size == (320, 256)
    assert min(thumbnail.convert("RGB").getpixel((9, 9))) > 240  # type: ignore[arg-type]
    assert place.fetch(message["fileUrl"]).content == out.getvalue()


def with_transparent_red(mode: str, bits: int = 8) -> bytes:
    """A PNG whose left half has the colour that is declared transparent."""
    if bits == 8:
        picture = Image.new(mode, (500, 400), 0)
        red: Any = (255, 0, 0) if mode == "RGB" else 1 if mode == "P" else 255
        picture.paste(red, (0, 0, 250, 400))
        if mode == "P":
            picture.putpalette([0, 0, 0, 255, 0, 0])
        out = BytesIO()
        picture.save(out, "PNG", transparency=1 if mode == "1" else red)
        return out.getvalue()
    # Modes that Pillow does not write: 2 or 4 bits of grey, 16 bits of grey or per colour.
    samples_a_pixel = 3 if mode == "RGB" else 1
    high, row = 2**bits - 1, 16 * samples_a_pixel * bits // 16
    header = struct.pack(">IIBBBBB", 16, 16, bits, 2 if mode == "RGB" else 0, 0, 0, 0)
    key = struct.pack(">H", high) * samples_a_pixel
    lines = (b"\0" + b"\xff" * row + bytes(row)) * 16
    chunks = [(b"IHDR", header), (b"tRNS", key), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


@pytest.mark.parametrize(
    ("mode", "bits"),
    [("RGB", 8), ("L", 8), ("P", 8), ("1", 8), ("L", 2), ("L", 4), ("L", 16), ("RGB", 16)],
)
def test_a_transparent_colour_is_transparent_in_the_thumbnail(
    place: Place, alice: Person, chat: str, mode: str, bits: int
) -> None:
    message = data(alice.upload(chat, "a.png", with_transparent_red(mode, bits)))
    thumbnail = opened(place.fetch(message["thumbnailUrl"]).content).convert("RGBA")
    y = thumbnail.height // 2
    left, right = (thumbnail.getpixel((x, y)) for x in (2, thumbnail.width - 3))
    assert (cast(Any, left)[3], cast(Any, right)[3]) == (0, 255)


def profile_of(size: int) -> bytes:
    """A colour profile that displays red as blue, padded to at least that many bytes."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = {made[132 + 12 * n : 136 + 12 * n]: 132 + 12 * n for n in range(struct.unpack_from(">I", made, 128)[0])}
    swapped = bytearray(made)
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = made[blue + 4 : blue + 12], made[red + 4 : red + 12]
    swapped += bytes(max(0, size - len(swapped)))
    swapped[0:4] = struct.pack(">I", len(swapped))
    return bytes(swapped)


@pytest.mark.parametrize(("format", "ending"), KINDS)
def test_thumbnail_is_converted_to_srgb(place: Place, alice: Person, chat: str, format: str, ending: str) -> None:
    profile = profile_of(0)
    message = data(alice.upload(chat, f"a.{ending}", samples.image(format, icc_profile=profile)))
    assert opened(place.fetch(message["fileUrl"]).content).info["icc_profile"] == profile
    thumbnail = opened(place.fetch(message["thumbnailUrl"]).content)
    assert "icc_profile" not in thumbnail.info
    red, _, blue = cast(tuple[int, int, int], thumbnail.convert("RGB").getpixel((5, 20)))
    assert blue > 200
    assert red < 60


@pytest.mark.parametrize(("format", "ending"), KINDS)
@pytest.mark.parametrize(
    ("size", "is_preserved"), [(60_000, True), (64 * 1024, True), (64 * 1024 + 1, False), (200_000, False)]
)
def test_only_small_profiles_are_preserved(
    place: Place, alice: Person, chat: str, format: str, ending: str, size: int, is_preserved: bool
) -> None:
    image = samples.image(format, icc_profile=profile_of(size))
    stored = place.fetch(data(alice.upload(chat, f"a.{ending}", image))["fileUrl"]).content
    assert ("icc_profile" in opened(stored).info) is is_preserved
    assert opened(stored).convert("RGB").tobytes() == opened(image).convert("RGB").tobytes()


@pytest.mark.parametrize("progressive", [False, True])
def test_the_largest_photos_are_accepted(place: Place, alice: Person, chat: str, progressive: bool) -> None:
    out = BytesIO()
    Image.new("RGB", (8192, 6144), "red").save(out, "JPEG", quality=50, progressive=progressive)
    message = data(alice.upload(chat, "a.jpg", out.getvalue()))
    assert (message["width"], message["height"]) == (8192, 6144)
    assert opened(place.fetch(message["thumbnailUrl"]).content).size == (320, 240)
