"""Reactions over several workers at once."""

import random
from concurrent.futures import ThreadPoolExecutor

import requests
from sqlalchemy import Engine, text

from tests.multiworker.conftest import WorkersServer
from tests.people import Person, data, register

PEOPLE = 6
CALLS = 240
EMOJI = [f":{n}:" for n in range(24)]
RECOUNT = text("SELECT emoji, count(*) AS n FROM reactions WHERE message_id = :id GROUP BY emoji")
OF_A_USER = text(
    "SELECT max(n) FROM (SELECT count(*) AS n FROM reactions WHERE message_id = :id GROUP BY user_id) each"
)


def call(person: Person, message_id: str, seed: int) -> int:
    """Give or take back a reaction, on a connection of its own, so that any worker handles it; the status."""
    chance = random.Random(seed)
    emoji, method = chance.choice(EMOJI), chance.choice(["PUT", "PUT", "PUT", "DELETE"])
    url = f"{person.url}/api/v1/messages/{message_id}/reactions/{emoji}"
    query = {"unique": "true"} if chance.random() < 0.1 else {}
    return requests.request(
        method, url, params=query, headers={"Authorization": f"Bearer {person.token}"}, timeout=20
    ).status_code


def test_counts_and_limits_are_exact_over_workers(workers: WorkersServer, engine: Engine) -> None:
    people = [register(workers.url) for _ in range(PEOPLE)]
    chat = people[0].group(*people[1:])
    messages = [people[0].send(chat, "Hello") for _ in range(2)]
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(call, people[seed % PEOPLE], messages[seed % 7 > 4]["id"], seed) for seed in range(CALLS)]
        statuses = {each.result() for each in calls}
    assert statuses == {200, 409}
    with engine.connect() as db:
        for message in data(people[0].get(f"/messages/{chat}")):
            shown = {each["emoji"]: each["count"] for each in message["reactions"]}
            assert shown == {row.emoji: row.n for row in db.execute(RECOUNT, {"id": message["id"]})}
            assert len(shown) <= 20
            assert db.scalar(OF_A_USER, {"id": message["id"]}) <= 10
