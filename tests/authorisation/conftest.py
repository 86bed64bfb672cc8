"""The people of every matrix, and what they ask about."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text

from tests.conftest import NewPerson
from tests.people import Person, data

# Who asks. The last two have their role on this server and are in no chat of the scene.
PEOPLE = ("outsider", "ex_member", "member", "group_admin", "moderator", "admin")
A_PDF = b"%PDF-1.7\n%%EOF\n"


@dataclass
class Scene:
    """A group with a message and a file, a user who can be added, and one whom servers change."""

    chat_id: str
    message_id: str
    file_name: str
    author: Person
    stranger: Person
    spare: Person


@pytest.fixture(scope="package")
def people(register_person: NewPerson, engine: Engine) -> dict[str, Person]:
    """One of each kind."""
    found = {name: register_person(name[:8]) for name in (*PEOPLE, "author", "stranger", "spare")}
    with engine.begin() as db:
        for name in ("moderator", "admin"):
            role = {"role": name.upper(), "id": found[name].id}
            db.execute(text("UPDATE users SET role = :role WHERE id = :id"), role)
    return found


def new_scene(people: dict[str, Person]) -> Scene:
    """A new group, as the kinds of people have it."""
    owner, author = people["group_admin"], people["author"]
    members = [people[name].id for name in ("member", "ex_member", "author")]
    chat_id = data(owner.post("/chats/groups", {"name": "Scene", "memberIds": members}))["id"]
    assert owner.delete(f"/chats/{chat_id}/members/{people['ex_member'].id}").status_code == 204
    message_id = author.send(chat_id, "Hello")["id"]
    file_url = data(author.upload(chat_id, "notes.pdf", A_PDF))["fileUrl"]
    file_name = urlsplit(file_url).path.rpartition("/")[2]
    return Scene(chat_id, message_id, file_name, author, people["stranger"], people["spare"])


@pytest.fixture
def scene(people: dict[str, Person]) -> Scene:
    """A scene for one test to change."""
    return new_scene(people)


@pytest.fixture(scope="package")
def lasting_scene(people: dict[str, Person]) -> Scene:
    """A scene for requests that read, or that are refused."""
    return new_scene(people)
