"""A user who performs random operations, and repeats each request until it has a clear response."""

import random
import threading
import time
import uuid
from collections import Counter
from typing import Any

import requests

from tests.chaos.device import PASSING, Device
from tests.chaos.plain import PlainClient
from tests.people import Person

Json = dict[str, Any]
# A request: method, path, body.
Ask = tuple[str, str, Json | None]
RESPONSE_TIMEOUT = 4.0
# How many seconds a user waits between two operations, at least and at most.
PAUSE = (0.02, 0.2)
# Groups of up to this size lose no members.
FEWEST = 3
# The frequency of each operation.
WAYS = {
    "send": 60,
    "edit": 8,
    "delete": 4,
    "read": 10,
    "typing": 4,
    "history": 4,
    "members": 10,
    "leave": 4,
    "group": 1,
    "drop": 2,
}


class User:
    """Acts over REST and over devices until stopped, with a `pause` after each operation. `did` counts acknowledged
    ones."""

    def __init__(
        self,
        url: str,
        person: Person,
        devices: list[Device],
        plain: PlainClient | None,
        seed: str,
        pause: tuple[float, float] = PAUSE,
    ) -> None:
        self.person = person
        self.devices = devices
        self.plain = plain
        # What was acknowledged: messages by their clientId, the newest text of those edited and its rev, those deleted,
        # and how far chats are read.
        self.sent: dict[str, Json] = {}
        self.edited: dict[str, tuple[str, int]] = {}
        self.deleted: set[str] = set()
        self.read: dict[str, int] = {}
        # Contents of all requested edits.
        self.attempted: dict[str, list[str]] = {}
        self.did: Counter[str] = Counter()
        self.violations: list[str] = []
        self.others: list[User] = []
        self._url = f"{url}/api/v1"
        self._pause = pause
        self._rng = random.Random(seed)
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {person.token}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name=person.name, daemon=True)

    @property
    def sockets(self) -> list[Device | PlainClient]:
        """All clients of this user."""
        return [*self.devices, *([self.plain] if self.plain else [])]

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the current operation, then stop."""
        self._stopping.set()

    def is_silent(self, seconds: float) -> bool:
        """True if every started request gets its response within that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def ask(self, method: str, path: str, body: Json | None = None, query: Json | None = None) -> tuple[int, Any]:
        """The response of the server, repeated until there is one: the status, and the `data` or the problem."""
        while True:
            try:
                response = self._http.request(
                    method, self._url + path, json=body, params=query, timeout=RESPONSE_TIMEOUT, allow_redirects=False
                )
                content = response.json() if response.content else {}
            except requests.RequestException:
                time.sleep(0.1)
                continue
            if response.status_code == 503 and content.get("code") in PASSING:
                time.sleep(0.2)
                continue
            if response.status_code >= 500 or response.status_code == 401:
                self.violations.append(f"{method} {path}: {response.status_code} {content}")
            return response.status_code, content.get("data", content)

    def _live(self) -> None:
        ways, weights = list(WAYS), list(WAYS.values())
        while not self._stopping.is_set():
            (way,) = self._rng.choices(ways, weights)
            device = self._rng.choice(self.devices)
            chats = sorted(device.copies)
            if chats:
                try:
                    getattr(self, f"_{way}")(device, self._rng.choice(chats))
                except Exception as error:
                    self.violations.append(f"{way} failed: {error!r}")
            self._stopping.wait(self._rng.uniform(*self._pause))

    def _send(self, device: Device, chat_id: str) -> None:
        client_id = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        message = {"chatId": chat_id, "clientId": client_id, "content": f"{self.person.name} says {client_id}"}
        sent = self._by_socket_or_rest(device, "message:send", message, ("POST", "/messages", message))
        if sent is not None:
            self.did["send"] += 1
            self.sent[client_id] = sent
            if (sent["content"], sent["clientId"], sent["chatId"]) != (message["content"], client_id, chat_id):
                self.violations.append(f"Something else was sent: {sent}")

    def _edit(self, device: Device, _chat_id: str) -> None:
        if message := self._own_message():
            content = f"{self.person.name} says {uuid.UUID(int=self._rng.getrandbits(128))} instead"
            self.attempted.setdefault(message, []).append(content)
            change = {"messageId": message, "content": content}
            rest: Ask = ("PATCH", f"/messages/{message}", {"content": content})
            edited = self._by_socket_or_rest(device, "message:edit", change, rest)
            if edited is not None:
                self.did["edit"] += 1
                self.edited[message] = content, edited["rev"]

    def _delete(self, device: Device, _chat_id: str) -> None:
        if message := self._own_message():
            rest: Ask = ("DELETE", f"/messages/{message}", None)
            if self._by_socket_or_rest(device, "message:delete", {"messageId": message}, rest) is not None:
                self.did["delete"] += 1
                self.deleted.add(message)

    def _read(self, device: Device, chat_id: str) -> None:
        rest: Ask = ("POST", f"/messages/{chat_id}/read", {})
        receipt = self._by_socket_or_rest(device, "messages:read", {"chatId": chat_id}, rest)
        if receipt is not None:
            self.did["read"] += 1
            self.read[chat_id] = receipt["readSeq"]

    def _typing(self, device: Device, chat_id: str) -> None:
        if device.socket.connected:
            device.socket.emit("typing:start", {"chatId": chat_id})

    def _history(self, _device: Device, chat_id: str) -> None:
        status, page = self.ask("GET", f"/messages/{chat_id}", query={"limit": 30})
        if status == 200:
            self.did["history"] += 1
            seqs = [message["seq"] for message in page]
            if seqs != list(range(seqs[0], seqs[0] - len(seqs), -1) if seqs else ()):
                self.violations.append(f"A page has a gap: {seqs}")

    def _members(self, _device: Device, chat_id: str) -> None:
        """Add or remove a member, with the permission for it."""
        status, roles = 0, self._roles(chat_id)
        if roles.get(self.person.id) == "ADMIN":
            whom = self._rng.choice(self.others).person.id
            if whom not in roles:
                status, _ = self.ask("POST", f"/chats/{chat_id}/members", {"userId": whom})
            elif len(roles) > FEWEST:
                status, _ = self.ask("DELETE", f"/chats/{chat_id}/members/{whom}")
            self.did["members"] += status in (201, 204)

    def _leave(self, device: Device, chat_id: str) -> None:
        """Members of many chats leave one that will not be deleted by it."""
        if len(device.copies) > 3 and len(self._roles(chat_id)) > FEWEST:
            status, _ = self.ask("DELETE", f"/chats/{chat_id}/leave")
            self.did["leave"] += status == 204

    def _group(self, _device: Device, _chat_id: str) -> None:
        """Create a group, once."""
        if not self.did["group"]:
            members = self._rng.sample([other.person.id for other in self.others], min(FEWEST + 2, len(self.others)))
            group = {"name": f"Group of {self.person.name}", "memberIds": members}
            status, _ = self.ask("POST", "/chats/groups", group)
            self.did["group"] += status == 201

    def _roles(self, chat_id: str) -> dict[str, str]:
        """The members of a chat; empty if they can't be read."""
        status, chat = self.ask("GET", f"/chats/{chat_id}")
        return {member["userId"]: member["role"] for member in chat["members"]} if status == 200 else {}

    def _drop(self, device: Device, _chat_id: str) -> None:
        if device.socket.connected:
            device.socket.drop()

    def _own_message(self) -> str | None:
        mine = [message["id"] for message in list(self.sent.values())[-20:] if message["id"] not in self.deleted]
        return self._rng.choice(mine) if mine else None

    def _by_socket_or_rest(self, device: Device, event: str, payload: Json, rest: Ask) -> Json | None:
        """The acknowledged result, from the socket or from REST; None for an error."""
        while True:
            if device.socket.connected and self._rng.random() < 0.7:
                try:
                    ack = device.socket.call(event, payload, timeout=RESPONSE_TIMEOUT)
                except TimeoutError:
                    continue
                if ack["ok"]:
                    return ack["data"]  # type: ignore[no-any-return]
                code = ack["error"]["code"]
                if code in PASSING:
                    time.sleep(0.2)
                    continue
            else:
                status, response = self.ask(*rest)
                if status < 300:
                    return response  # type: ignore[no-any-return]
                code = response["code"]
            if code not in ("not_found", "conflict"):
                self.violations.append(f"{event} was refused: {code}")
            return None
