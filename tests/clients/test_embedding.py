"""Apps with the code of docs/embedding-*.md: two of their users talk, and follow their app."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from tests.embedding import django_shop, express_shop, new_user_id, next_shop
from tests.people import Backend, Person, data, problem
from tests.server import Server

Shop = Callable[[Path, Mapping[str, str]], AbstractContextManager[str]]


class Shopper:
    """A user of a shop."""

    def __init__(self, shop: str, name: str) -> None:
        self.shop = shop
        self.id = new_user_id()
        self.http = requests.Session()
        assert self.http.get(f"{shop}/sign-in/{self.id}/{name}", timeout=20).ok

    def post(self, path: str) -> requests.Response:
        """The response of the shop."""
        csrf = {"X-CSRFToken": self.http.cookies.get("csrftoken", "")}
        return self.http.post(f"{self.shop}/chat{path}", headers=csrf, timeout=20, allow_redirects=False)

    def person(self, server: Server) -> Person:
        """The user on the chat server."""
        login = self.post("/tokens").json()
        return Person(server.url, login)


SHOPS: list[Shop] = [django_shop, express_shop, next_shop]


@pytest.mark.parametrize("shop", SHOPS)
def test_two_users_of_an_app_talk(shop: Shop, server: Server, backend: Backend, tmp_path: Path) -> None:
    with shop(tmp_path, {"CHAT_URL": server.url, "CHAT_KEY": backend.key}) as url:
        nia, moe = Shopper(url, "Nia"), Shopper(url, "Moe")
        first, second = nia.person(server), moe.person(server)
        assert nia.person(server).id == first.id != second.id
        chat = get(f"{url}/introduce/{nia.id}/{moe.id}").json()
        assert chat["id"] == get(f"{url}/introduce/{moe.id}/{nia.id}").json()["id"]
        first.send(chat["id"], "Hello Moe!")
        (message,) = data(second.get(f"/messages/{chat['id']}"))
        assert (message["content"], message["sender"]["displayName"]) == ("Hello Moe!", "Nia")

        # Guests get no tokens.
        guest = requests.post(f"{url}/chat/tokens", timeout=20, allow_redirects=False)
        assert guest.status_code in (302, 401, 403)
        assert "accessToken" not in guest.text

        if shop is not next_shop:
            get(f"{url}/change/{moe.id}/Maureen/1")
            assert data(first.get(f"/users/{second.name}"))["displayName"] == "Maureen"
            get(f"{url}/change/{moe.id}/Maureen/0")
            assert problem(second.get("/users/me")) == (401, "token_invalid")
            get(f"{url}/remove/{moe.id}")
            assert problem(first.get(f"/users/{second.name}"))[0] == 404


def get(url: str) -> requests.Response:
    response = requests.get(url, timeout=20)
    assert response.ok, response.text
    return response
