"""Decision records have one form, and the index lists each of them."""

import re
from pathlib import Path

import pytest

from tests.server import ROOT

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
LINK = r"\[\d{4}\]\(\d{4}-[\w-]+\.md\)"
HEAD = re.compile(
    rf"# (?P<number>\d{{4}}): (?P<title>.+)\n\n"
    rf"- Status: (?P<status>accepted(; superseded in part by {LINK}((, | and ){LINK})*)?|superseded by {LINK})\n"
    rf"- Date: \d{{4}}-\d\d-\d\d\n"
)
SECTIONS = ["Context", "Decision", "Alternatives", "Consequences"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_record_has_every_part_and_is_in_the_index(record: Path) -> None:
    text = record.read_text()
    head = HEAD.match(text)
    assert head, "The title, status or date is missing or of another form."
    assert record.name.startswith(f"{head['number']}-")
    sections = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    assert sections[1::2] == SECTIONS
    assert all(content.strip() for content in sections[2::2])
    status = re.sub(r"\[(\d{4})\]\([^)]*\)", r"\1", head["status"])
    assert f"| [{head['number']}]({record.name}) | {head['title']} | {status} |\n" in (FOLDER / "README.md").read_text()


def test_numbers_are_unique_and_the_index_lists_nothing_else() -> None:
    numbers = [record.name[:4] for record in RECORDS]
    assert len(numbers) == len(set(numbers))
    listed = re.findall(r"^\| \[(\d{4})\]", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == numbers
