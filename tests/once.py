"""A `once` subscriber in a server under test: it writes every event of a message to a file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# Added to wsgi.py. A file `<path>.slow` makes each call take as many seconds as it says.
_LINES = """
import json, os, time
from pathlib import Path
import gevent
from chatapp.core import outbox
from chatapp.features.chats.events import MessageSent
from chatapp.features.messages.events import MessageDeleted, MessageEdited

def _write(events):
    slow = Path({path!r} + ".slow")
    if slow.exists():
        gevent.sleep(float(slow.read_text()))
    lines = [json.dumps([os.getpid(), e.id, e.type, e.chat_id, e.rev, e.subject]) for e in events]
    # One call for each event, so that a kill also happens between them.
    for line in lines:
        file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, (line + chr(10)).encode())
        os.close(file)

_types = frozenset({{MessageSent, MessageEdited, MessageDeleted}})
for seconds, task in outbox.subscribe([outbox.OnceSubscriber("file", _types, _write)]):
    app.extensions["background"].every(seconds, task)
"""


class Written(NamedTuple):
    """A line of the file: which process wrote which event."""

    pid: int
    id: int
    type: str
    chat_id: str
    rev: int
    message_id: str


def lines(path: Path) -> str:
    """What `wsgi.py` needs at its end."""
    return _LINES.format(path=str(path))


def read(path: Path) -> list[Written]:
    """What was written so far."""
    return [Written(*json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def violations(written: Iterable[Written], messages: Iterable[str]) -> list[str]:
    """Messages that were never written as sent, and events that were first written behind a later one of their chat."""
    found, seen, highest = [], set(), dict[str, int]()
    sent = set()
    for event in written:
        if event.id in seen:
            continue
        seen.add(event.id)
        if event.rev <= highest.get(event.chat_id, 0):
            found.append(f"{event} was written after rev {highest[event.chat_id]}")
        highest[event.chat_id] = max(event.rev, highest.get(event.chat_id, 0))
        if event.type == "MessageSent":
            sent.add(event.message_id)
    return found + [f"message {id} was never written" for id in messages if id not in sent]
