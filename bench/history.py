"""What a page of history costs with 1,000 and with 1,000,000 stored messages: `python -m bench.history`.

Starts a PostgreSQL with fsync on and the server on it, fills one chat, and asks for the newest and for deep pages of
50 over one keep-alive connection. Prints milliseconds: p50 and p99.
"""

import base64
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import end, spawn

ROOT = Path(__file__).resolve().parent.parent
PORT = 3917
REQUESTS = 2000
SIZES = (1_000, 1_000_000)
FILL = """
    INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
    SELECT gen_random_uuid(), :chat_id, n, n + 1, :sender_id, 'message number ' || n || ' of a long conversation'
    FROM generate_series(:first, :last) n
"""


def call(path: str, body: Any, token: str = "") -> Any:
    """The `data` of a POST."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/api/v1{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def measure(chat_id: str, token: str, stored: int, *, deep: bool) -> tuple[float, float]:
    """The p50 and p99 of a page in milliseconds; the first page, or pages from anywhere."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    headers = {"Authorization": f"Bearer {token}"}
    cursors = [""]
    if deep:
        keys = [random.randrange(60, stored) for _ in range(REQUESTS)]
        cursors = [base64.urlsafe_b64encode(json.dumps(["before", key]).encode()).decode().rstrip("=") for key in keys]
    times = []
    for turn in range(REQUESTS):
        cursor = cursors[turn % len(cursors)]
        began = time.perf_counter()
        connection.request("GET", f"/api/v1/messages/{chat_id}" + (cursor and f"?cursor={cursor}"), headers=headers)
        answer = connection.getresponse()
        page = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        assert page.count(b'"seq"') == 50, page[:200]
    centiles = statistics.quantiles(times, n=100)
    return centiles[49], centiles[98]


def main() -> None:
    """Run both sizes and print a table."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder, "postgres")) as postgres:
        postgres.create_database("bench")
        url = postgres.url("bench")
        changes = {"DATABASE_URL": url, "INSTANCE_PATH": folder, "PORT": str(PORT), "RATELIMIT_ENABLED": "false"}
        environment = os.environ | changes | {"LOG_LEVEL": "warning"}
        migrate = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, capture_output=True)
        server = spawn([sys.executable, "-m", "gunicorn", "wsgi:app"], env=environment, cwd=ROOT)
        try:
            wait_until_healthy()
            report(url)
        finally:
            end(server, (signal.SIGTERM, 5))


def wait_until_healthy() -> None:
    """Return when the server answers."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz"):
                return
        except OSError:
            time.sleep(0.1)


def report(url: str) -> None:
    """Fill the chat to each size and measure."""
    people = [
        call("/auth/register", {"email": f"{name}@example.org", "username": name, "password": "Correct4Horse"})
        for name in ("reader", "writer")
    ]
    token = people[0]["accessToken"]
    chat_id = call("/chats/direct", {"userId": people[1]["user"]["id"]}, token)["id"]
    print(f"{'stored':>9}  {'page':<6} {'p50 ms':>7} {'p99 ms':>7}")
    stored = 0
    engine = create_engine(url)
    for size in SIZES:
        with engine.begin() as db:
            values = {"chat_id": chat_id, "sender_id": people[1]["user"]["id"], "first": stored + 1, "last": size}
            db.execute(text(FILL), values)
            db.execute(
                text("UPDATE chats SET last_seq = :n, last_rev = :n + 1 WHERE id = :id"), {"n": size, "id": chat_id}
            )
            db.execute(
                text("UPDATE members SET delivered_seq = :n, read_seq = :n WHERE chat_id = :id"),
                {"n": size, "id": chat_id},
            )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(text("VACUUM ANALYZE"))
        stored = size
        for deep in (False, True):
            measure(chat_id, token, stored, deep=deep)
            p50, p99 = measure(chat_id, token, stored, deep=deep)
            print(f"{size:>9,}  {'deep' if deep else 'first':<6} {p50:>7.2f} {p99:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
