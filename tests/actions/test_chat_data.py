"""With `CHAT_DATA=server`, only servers set the data of chats."""

from dataclasses import replace

import pytest
from flask import Flask

from chatapp.core import settings
from chatapp.core.errors import Forbidden
from chatapp.core.identity import Principal
from chatapp.core.references import Reference
from chatapp.features.chats import actions as chats
from chatapp.features.server_chats import actions as server_chats
from tests.actions.conftest import actor
from tests.people import Person


@pytest.mark.parametrize("data", [{"team": 7}, None])
def test_users_do_not_set_data_that_the_app_manages(
    app: Flask, monkeypatch: pytest.MonkeyPatch, alice: Person, data: dict[str, int] | None
) -> None:
    with app.app_context():
        managed = replace(settings.current(), chat_data_managed=True)
        monkeypatch.setattr(settings, "current", lambda: managed)
        chat_id = chats.create_group(actor(alice), name="x", member_ids=[])["id"]
        with pytest.raises(Forbidden) as refused:
            chats.create_group(actor(alice), name="x", member_ids=[], data=data)
        assert refused.value.code == "chat_data_managed"
        with pytest.raises(Forbidden) as refused:
            chats.update_chat(actor(alice), chat_id, name="y", data=data)
        assert refused.value.code == "chat_data_managed"
        assert chats.update_chat(actor(alice), chat_id, name="y")["lastRev"] == 2
        chat = server_chats.update_chat(Principal("cli", None, "cli"), Reference(id=chat_id), data={"team": 7})
        assert (chat["name"], chat["data"]) == ("y", {"team": 7})
