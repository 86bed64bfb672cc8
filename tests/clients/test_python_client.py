"""The Python package: retries, errors and pages, synchronous and asynchronous; its README, its types and its wheel."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uv
from chatapp_client import (
    ApiError,
    AsyncUserClient,
    Bot,
    ChatClient,
    ConnectionFailed,
    FileStorage,
    Forbidden,
    Invalid,
    NotFound,
    Position,
    RateLimited,
    Unauthorized,
    Unavailable,
    UserClient,
)
from chatapp_client._async import waiting as async_waiting
from chatapp_client._sync import waiting

from tests.documents import programs
from tests.files import samples
from tests.people import PASSWORD, Backend, Person
from tests.server import ROOT, Server
from tests.waiting import eventually

PYTHON = ROOT / "clients" / "python"
URL = "http://chat.example.org"
KEY = "csk_secret"
Response = httpx.Response | Exception


class Responses:
    """A server that gives these responses, one by one; `requests` are those that it got."""

    def __init__(self, *responses: Response) -> None:
        self._responses = list(responses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = self._responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    @property
    def client(self) -> UserClient:
        return UserClient(URL, key=KEY, http=httpx.Client(transport=httpx.MockTransport(self)))


def ok(data: Any, **meta: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": data, "meta": meta})


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": "No."}, headers=headers)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the clients make; none takes time."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(waiting, "sleep", made.append)
    monkeypatch.setattr(async_waiting, "sleep", pause)
    return made


LOST = httpx.ReadTimeout("no response")
NEVER_SENT = httpx.ConnectError("refused")


@pytest.mark.parametrize("failure", [LOST, NEVER_SENT, problem(503, "database_unavailable"), httpx.Response(502)])
def test_calls_that_repeat_nothing_are_repeated(failure: Response, pauses: list[float]) -> None:
    server = Responses(failure, failure, ok({"id": "1"}))
    assert server.client.me()["id"] == "1"
    assert len(server.requests) == 3
    assert len(pauses) == 2


def test_a_repeated_send_has_the_same_client_id() -> None:
    server = Responses(LOST, ok({"id": "1"}))
    server.client.send("chat", "Hello")
    first, second = (request.content for request in server.requests)
    assert first == second
    assert b"clientId" in first


def test_a_call_with_an_effect_is_repeated_only_if_it_had_none() -> None:
    for failure, kind in ((LOST, ConnectionFailed), (problem(503, "database_unavailable"), Unavailable)):
        server = Responses(failure)
        with pytest.raises(kind):
            server.client.create_group(name="Friends")
        assert len(server.requests) == 1
    server = Responses(NEVER_SENT, problem(429, "rate_limited"), ok({"id": "1"}))
    assert server.client.create_group(name="Friends")["id"] == "1"


def test_tokens_are_requested_again_only_for_a_device() -> None:
    login = {"accessToken": "a", "refreshToken": "r", "expiresIn": 900}
    server = Responses(LOST, ok(login))
    http = httpx.Client(transport=httpx.MockTransport(server))
    assert ChatClient(URL, KEY, http=http).tokens.create(userId="ext:1", device={"id": "d"})["expiresIn"] == 900
    server = Responses(LOST)
    http = httpx.Client(transport=httpx.MockTransport(server))
    with pytest.raises(ConnectionFailed):
        ChatClient(URL, KEY, http=http).tokens.create(userId="ext:1")


def test_retry_after_is_followed_up_to_a_limit(pauses: list[float]) -> None:
    limited = {"Retry-After": "7"}
    assert Responses(problem(429, "rate_limited", **limited), ok({"id": "1"})).client.me()["id"] == "1"
    assert 7 <= pauses[0] < 7.5
    server = Responses(problem(429, "rate_limited", **{"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as raised:
        server.client.me()
    assert raised.value.retry_after == 3600


def test_attempts_end() -> None:
    server = Responses(*[LOST] * 5)
    with pytest.raises(ConnectionFailed):
        server.client.me()
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Unauthorized), (403, Forbidden), (404, NotFound), (418, ApiError), (422, Invalid), (500, Unavailable)],
)
def test_errors_have_the_code_and_never_the_key(status: int, kind: type[ApiError]) -> None:
    client = Responses(problem(status, "some_code")).client
    with pytest.raises(kind) as raised:
        client.me()
    assert (raised.value.code, raised.value.status, raised.value.detail) == ("some_code", status, "No.")
    assert KEY not in f"{raised.value!r} {client!r} {client.credentials!r}"


def test_a_key_is_not_sent_to_another_place() -> None:
    server = Responses(httpx.Response(302, headers={"Location": "https://elsewhere.example.org"}))
    with pytest.raises(ApiError):
        server.client.me()
    assert len(server.requests) == 1
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_lists_request_pages_when_they_are_read() -> None:
    server = Responses(ok([{"id": "a"}, {"id": "b"}], nextCursor="two"), ok([{"id": "c"}], nextCursor=None))
    chats = server.client.chats()
    assert not server.requests
    assert [next(chats)["id"], next(chats)["id"]] == ["a", "b"]
    assert len(server.requests) == 1
    assert [chat["id"] for chat in chats] == ["c"]
    assert server.requests[1].url.params["cursor"] == "two"


def test_acting_names_the_user_in_a_header() -> None:
    server = Responses(ok({}))
    http = httpx.Client(transport=httpx.MockTransport(server))
    UserClient(URL, key=KEY, act_as="ext:Zoë/1", http=http).me()
    assert server.requests[0].headers["Act-As"] == "ext%3AZo%C3%AB%2F1"


def tokens(number: int, seconds: int = 900) -> dict[str, Any]:
    return {"accessToken": f"access{number}", "refreshToken": f"refresh{number}", "expiresIn": seconds}


def test_tokens_are_renewed_before_they_expire_and_when_the_session_has_ended() -> None:
    server = Responses(
        ok(tokens(1, 0)),  # The login.
        ok({"id": "1"}),
        ok(tokens(2)),  # The refresh.
        ok({"id": "1"}),
        problem(401, "token_invalid"),  # The session has ended: a refresh fails too, and a login follows.
        problem(401, "token_invalid"),
        ok(tokens(3)),
        ok({"id": "1"}),
    )
    http = httpx.Client(transport=httpx.MockTransport(server))
    client = UserClient(URL, username="kim", password=PASSWORD, http=http)
    for _ in range(3):
        assert client.me()["id"] == "1"
    paths = [request.url.path.rpartition("/")[2] for request in server.requests]
    assert paths == ["login", "me", "refresh", "me", "me", "refresh", "login", "me"]
    assert server.requests[-1].headers["Authorization"] == "Bearer access3"


def test_a_valid_token_is_used_while_it_cannot_be_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("chatapp_client._sync.credentials.time.monotonic", lambda: clock[0])
    server = Responses(ok(tokens(1)), ok({"id": "1"}), *[LOST] * 5, ok({"id": "1"}), *[LOST] * 5)
    http = httpx.Client(transport=httpx.MockTransport(server))
    client = UserClient(URL, username="kim", password=PASSWORD, http=http)
    client.me()
    clock[0] = 800
    assert client.me()["id"] == "1"
    clock[0] = 1000
    with pytest.raises(ConnectionFailed):
        client.me()


def test_a_wrong_password_is_tried_once() -> None:
    server = Responses(problem(401, "invalid_credentials"))
    http = httpx.Client(transport=httpx.MockTransport(server))
    with pytest.raises(Unauthorized):
        UserClient(URL, username="kim", password=PASSWORD, http=http).me()


@pytest.mark.parametrize(
    "credentials", [{}, {"username": "kim"}, {"key": KEY, "username": "kim", "password": "x"}, {"password": "x"}]
)
def test_credentials_must_be_of_one_kind(credentials: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Give one of these"):
        UserClient(URL, **credentials)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not the URL"):
        UserClient("chat.example.org", key=KEY)


def test_asynchronous_clients_do_the_same(server: Server, alice: Person, bob: Person) -> None:
    async def talk() -> tuple[list[str | None], list[str]]:
        async with AsyncUserClient(server.url, username=alice.name, password=PASSWORD) as client:
            chat = await client.create_direct_chat(bob.id)
            await client.send(chat["id"], "Hello Bob!")
            await client.send_file(chat["id"], "a.pdf", b"%PDF-1.4\n%%EOF\n", content="For you")
            texts = [message["content"] async for message in client.messages(chat["id"])]
            return texts, [found["id"] async for found in client.search_chats(bob.name) if found["id"] == chat["id"]]

    texts, found = asyncio.run(talk())
    assert texts == ["For you", "Hello Bob!"]
    assert len(found) == 1


def test_a_session_begins_with_tokens_of_the_backend(server: Server, alice: Person) -> None:
    first = {"accessToken": alice.token, "refreshToken": alice.refresh_token, "expiresIn": 900}
    with UserClient(server.url, tokens=lambda: first) as client:
        assert client.me()["id"] == alice.id


def test_conversation_of_two_clients(server: Server, alice: Person, bob: Person) -> None:
    def client_of(person: Person) -> UserClient:
        return UserClient(server.url, username=person.name, password=PASSWORD)

    with client_of(alice) as client, client_of(bob) as other:
        group = client.create_group(name="Friends", memberIds=[bob.id])
        assert client.update_chat(group["id"], description="Us")["description"] == "Us"
        client.set_member_role(group["id"], bob.id, "ADMIN")
        assert {member["userId"]: member["role"] for member in client.members(group["id"])} == {
            alice.id: "ADMIN",
            bob.id: "ADMIN",
        }
        message = client.send(group["id"], "Helo")
        assert client.edit_message(message["id"], "Hello")["isEdited"]
        assert [each["content"] for each in other.messages(group["id"], after=0)] == ["Hello"]
        assert other.mark_read(group["id"])["readSeq"] == 1
        assert [each["status"] for each in client.statuses(message["id"])] == ["READ"]
        assert [chat["id"] for chat in other.sync({})["chats"]] == [group["id"]]
        client.delete_message(message["id"])
        assert next(client.messages(group["id"]))["isDeleted"]
        assert [user["username"] for user in client.search_users(bob.name)] == [bob.name]
        picture = client.set_chat_avatar(group["id"], "a.png", samples.image("PNG"), crop={"x": 0, "y": 0, "size": 8})
        assert (picture["avatar"] or "").startswith("/avatars/")
        assert client.delete_chat_avatar(group["id"])["avatar"] is None
        assert client.set_avatar("a.png", samples.image("PNG"))["avatar"]
        assert client.delete_avatar()["avatar"] is None
        other.leave_chat(group["id"])
        with pytest.raises(NotFound):
            other.get_chat(group["id"])
        client.delete_chat(group["id"])


def test_a_search_finds_messages_and_chats_and_users(server: Server, alice: Person, bob: Person) -> None:
    bob.patch("/users/me", {"displayName": "Robert Ångström"})
    chat_id = alice.direct_chat(bob)
    sent = [alice.send(chat_id, f"ferry number {number}")["id"] for number in range(3)]
    group = bob.group(alice, name="Ferry")
    late = bob.send(group, "no ferry today")["id"]
    with UserClient(server.url, username=alice.name, password=PASSWORD) as client:
        # The index follows within two seconds.
        eventually(lambda: any(client.search_messages("ferry today")), 15)
        hits = list(client.search_messages("ferry"))
        assert [hit["message"]["id"] for hit in hits] == [late, *reversed(sent)]
        assert (hits[0]["chat"]["name"], hits[0].get("highlights")) == ("Ferry", [[3, 5]])
        own = client.search_messages(
            "ferry", chat_id=chat_id, from_id=alice.id, after=datetime.now(UTC) - timedelta(hours=1)
        )
        assert [hit["message"]["id"] for hit in own] == sent[::-1]
        assert not list(client.search_messages("ferry", before=datetime.now(UTC) - timedelta(hours=1)))
        assert not list(client.search_messages("ferry", has="link", sort="best"))
        assert [chat["id"] for chat in client.search_chats("ÅNGST")] == [chat_id]
        assert [user["id"] for user in client.search_users(bob.name)] == [bob.id]


def test_positions_are_stored(tmp_path: Path) -> None:
    FileStorage(tmp_path / "bot.db").save({"a": Position(1, 2), "b": Position(3, 4)})
    FileStorage(tmp_path / "bot.db").save({"a": Position(5, 6), "b": None})
    assert FileStorage(tmp_path / "bot.db").load() == {"a": Position(5, 6)}


def test_a_bot_ends_if_it_is_not_accepted(server: Server, alice: Person) -> None:
    with pytest.raises(Unauthorized):
        Bot(UserClient(server.url, username=alice.name, password="Wrong4Horse")).run()


def public_methods(client: type) -> Iterator[tuple[str, Callable[..., object]]]:
    return ((name, method) for name, method in inspect.getmembers(client, callable) if not name.startswith("_"))


def test_every_method_is_documented() -> None:
    for client in (UserClient, AsyncUserClient, Bot, ChatClient, *map(type, vars(ChatClient(URL, KEY)).values())):
        assert all(method.__doc__ for _name, method in public_methods(client))


def test_generated_files_are_up_to_date(server: Server) -> None:
    command = [sys.executable, str(PYTHON / "scripts" / "generate.py"), "--check", server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_readme_programs_run(server: Server, backend: Backend, tmp_path: Path) -> None:
    environment = {"CHAT_URL": server.url, "CHAT_KEY": backend.key, "PYTHONPATH": str(PYTHON / "src")}
    shown = [program for program in programs(PYTHON / "README.md", {}) if program.language == "python"]
    for program in shown:
        program.run(tmp_path, environment)


PROGRAM = """
from chatapp_client import Bot, UserClient
from chatapp_client.types import MessageEvent

user = UserClient("http://127.0.0.1:1", key="csk_key")
bot = Bot(user)


@bot.on_message
def respond(message: MessageEvent) -> str | None:
    return message["content"]


def names() -> list[str]:
    return [chat["name"] or "" for chat in user.chats()]


user.update_me(avatr=None)  # type: ignore[call-arg]
"""


def test_wheel_has_types(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    python = str(tmp_path / "venv" / "bin" / "python")
    commands: list[list[str | Path]] = [
        ["build", "--offline", "--python", sys.executable, "--wheel", "--out-dir", wheels, PYTHON],
        ["venv", "--system-site-packages", "--python", sys.executable, tmp_path / "venv"],
    ]
    for command in commands:
        subprocess.run([uv.find_uv_bin(), *command], check=True, capture_output=True, timeout=60)
    (wheel,) = wheels.glob("*.whl")
    install: list[str | Path] = [
        uv.find_uv_bin(),
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--python",
        python,
        wheel,
    ]
    subprocess.run(install, check=True, capture_output=True, timeout=60)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\nwarn_unused_ignores = True\n")
    check = [sys.executable, "-m", "mypy", "--python-executable", python, "program.py"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
