"""A client generated from the OpenAPI document supports a whole conversation."""

import importlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from tests.people import PASSWORD
from tests.server import Server

PACKAGE = "generated_chat_client"


def part(name: str) -> Any:
    """A module of the generated package."""
    return importlib.import_module(f"{PACKAGE}.{name}")


@pytest.fixture(scope="module")
def models(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The types of the generated client, importable in this context; its generation printed no warning."""
    folder = tmp_path_factory.mktemp("client")
    document = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    (folder / "openapi.json").write_text(json.dumps(document))
    # By default the generator formats its output with any formatter it finds.
    # Makes it treat files of any type as bytes.
    (folder / "config.yml").write_text("post_hooks: []\ncontent_type_overrides:\n  '*/*': application/octet-stream\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--config", "config.yml", "--output-path", PACKAGE]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield part("models")
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


class Speaker:
    """A logged-in user of the generated client."""

    def __init__(self, url: str, models: Any, name: str) -> None:
        self.models = models
        self._url = url
        self._client = part("client").Client(base_url=url, raise_on_unexpected_status=True)
        self.name = f"{name}_{secrets.token_hex(4)}"
        account = models.Register(email=f"{self.name}@example.org", username=self.name, password=PASSWORD)
        login = self("auth.register", body=account).data
        self.me = login.user
        self.refresh_token = login.refresh_token
        self.use(login.access_token)

    def use(self, token: str) -> None:
        """Use this access token from now on."""
        self.close()
        authenticated = part("client").AuthenticatedClient
        self._client = authenticated(base_url=self._url, token=token, raise_on_unexpected_status=True)

    def __call__(self, operation: str, *parts: UUID | str, **arguments: Any) -> Any:
        """The response of an operation: of a documented type, and no error."""
        parsed = part(f"api.{operation}").sync(*parts, client=self._client, **arguments)
        assert not isinstance(parsed, self.models.Problem), parsed
        return parsed

    def error(self, operation: str, *parts: UUID | str, **arguments: Any) -> str:
        """The code of the problem that an operation returns."""
        parsed = part(f"api.{operation}").sync(*parts, client=self._client, **arguments)
        assert isinstance(parsed, self.models.Problem), parsed
        return str(parsed.code)

    def close(self) -> None:
        self._client.get_httpx_client().close()


@pytest.fixture
def speaker(server: Server, models: Any) -> Iterator[Callable[[str], Speaker]]:
    """Registers users of the generated client."""
    speakers: list[Speaker] = []

    def register(name: str) -> Speaker:
        speakers.append(Speaker(server.url, models, name))
        return speakers[-1]

    yield register
    for each in speakers:
        each.close()


@pytest.fixture
def alice(speaker: Callable[[str], Speaker]) -> Speaker:
    return speaker("alice")


@pytest.fixture
def bob(speaker: Callable[[str], Speaker]) -> Speaker:
    return speaker("bob")


def test_two_people_talk(models: Any, alice: Speaker, bob: Speaker) -> None:
    chat = alice("chats.create_direct_chat", body=models.NewDirectChat(user_id=bob.me.id)).data
    assert chat.type_ is models.ChatType.DIRECT
    assert (chat.peer.username, chat.last_message, len(chat.members)) == (bob.name, None, 2)
    assert bob("chats.create_direct_chat", body=models.NewDirectChat(user_id=alice.me.id)).data.id == chat.id

    draft = models.SendMessage(chat_id=chat.id, content="Hello Bob!", client_id=uuid4())
    sent = alice("messages.send_message", body=draft).data
    assert alice("messages.send_message", body=draft).data.id == sent.id
    assert (sent.seq, sent.status, sent.type_) == (1, models.DeliveryStatus.SENT, models.MessageType.TEXT)
    assert abs((datetime.now(UTC) - sent.created_at).total_seconds()) < 60
    for number in range(2, 6):
        bob("messages.send_message", body=models.SendMessage(chat_id=chat.id, content=f"Number {number}"))

    page = alice("messages.list_messages", chat.id, limit=3)
    rest = alice("messages.list_messages", chat.id, limit=3, cursor=page.meta.next_cursor)
    assert [message.seq for message in page.data + rest.data] == [5, 4, 3, 2, 1]
    assert (page.meta.has_more, rest.meta.has_more, rest.meta.next_cursor) == (True, False, None)

    read = alice("messages.mark_read", chat.id).data
    assert (read.read_seq, read.unread_count, len(read.message_ids)) == (5, 0, 4)
    [status] = bob("messages.list_statuses", page.data[0].id).data
    assert (status.user_id, status.status) == (alice.me.id, models.DeliveryStatus.READ)

    edited = alice("messages.edit_message", sent.id, body=models.NewContent(content="Hello, Bob!")).data
    assert (edited.content, edited.is_edited) == ("Hello, Bob!", True)
    assert edited.edited_at is not None
    alice("messages.delete_message", sent.id)
    assert alice.error("messages.edit_message", sent.id, body=models.NewContent(content="Again")) == "conflict"

    known = models.Sync(chats=models.SyncChats.from_dict({str(chat.id): 6}))
    missed = bob("sync.sync", body=known).data
    [tombstone] = missed.messages[str(chat.id)]
    assert (tombstone.id, tombstone.is_deleted, tombstone.content) == (sent.id, True, None)
    assert [changed.id for changed in missed.chats] == [chat.id]


def test_a_group_comes_and_goes(models: Any, alice: Speaker, bob: Speaker, speaker: Callable[[str], Speaker]) -> None:
    carol = speaker("carol")
    group = alice("chats.create_group", body=models.NewGroup(name="Friends", member_ids=[bob.me.id])).data
    assert group.type_ is models.ChatType.GROUP
    assert {member.user_id: member.role for member in group.members} == {
        alice.me.id: models.MemberRole.ADMIN,
        bob.me.id: models.MemberRole.MEMBER,
    }
    added = alice("chats.add_member", group.id, body=models.NewMember(user_id=carol.me.id)).data
    assert (added.user.username, added.role) == (carol.name, models.MemberRole.MEMBER)
    assert bob.error("chats.update_chat", group.id, body=models.PatchChat(name="Bob's")) == "forbidden"
    assert alice("chats.update_chat", group.id, body=models.PatchChat(description="We")).data.description == "We"
    promoted = models.NewRole(role=models.MemberRole.ADMIN)
    assert alice("chats.set_member_role", group.id, bob.me.id, body=promoted).data.role is models.MemberRole.ADMIN
    alice("chats.remove_member", group.id, carol.me.id)
    assert carol.error("chats.get_chat", group.id) == "not_found"
    alice("chats.leave_chat", group.id)
    assert [member.user_id for member in bob("chats.get_chat", group.id).data.members] == [bob.me.id]
    bob("chats.delete_chat", group.id)
    assert bob("chats.list_chats").data == []


def test_an_account_is_found_changed_and_left(models: Any, alice: Speaker, bob: Speaker) -> None:
    assert bob("users.get_user", alice.name.upper()).data.id == alice.me.id
    assert alice.me.id in [user.id for user in bob("users.search_users", q=alice.name).data]
    avatar = "https://example.org/a.png"
    assert alice("users.update_me", body=models.PatchMe(avatar=avatar)).data.avatar == avatar
    assert alice("users.update_me", body=models.PatchMe(avatar=None)).data.avatar is None
    assert alice.error("users.update_me", body=models.PatchMe(username=bob.name)) == "username_taken"
    assert alice("users.get_me").data.role is models.Role.USER
    assert alice.error("admin.list_accounts") == "forbidden"

    tokens = alice("auth.refresh", body=models.Refresh(refresh_token=alice.refresh_token)).data
    alice.use(tokens.access_token)
    assert tokens.expires_in == 15 * 60
    alice("auth.logout")
    assert alice.error("users.get_me") == "token_invalid"
    login = alice("auth.login", body=models.Login(username=alice.name, password=PASSWORD)).data
    assert login.user.id == alice.me.id
