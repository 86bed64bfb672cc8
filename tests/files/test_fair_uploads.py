"""A user's uploads delay those of others only a little."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person

PNG = samples.image("PNG", (50, 50))
# 900 million pixels over all scans, which is within the bound.
WORST = samples.scans(10_000, 9_000, 10)


@pytest.fixture
def place(disk_place: Place) -> Place:
    """The storage makes no difference."""
    return disk_place


@contextmanager
def kept_busy(person: Person, chat: str, content: bytes) -> Iterator[None]:
    """`person` uploads that image over two connections, repeatedly."""
    ended = False

    def upload() -> None:
        while not ended:
            assert person.upload(chat, "a.jpg", content).status_code == 201

    with ThreadPoolExecutor(2) as pool:
        uploads = [pool.submit(upload) for _ in range(2)]
        try:
            yield
        finally:
            ended = True
    for each in uploads:
        each.result()


def test_small_files_do_not_wait_for_large_images_of_others(
    alice: Person, carol: Person, bob: Person, chat: str
) -> None:
    began = time.monotonic()
    assert carol.upload(carol.direct_chat(bob), "a.jpg", WORST).status_code == 201
    alone = time.monotonic() - began
    with kept_busy(carol, carol.direct_chat(bob), WORST):
        waits = []
        for name, content in (("a.png", PNG), ("a.pdf", samples.PDF), ("a.zip", samples.archive(x=b"x"))):
            began = time.monotonic()
            assert alice.upload(chat, name, content).status_code == 201
            waits.append(time.monotonic() - began)
    assert max(waits) < alone, (waits, alone)
