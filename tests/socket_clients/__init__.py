"""Two Socket.IO clients with one interface: the official JavaScript client, and python-socketio.

    with JsDriver() as driver:
        alice = driver.connect(url, token)        # or PyClient.connect(url, token)
        ack = alice.call("message:send", {"chatId": chat_id, "content": "Hello"})
        message = bob.wait_for("message:new", lambda payload: payload["id"] == ack["data"]["id"])

Both take options with the names and units of python-socketio: `reconnection_delay` in seconds, `headers`, and so on.
Neither reconnects without `reconnection=True`.
"""

from tests.socket_clients.javascript import JsClient, JsDriver
from tests.socket_clients.python import PyClient
from tests.socket_clients.surface import ConnectError, SocketClient

__all__ = ["ConnectError", "JsClient", "JsDriver", "PyClient", "SocketClient"]
