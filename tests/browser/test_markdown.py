"""Messages in Markdown: what is a mark, that nothing else gets through, and how they are shown."""

import json
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from playwright.sync_api import expect

from chatapp.launcher.node import node_binary
from chatapp.launcher.web import WEB
from tests.browser.conftest import Visit
from tests.people import Person

PARSER = Path(__file__).parent / "markdown.mjs"
SAFE = re.compile(r"(https?|mailto):", re.IGNORECASE)
MAX_DEPTH = 120
# Texts that open much and close little. A parser that looks back or ahead each time takes minutes for them.
PATTERNS = (
    "*a ", "**a*b ", "***", "~~a ~~b", "[", "[](", "[a](b ", "[](a(", '[](a "', "[x](www.a.org ", "[[a]](", "`a``b", "`" * 7 + "a",
    "\\*", "*a_[~~`(", "> ", ">", "- ", "-\n", "  - a\n", "1. ", "```\n", "\n", "a", "a@", "a.", "mailto:", "www.a.", "https://x/)",
    "https://x" + ")" * 50 + "a", "](", "*[", "<https://", "\t- x\n",
)  # fmt: skip
HUGE = 100_000
MAX_MS = 5_000
ATTACKS = (
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert`1`)",
    "[x](java\tscript:alert(1))",
    "[x](java\\script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](%6aavascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD5wd25lZD0xPC9zY3JpcHQ+)",
    "[x](vbscript:msgbox)",
    "[x](blob:https://example.org/1)",
    "[x](file:///etc/passwd)",
    "[x](//example.org)",
    "[x](/administration)",
    "[x](#/chats)",
    "[x](https:javascript:alert(1))",
    "<javascript:alert(1)>",
    "<script>pwned = 1</script>",
    "<img src=x onerror=pwned=1>",
    '[x](https://a.org "><img src=x onerror=pwned=1>")',
    "[<img src=x onerror=pwned=1>](https://a.org)",
    "![x](https://a.org/x.png)",
    '```"><img src=x onerror=pwned=1>\ncode\n```',
    "```html\n<script>pwned = 1</script>\n```",
    "`<svg onload=pwned=1>`",
    "**<b onmouseover=pwned=1>x</b>**",
    "[*a](https://a.org \"*) [x](javascript:alert(1)",
    "[a](https://a.org)[b](javascript:1)",
    "[x]: javascript:alert(1)\n\n[x]",
    "\u202e[x](https://a.org)\u202c",
)  # fmt: skip


class Parsed(TypedDict):
    """A text as the parser of the web client sees it."""

    tree: list[dict[str, Any]]
    plain: str
    marked: bool
    ms: float


def parse(*texts: str) -> list[Parsed]:
    command = [node_binary(), PARSER, WEB]
    done = subprocess.run(command, input=json.dumps(texts), check=True, capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def short(node: dict[str, Any]) -> str:
    """A node of a tree as HTML without attributes, save addresses."""
    if node["type"] == "text":
        return str(node["text"])
    if node["type"] == "list":
        name = "ul" if node["start"] is None else f"ol{node['start']}"
        return f"<{name}>" + "".join(f"<li>{''.join(map(short, item))}</li>" for item in node["items"]) + "</>"
    if node["type"] == "code":
        return f"<code{' ' + node['language'] if 'language' in node else ''}>{node['text']}</>"
    name = {"paragraph": "p", "emphasis": "em", "link": f"a {node.get('href')}", "strike": "s"}.get(
        node["type"], node["type"]
    )
    return f"<{name}>" + "".join(map(short, node["children"])) + "</>"


MEANINGS = {
    "**bold** *italic* ~~strike~~ `code`": "<p><strong>bold</> <em>italic</> <s>strike</> <code>code</></>",
    "***both***": "<p><em><strong>both</></></>",
    "**a *b* c**": "<p><strong>a <em>b</> c</></>",
    "un**bold**ed": "<p>un<strong>bold</>ed</>",
    "**重点。**内容": "<p><strong>重点。</>内容</>",
    "2 * 3 * 4 and 2*3*4": "<p>2 * 3 * 4 and 2*3*4</>",
    "snake_case_name and __init__": "<p>snake_case_name and __init__</>",
    "**open, *open, ~~open, `open, [open": "<p>**open, *open, ~~open, `open, [open</>",
    r"\*not italic\* ¯\_(ツ)_/¯": "<p>*not italic* ¯\\_(ツ)_/¯</>",
    "`**code**` and `` a`b ``": "<p><code>**code**</> and <code>a`b</></>",
    "one\ntwo\n\nthree": "<p>one\ntwo</><p>three</>",
    "```py\n**x**\n```\nafter": "<code py>**x**</><p>after</>",
    "```\nwithout an end": "<code >without an end</>",
    "> quoted\n> **more**\nafter": "<quote><p>quoted\n<strong>more</></></><p>after</>",
    ">:( is no quote": "<p>>:( is no quote</>",
    "- a\n- b\n  - c\n1. d": "<ul><li><p>a</></li><li><p>b</><ul><li><p>c</></li></></li></><ol1><li><p>d</></li></>",
    "3. c\n4. d": "<ol3><li><p>c</></li><li><p>d</></li></>",
    "It was in\n1999. Then": "<p>It was in\n1999. Then</>",
    "[docs](https://a.org/x_(y)) [m](mailto:a@b.org) [w](www.a.org)": "<p><a https://a.org/x_(y)>docs</>"
    " <a mailto:a@b.org>m</> <a https://www.a.org>w</></>",
    "**https://a.org/x_y_z.**": "<p><strong><a https://a.org/x_y_z>https://a.org/x_y_z</>.</></>",
    "[https://a.org](https://b.org)": "<p><a https://b.org>https://a.org</></>",
    "[[in](https://a.org)](https://b.org)": "<p>[<a https://a.org>in</>](https://b.org)</>",
    "# no heading\n<b>no HTML</b> ![no image](https://a.org)": "<p># no heading\n<b>no HTML</b>"
    " !<a https://a.org>no image</></>",
}


def test_the_subset_of_markdown() -> None:
    found = ["".join(map(short, each["tree"])) for each in parse(*MEANINGS)]
    assert dict(zip(MEANINGS, found, strict=True)) == MEANINGS


def test_previews_have_no_marks() -> None:
    [parsed] = parse("**a** [b](https://x.org)\n- c\n1. d\n\n> `e`\n```js\nf\n```")
    assert parsed["plain"] == "a b\nc\n1. d\ne\nf"


def test_only_a_text_with_marks_is_markdown() -> None:
    marked = ("**a**", "a *b*", "`c`", "- d", "> e", "[f](https://a.org)", r"\*g\*", "```\nh")
    plain = ("a", "https://a.org", "2*3*4", "**", "C:\\*.txt", ">:(", "[x](javascript:1)", "me@a.org")
    assert [each["marked"] for each in parse(*marked)] == [True] * len(marked)
    assert [each["marked"] for each in parse(*plain)] == [False] * len(plain)


def nodes(tree: list[dict[str, Any]], depth: int = 0) -> Iterator[dict[str, Any]]:
    """All nodes of a tree, which is never deep: what draws it calls itself."""
    assert depth < MAX_DEPTH
    for node in tree:
        yield node
        for children in (node.get("children", []), *node.get("items", [])):
            yield from nodes(children, depth + 1)


def test_no_text_makes_the_parser_slow_deep_or_unsafe() -> None:
    pieces = [
        *PATTERNS,
        *ATTACKS,
        "**",
        "*",
        "~~",
        "`",
        "```",
        "[",
        "]",
        "(",
        ")",
        ">",
        "\n",
        " ",
        "x",
        "\\",
        "é",
        "🎉",
    ]
    pieces += ["https://a.org", "javascript:x", "1. ", "- ", "  ", '"']
    chance = random.Random(7)
    texts = ["".join(chance.choices(pieces, k=chance.randint(1, 60))) for _ in range(600)]
    texts += [(each * HUGE)[:HUGE] for each in PATTERNS]
    for text, parsed in zip(texts, parse(*texts), strict=True):
        assert parsed["ms"] < MAX_MS, text[:50]
        for node in nodes(parsed["tree"]):
            if node["type"] == "link":
                assert SAFE.match(node["href"]), text


def test_the_client_makes_no_html_of_texts() -> None:
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|DOMParser|document\.write|createContextualFragment"
    )
    sources = [path for path in (WEB / "src").rglob("*.ts*") if banned.search(path.read_text())]
    assert sources == []


TEXT = """**Bold**, *italic*, ~~gone~~ and `code`, [docs](https://example.org/docs).

> A quote

- one
- two

```python
def hello(): return "world"
```
"""


def test_a_message_in_markdown_is_shown_with_its_marks(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    bob.send(chat, "**plain**, as it is")
    for attacks in (ATTACKS[:20], ATTACKS[20:]):
        # The server refuses control characters.
        bob.send(chat, "\n\n".join(attacks).replace("\x01", ""), format="markdown")
    quoted = bob.send(chat, TEXT, format="markdown")
    bob.send(chat, "**A reply**", format="markdown", replyToId=quoted["id"])
    hers = visit(alice)
    # The list shows it without marks, as quotes do.
    expect(hers.entry(bob.name)).to_contain_text(re.compile("[^*]A reply[^*]"))
    hers.entry(bob.name).click()
    expect(hers.message("A reply").locator(".quote")).to_contain_text("Bold, italic, gone and code, docs.")
    message = hers.message("A quote").filter(has_not_text="A reply")
    for role, text in {
        "strong": "Bold",
        "emphasis": "italic",
        "deletion": "gone",
        "blockquote": "A quote",
    }.items():
        expect(message.get_by_role(role)).to_have_text(text)  # type: ignore[arg-type]
    expect(message.get_by_role("listitem")).to_have_text(["one", "two"])
    link = message.get_by_role("link", name="docs")
    expect(link).to_have_attribute("href", "https://example.org/docs")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", re.compile("noopener noreferrer"))
    # The colours of code arrive later.
    expect(message.locator("pre .token-kwd").first).to_have_text("def")
    expect(hers.message("as it is")).to_contain_text("**plain**, as it is")
    # Nothing of the attacks became more than a text or a link to elsewhere.
    found = hers.page.locator(".rich").evaluate_all(
        """roots => roots.flatMap((root) => [...root.querySelectorAll("*")].map((element) =>
          [element.localName, element.getAttribute("href") ?? "", ...element.getAttributeNames()]))"""
    )
    names = {"p", "pre", "code", "span", "strong", "em", "del", "a", "ul", "ol", "li", "blockquote"}
    assert {name for name, *_ in found} <= names
    assert {each for _, _, *attributes in found for each in attributes} <= {
        "href", "dir", "title", "target", "rel", "tabindex", "class", "start",
    }  # fmt: skip
    assert [href for name, href, *_ in found if name == "a" and not SAFE.match(href)] == []
    assert hers.page.evaluate("typeof pwned") == "undefined"
