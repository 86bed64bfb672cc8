"""The colours of the web client have enough contrast, in light and in dark."""

import re
from collections.abc import Mapping

import pytest
from playwright.sync_api import Route, expect

from chatapp.launcher.web import WEB
from tests.browser.conftest import Visit
from tests.people import Person

TOKENS = (WEB / "src/styles/tokens.css").read_text()
# Foreground, backgrounds. Text takes 4.5 : 1 (WCAG 1.4.3).
TEXTS = {
    "text": ("ground", "surface", "raised", "sunken", "hover", "selected"),
    "quiet": ("ground", "surface", "raised", "hover", "selected"),
    "accent": ("surface", "raised", "hover", "selected"),
    "danger": ("surface", "raised", "hover", "danger-ground"),
    "warning": ("warning-ground",),
    "on-fill": ("fill", "fill-hover"),
    "on-danger-fill": ("danger-fill",),
}
# What shows where a control is, which entry is the open one, who is online: 3 : 1 (WCAG 1.4.11).
MARKS = {
    "edge": ("ground", "surface", "sunken"),
    "accent": ("surface", "selected", "hover"),
    "here": ("surface",),
}


def colours(scheme: int) -> dict[str, str]:
    """Name → #rrggbb in the light (0) or dark (1) scheme."""
    found = {}
    # Without APP_ACCENT, what var() falls back to.
    tokens = re.sub(r"var\(--[\w-]+, (#\w+)\)", r"\1", TOKENS)
    for name, value in re.findall(r"--([\w-]+): (light-dark\(#\w+, #\w+\)|#\w+);", tokens):
        both = re.findall(r"#\w+", value)
        found[name] = both[scheme] if len(both) > 1 else both[0]
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def weak(colour: Mapping[str, str], pairs: Mapping[str, tuple[str, ...]], least: float) -> dict[str, float]:
    """The pairs with too little contrast."""
    return {
        f"{front} on {back}": round(contrast(colour[front], colour[back]), 2)
        for front, backs in pairs.items()
        for back in backs
        if contrast(colour[front], colour[back]) < least
    }


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXTS, 4.5), (MARKS, 3)], ids=["texts", "marks"])
def test_colours_have_enough_contrast(pairs: dict[str, tuple[str, ...]], least: float, scheme: int) -> None:
    assert weak(colours(scheme), pairs, least) == {}


# White, black, grey, bright colours, and colours whose contrast with white is close to 4.5 : 1.
ACCENTS = ["#ffffff", "#000000", "#808080", "#ffe08a", "#00ff00", "#ff0000", "#0000ff", "#767676", "#0a7d4f", "#d6409f"]


def test_any_colour_of_a_product_has_enough_contrast(visit: Visit) -> None:
    visitor = visit()
    marks = iter(f'<meta name="app-accent" content="{accent}" />' for accent in ACCENTS)

    def brand(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("</head>", f"{next(marks)}</head>"))

    visitor.page.route(f"{visitor.url}/", brand)
    for accent in ACCENTS:
        visitor.page.reload()
        names = ["fill", "fill-hover", "on-fill", "on-fill-quiet", "brand-light", "brand-dark"]
        values = visitor.page.evaluate(
            "names => names.map(name => document.documentElement.style.getPropertyValue(`--${name}`))", names
        )
        branded = {name: as_hex(value) for name, value in zip(names, values, strict=True)}
        assert branded["fill"] == accent
        for scheme, own in enumerate(("brand-light", "brand-dark")):
            colour = colours(scheme) | branded | {"accent": branded[own]}
            found = weak(colour, {**TEXTS, "on-fill-quiet": ("fill",)}, 4.5) | weak(colour, MARKS, 3)
            assert (accent, found) == (accent, {})


def as_hex(value: str) -> str:
    """#rrggbb of rgb(r g b)."""
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", value))


def test_the_open_chat_is_marked_by_more_than_a_shade(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "Hello")
    visitor = visit(alice)
    visitor.entry(bob.name).click()
    expect(visitor.entry(bob.name)).to_have_attribute("aria-current", "page")
    bar = visitor.entry(bob.name).evaluate("entry => getComputedStyle(entry, '::before').width")
    assert bar == "4px"


def test_emoji_come_from_a_font_in_colour_and_digits_do_not(visit: Visit) -> None:
    fonts = visit().page.evaluate(
        "[...document.fonts].filter(({family}) => family === 'Emoji').map(({unicodeRange}) => unicodeRange)"
    )
    ranges = [part.strip().removeprefix("U+").split("-") for part in fonts[0].split(",")]
    inside = {emoji: any(int(r[0], 16) <= ord(emoji) <= int(r[-1], 16) for r in ranges) for emoji in "🎉☺❤✌☀1#a"}
    assert inside == {"🎉": True, "☺": True, "❤": True, "✌": True, "☀": True, "1": False, "#": False, "a": False}
    family = visit().page.evaluate("getComputedStyle(document.body).fontFamily")
    assert family.index("Emoji") < family.index("system-ui")
