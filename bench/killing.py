"""What is left of what was acknowledged, when the server (kill -9) and PostgreSQL (at once) end under full load."""

from collections import defaultdict

import orjson
from sqlalchemy import text

from bench.measure import Result, measured
from bench.site import PORT, Site
from bench.sockets import Client, Crowd, Packet
from bench.talking import TEXT, WARM_SECONDS, Conversation

SECONDS = 5.0
_STORED = text("SELECT chat_id::text, id::text, content FROM messages WHERE content LIKE :said ORDER BY chat_id, seq")


def killed(site: Site, count: int = 100) -> Result:
    """Pairs that talk as fast as they can, until the server and PostgreSQL are killed; then what PostgreSQL has.

    RuntimeError when anything is wrong with that: a median over several runs would hide it. The last send of each pair may be stored without having been acknowledged.
    """
    result = Result(f"killed, {count} pairs, closed loop", "messages")
    people = site.users(2 * count)
    crowd = Crowd(PORT)
    talk = Conversation(site, crowd)
    acknowledged: set[str] = set()

    def on_packet(client: Client, packet: Packet) -> None:
        if packet[:3] == b"43/":
            acknowledged.add(orjson.loads(packet[packet.index(b"[") :])[0]["data"]["id"])
        talk.on_packet(client, packet)

    for n in range(count):
        talk.chats[2 * n] = site.chat(people[2 * n : 2 * n + 2], type="DIRECT")
    site.tidy()
    for client in crowd.connect((person.token for person in people), on_packet)[::2]:
        talk.send(client)
    crowd.run(WARM_SECONDS)
    with measured(site, result) as clock:
        crowd.run(SECONDS)
        clock.done, clock.latencies = talk.done, talk.latencies
    site.kill()
    try:
        crowd.run(5)  # What was on its way still counts, up to the end of the first connection.
    except ConnectionError:
        pass
    crowd.close()
    site.postgres.start()
    with site.engine.connect() as db:
        stored = db.execute(_STORED, {"said": f"{TEXT}%"}).all()
    said = defaultdict(list)
    for chat_id, _, content in stored:
        said[chat_id].append(content)
    result.more["acknowledged"] = len(acknowledged)
    result.more["lost"] = len(acknowledged - {id for _, id, _ in stored})
    result.more["duplicated"] = len(stored) - len({content for _, _, content in stored})
    result.more["out of order"] = sum(each != sorted(each) for each in said.values())
    if any(result.more[fault] for fault in ("lost", "duplicated", "out of order")):
        raise RuntimeError(f"What was acknowledged did not hold: {result.more}")
    return result
