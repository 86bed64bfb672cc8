"""Reactions in any order and in any batches: limits, counts and events follow from them one after the other."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from chatapp.core import unit_of_work
from chatapp.core.errors import ChatError, Json
from chatapp.core.identity import Actor
from chatapp.features.messages.events import MessageChanged
from chatapp.features.reactions import effects
from chatapp.features.reactions.actions import react
from tests.property.actions_transport import ActionsTransport

MAX_DIFFERENT, MAX_OF_A_USER = 3, 2
EMOJI = [":a:", ":b:", ":c:", ":d:"]
NOT_FOUND, DELETED, TOO_MANY = "not_found", "message_deleted", "too_many_reactions"


class Step(NamedTuple):
    """One reaction; the last of the users is no member."""

    who: int
    message: int
    emoji: str
    on: bool
    unique: bool


STEP = st.builds(
    Step,
    st.integers(0, 3),
    st.integers(0, 1),
    st.sampled_from(EMOJI),
    st.sampled_from([True, True, False]),
    st.booleans(),
)
BATCHES = st.lists(st.lists(STEP, min_size=1, max_size=8), max_size=5)


@dataclass
class Model:
    """Who reacted to a message, as if one reaction came after the other. A client folds the events."""

    given: set[tuple[str, str]]
    deleted: bool = False

    def step(self, who: str, is_member: bool, step: Step) -> str | None:
        """The code of the error, if it is refused."""
        if not is_member:
            return NOT_FOUND
        if self.deleted:
            return DELETED
        if not step.on:
            self.given.discard((who, step.emoji))
            return None
        others = {(w, e) for w, e in self.given if step.unique and w == who and e != step.emoji}
        after = (self.given - others) | {(who, step.emoji)}
        is_new = (who, step.emoji) not in self.given
        if is_new and len({e for w, e in after if w == who}) > MAX_OF_A_USER:
            return TOO_MANY
        if is_new and len({e for _, e in after}) > MAX_DIFFERENT:
            return TOO_MANY
        self.given = after
        return None


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """The payloads of the announced changes."""
    found: list[Json] = []

    def note(event: Any) -> None:
        if isinstance(event, MessageChanged):
            found.append(dict(event.payload))

    monkeypatch.setattr(unit_of_work, "deliver", note)
    monkeypatch.setattr(effects, "MAX_REACTIONS", MAX_DIFFERENT)
    monkeypatch.setattr(effects, "MAX_OF_A_USER", MAX_OF_A_USER)
    return found


def outcomes(people: list[str], messages: list[str], batch: list[Step]) -> list[str | None]:
    """The code of the error of each reaction of a batch, if it was refused."""
    actors = {who: Actor(who, "", "someone", None, "USER") for who in people}
    pending = [
        react(actors[people[s.who]], message_id=messages[s.message], emoji=s.emoji, on=s.on, unique=s.unique)
        for s in batch
    ]
    found: list[str | None] = []
    for each in pending:
        try:
            each.get(timeout=20)
            found.append(None)
        except ChatError as error:
            found.append(error.code)
    return found


@settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(batches=BATCHES, delete_after=st.integers(0, 6))
def test_reactions_have_the_effects_of_one_after_the_other(
    actions_transport: ActionsTransport,
    engine: Engine,
    announced: list[Json],
    batches: list[list[Step]],
    delete_after: int,
) -> None:
    people = actions_transport.people[:4]
    chat = actions_transport.new_group(people[0], "Group", people[1:3])["id"]
    messages = [actions_transport.send(people[0], chat, "Hello")[0]["id"] for _ in range(2)]
    models = {message: Model(set()) for message in messages}
    announced.clear()
    for number, batch in enumerate(batches):
        expected = [models[messages[s.message]].step(people[s.who], s.who < 3, s) for s in batch]
        assert outcomes(people, messages, batch) == expected
        if number == delete_after:
            actions_transport.delete(people[0], messages[1])
            models[messages[1]] = Model(set(), deleted=True)
    stored = rows(engine, messages)
    for message, model in models.items():
        assert set(stored[message]) == model.given
        check_events([each for each in announced if each["messageId"] == message], model)
    shown = {each["id"]: each for each in actions_transport.history(people[1], chat, limit=10)[0]}
    for message, model in models.items():
        for reaction in shown[message].get("reactions", []):
            users = [who for who, emoji in stored[message] if emoji == reaction["emoji"]]
            assert (reaction["count"], reaction["userIds"]) == (len(users), users)
            assert reaction.get("mine", False) is ((people[1], reaction["emoji"]) in model.given)
        assert {each["emoji"] for each in shown[message].get("reactions", [])} == {emoji for _, emoji in model.given}


def rows(engine: Engine, messages: list[str]) -> dict[str, list[tuple[str, str]]]:
    """The stored reactions of each message, oldest first."""
    statement = """
        SELECT message_id::text, user_id::text, emoji FROM reactions
        WHERE message_id = ANY(CAST(:ids AS uuid[])) ORDER BY created_at, user_id
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with engine.connect() as db:
        for message, who, emoji in db.execute(text(statement), {"ids": messages}):
            found[message].append((who, emoji))
    return found


def check_events(events: list[Json], model: Model) -> None:
    """A client that only has the events of a message knows who reacted to it."""
    known: set[tuple[str, str]] = set()
    revs = [event["rev"] for event in events]
    assert revs == sorted(set(revs))
    for event in events:
        assert event["actors"], "An event without effect."
        for actor in event["actors"]:
            pair = (actor["userId"], actor["emoji"])
            assert (pair in known) is not actor["on"], "An action without effect."
            known ^= {pair}
        counts = {each["emoji"]: each["count"] for each in event["changes"]["reactions"] or []}
        assert counts == {emoji: sum(e == emoji for _, e in known) for emoji in {e for _, e in known}}
    assert model.deleted or known == model.given
