"""A client that never calls `sync`: it reads its chats over REST after each CONNECT, and then relies on events."""

import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple

import requests

from tests.people import Person
from tests.socket_clients import JsDriver

Json = dict[str, Any]
REQUEST_TIMEOUT = 4.0
CONNECTED, DISCONNECTED = "connected", "disconnected"


class Entry(NamedTuple):
    """An entry of the record: an event of a chat with its payload, or a connection's begin or end.

    The payload of a begin has the chats that were read over REST: chat id → [`lastRev`, ids of the members].
    """

    name: str
    payload: Json


class PlainClient:
    """A socket that reconnects. `record` has everything that it received, in order; `violations` events that must never
    occur."""

    def __init__(self, driver: JsDriver, url: str, person: Person, transports: Sequence[str] | None) -> None:
        self.user_id = person.id
        self.name = person.name
        self.record: list[Entry] = []
        self.violations: list[str] = []
        self.connections = 0
        self._url = f"{url}/api/v1"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {person.token}"
        self._reports: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._ended = threading.Event()
        self.socket = driver.connect(
            url,
            person.token,
            wait=False,
            transports=transports,
            reconnection=True,
            reconnection_delay=0.2,
            reconnection_delay_max=1.0,
        )
        self.socket.report_to(lambda what, report: self._reports.put((what, report)))
        self._thread = threading.Thread(target=self._follow, name=f"plain client of {person.name}", daemon=True)
        self._thread.start()

    @property
    def is_following(self) -> bool:
        """True if it is connected and knows its chats."""
        record = self.record
        ends = next((entry.name for entry in reversed(record) if entry.name in (CONNECTED, DISCONNECTED)), None)
        return self.socket.connected and ends == CONNECTED and self._reports.empty()

    def leave(self) -> None:
        """Disconnect for good."""
        self.socket.disconnect()

    def end(self) -> None:
        """Stop recording."""
        self._ended.set()
        self._reports.put(("end", None))
        self._thread.join(10)

    def _follow(self) -> None:
        while True:
            what, report = self._reports.get()
            if what == "end":
                return
            if what == "event":
                name, payload = report
                if name == "exception":
                    self.violations.append(f"exception: {payload}")
                self.record.append(Entry(name, payload))
            elif what == "connected":
                self.connections += 1
                self.record.append(Entry(CONNECTED, self._read_chats()))
            elif what == "disconnected":
                self.record.append(Entry(DISCONNECTED, {}))
                if report == "io server disconnect":
                    self.violations.append("The server ended a session that lives.")
            elif what == "refused" and report:
                self.violations.append(f"A socket was refused: {report}")

    def _read_chats(self) -> Json:
        """The chats of this user. Events that arrive meanwhile are recorded after them."""
        chats: Json = {}
        cursor: str | None = None
        while not self._ended.is_set():
            page = self._get("/chats", {"limit": "100"} | ({"cursor": cursor} if cursor else {}))
            for chat in page["data"]:
                whole = self._get(f"/chats/{chat['id']}", {})
                # Without members: the user left the chat between the two requests.
                if "data" in whole:
                    chats[chat["id"]] = whole["data"]["lastRev"], [m["userId"] for m in whole["data"]["members"]]
            cursor = page["meta"]["nextCursor"]
            if not cursor:
                break
        return chats

    def _get(self, path: str, query: dict[str, str]) -> Json:
        while not self._ended.is_set():
            try:
                response = self._http.get(self._url + path, params=query, timeout=REQUEST_TIMEOUT)
                if response.status_code in (200, 404):
                    return response.json()  # type: ignore[no-any-return]
            except requests.RequestException:
                pass
            time.sleep(0.2)
        return {"data": [], "meta": {"nextCursor": None}}
