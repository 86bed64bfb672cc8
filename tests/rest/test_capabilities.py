"""What the server says that it can do."""

from pathlib import Path

import requests

from tests.people import data
from tests.server import Server


def test_capabilities_are_public_and_can_be_cached(server: Server) -> None:
    response = requests.get(f"{server.url}/api/v1/capabilities", timeout=20)
    assert response.headers["Cache-Control"] == "public, max-age=60"
    found = data(response)
    assert set(found) == {
        "contract",
        "appName",
        "registration",
        "passwordLogin",
        "appTokens",
        "mail",
        "totp",
        "accountDeletion",
        "features",
        "limits",
    }
    assert (found["registration"], found["passwordLogin"]) == ("open", True)
    assert (found["contract"], found["appName"]) == ("1.1", "Chat")
    assert {"server_keys", "act_as", "bots", "sessions", "profiles", "avatars"} <= set(found["features"])
    assert {"system_messages", "settings", "blocking"} <= set(found["features"])
    assert len(set(found["features"])) == len(found["features"])
    limits = {"content": 4000, "upload": 10485760, "groupMembers": 1000, "blocks": 1000, "searchQuery": 100}
    assert found["limits"] | limits == found["limits"]


def test_values_in_force_are_shown(database_url: str, tmp_path: Path) -> None:
    closed = {"REGISTRATION": "closed", "PASSWORD_LOGIN": "off"}
    with Server(database_url, tmp_path, APP_NAME="Acme", MAX_UPLOAD_MB="2", **closed) as server:
        found = data(requests.get(f"{server.url}/api/v1/capabilities", timeout=20))
    assert found["appName"] == "Acme"
    assert (found["registration"], found["passwordLogin"]) == ("closed", False)
    assert found["limits"]["upload"] == 2 * 1024 * 1024
