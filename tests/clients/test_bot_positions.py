"""Which messages a bot of the Python package handles: after gaps, edits, crashes, and in chats that are new to it."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from chatapp_client import Bot, ConnectionFailed, Forbidden, Invalid, NotFound, Position
from chatapp_client._sync import bot as bots
from chatapp_client._sync import waiting

ME, CHAT = "me", "chat"


class Crash(BaseException):
    """The end of the process."""


class Server:
    """A chat as the server has it, and the user of the bot, as `UserClient` shows it."""

    url = "http://chat.example.org"

    def __init__(self) -> None:
        self.rev = 0
        self.read = 0
        self.messages_: list[dict[str, Any]] = []
        self.sent: dict[str, str] = {}
        self.sending: list[Exception] = []
        self.credentials = self
        self.is_member = True

    def write(self, content: str, sender: str = "alice", kind: str = "TEXT", **of_sender: Any) -> dict[str, Any]:
        self.rev += 1
        seq = len(self.messages_) + 1
        message = {"id": f"01a209c0-dd89-7528-89ae-{seq:012}", "chatId": CHAT, "seq": seq, "rev": self.rev}
        message |= {"content": content, "senderId": sender, "sender": of_sender, "isDeleted": False, "type": kind}
        self.messages_.append(message)
        return dict(message)

    def edit(self, seq: int, content: str) -> dict[str, Any]:
        self.rev += 1
        self.messages_[seq - 1] |= {"content": content, "rev": self.rev}
        return dict(self.messages_[seq - 1])

    def me(self) -> dict[str, str]:
        return {"id": ME}

    def handshake(self) -> dict[str, str]:
        return {"token": "token"}

    def get_chat(self, _chat: str) -> dict[str, Any]:
        if not self.is_member:
            raise NotFound(404, {})
        last = len(self.messages_)
        return {"id": CHAT, "lastRev": self.rev, "lastSeq": last, "unreadCount": last - self.read}

    def sync(self, chats: Mapping[str, int], cursor: str | None = None) -> dict[str, Any]:
        gone = [] if self.is_member else list(chats)
        changed = [self.get_chat(CHAT)] if self.is_member and chats.get(CHAT) != self.rev else []
        reset = [chat for chat, rev in chats.items() if rev > self.rev]
        return {"chats": changed, "messages": {}, "gone": gone, "reset": reset, "nextCursor": cursor}

    def messages(self, _chat: str) -> Iterator[dict[str, Any]]:
        return iter([dict(message) for message in self.messages_[::-1]])

    def send(self, _chat: str, content: str, clientId: str) -> None:
        if self.sending:
            raise self.sending.pop(0)
        if self.sent.setdefault(clientId, content) != content:
            raise Invalid(422, {"code": "client_id_reused"})


class Storage:
    """Keeps positions; crashes if `crashes` is true."""

    def __init__(self) -> None:
        self.kept: dict[str, Position] = {}
        self.crashes = False

    def load(self) -> Mapping[str, Position]:
        return dict(self.kept)

    def save(self, positions: Mapping[str, Position | None]) -> None:
        if self.crashes:
            raise Crash
        for chat, position in positions.items():
            self.kept.pop(chat, None)
            if position:
                self.kept[chat] = position


class Run:
    """A bot in front of a server: `run` connects once, with these events."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = Server()
        self.storage = Storage()
        self.handled: list[str] = []
        self._patch = monkeypatch
        self.failures: list[Exception] = []

    def run(self, *events: tuple[str, dict[str, Any]], connections: int = 1, **options: Any) -> list[str]:
        """What the handler was called with."""
        self.handled = []
        waiting_events = list(events)
        bot = Bot(self.server, storage=self.storage, **options)  # type: ignore[arg-type]
        count = itertools.count(1)

        class Listener:
            is_connected = True

            def __init__(self, *_: Any) -> None: ...
            def connect(self, _auth: Any) -> None: ...

            def close(self) -> None:
                if next(count) >= connections:
                    bot.stop()

        class Inbox:
            put = None

            def get(self, _timeout: float) -> Any:
                if waiting_events:
                    return waiting_events.pop(0)
                bot.stop()
                return None

        @bot.on_message
        def respond(message: Any) -> str:
            self.handled.append(message["content"])
            if self.failures:
                raise self.failures.pop(0)
            return f"Re: {message['content']}"

        self._patch.setattr(bots, "Listener", Listener)
        self._patch.setattr(waiting, "Inbox", Inbox)
        self._patch.setattr(waiting, "sleep", lambda _seconds: None)
        bot.run()
        return self.handled

    @property
    def responses(self) -> list[str]:
        return list(self.server.sent.values())


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A bot that has run before, in a chat with one message."""
    run = Run(monkeypatch)
    run.server.write("old")
    assert run.run() == []
    return run


def new(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "message:new", message


def test_messages_before_the_first_start_are_not_handled(bot: Run) -> None:
    assert bot.storage.kept == {CHAT: Position(1, 1)}
    assert bot.run(new(bot.server.write("a")), new(bot.server.write("b"))) == ["a", "b"]
    assert bot.responses == ["Re: a", "Re: b"]


def test_missed_messages_are_handled_in_their_order(bot: Run) -> None:
    bot.server.write("a")
    bot.server.write("b")
    bot.server.edit(2, "a, edited")
    assert bot.run() == ["a, edited", "b"]
    assert bot.run() == []


def test_a_gap_in_events_is_filled(bot: Run) -> None:
    first, second = bot.server.write("a"), bot.server.write("b")
    # So that `sync` has nothing: the messages come after it.
    bot.storage.kept[CHAT] = Position(bot.server.rev, 1)
    assert bot.run(new(second), new(first), new(second)) == ["a", "b"]


def test_a_message_that_arrives_as_an_edit_is_handled_once(bot: Run) -> None:
    bot.server.write("a")
    bot.storage.kept[CHAT] = Position(bot.server.rev, 1)
    edited = bot.server.edit(2, "a, edited")
    bot.storage.kept[CHAT] = Position(bot.server.rev, 1)
    again = bot.server.edit(2, "a, edited again")
    assert bot.run(("message:edited", edited), ("message:edited", again)) == ["a, edited again"]


def test_a_crash_between_response_and_storage_gives_one_response(bot: Run) -> None:
    bot.server.write("a")
    bot.server.write("b")
    bot.storage.crashes = True
    with pytest.raises(Crash):
        bot.run()
    bot.storage.crashes = False
    assert bot.responses == ["Re: a"]
    # Edited meanwhile: the response would be another one.
    bot.server.edit(2, "a, edited")
    assert bot.run() == ["a, edited", "b"]
    assert bot.responses == ["Re: a", "Re: b"]


def test_a_crash_after_an_edited_message_skips_no_later_one(bot: Run) -> None:
    bot.server.write("a")
    bot.server.write("b")
    bot.server.edit(2, "a, edited")
    bot.failures = [Crash()]  # type: ignore[list-item]
    with pytest.raises(Crash):
        bot.run()
    assert bot.run() == ["a, edited", "b"]


def test_an_error_of_the_handler_skips_the_message_and_an_outage_does_not(bot: Run) -> None:
    bot.server.write("a")
    bot.server.write("b")
    bot.failures = [ValueError("a bug")]
    bot.server.sending = [ConnectionFailed("outage")]
    assert bot.run(connections=2) == ["a", "b", "b"]
    assert bot.responses == ["Re: b"]


def test_a_response_that_is_not_permitted_is_given_up(bot: Run) -> None:
    bot.server.write("a")
    bot.server.sending = [Forbidden(403, {"code": "cannot_send"})]
    assert bot.run() == ["a"]
    assert bot.run() == []


def test_own_messages_and_those_of_bots_and_the_system_are_skipped(bot: Run) -> None:
    bot.server.write("mine", ME)
    bot.server.write("bot", "other", isBot=True)
    bot.server.write("joined", "system", "SYSTEM")
    bot.server.write("deleted")
    bot.server.messages_[-1] |= {"isDeleted": True, "content": None}
    assert bot.run() == []
    bot.server.write("bot", "other", isBot=True)
    assert bot.run(responds_to_bots=True) == ["bot"]


def test_a_chat_that_is_new_to_the_bot_begins_with_its_unread_messages(bot: Run) -> None:
    del bot.storage.kept[CHAT]
    bot.storage.kept["other"] = Position(1, 1)
    bot.server.read = 1
    bot.server.write("a")
    assert bot.run() == ["a"]


def test_a_chat_that_the_bot_left_is_forgotten(bot: Run) -> None:
    bot.storage.kept = {"other": Position(1, 1)}
    bot.server.is_member = False
    bot.server.read = 1
    assert bot.run(("chat:new", {"id": CHAT, "lastRev": 1, "lastSeq": 1})) == []
    bot.server.write("a")
    bot.storage.kept = {CHAT: Position(bot.server.rev, 1)}
    assert bot.run() == []
    assert bot.storage.kept == {}


def test_a_restored_backup_resets_the_position(bot: Run) -> None:
    bot.storage.kept = {CHAT: Position(9, 9)}
    bot.server.read = 1
    bot.server.write("a")
    assert bot.run() == ["a"]
    assert bot.storage.kept == {CHAT: Position(2, 2)}
