"""The server behaves as the OpenAPI document says: more than a thousand requests are generated from it.

All operations take part; those that end a session, a chat or a membership get their own. The same seed generates the
same requests. `SCHEMATHESIS_EXAMPLES` is the number of random requests per operation (10 by default, in addition to
edge cases), `SCHEMATHESIS_SEED` the seed.
"""

import base64
import os
import secrets
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from sqlalchemy import Engine, text

from tests.conftest import NewPerson
from tests.people import PASSWORD, Person, data
from tests.server import Server

AnyCase = Case[Any]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
A_PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
SEED = int(os.environ.get("SCHEMATHESIS_SEED", "20261122"))


class Scene:
    """Existing users, chats and messages, whose ids replace random ids in three of four requests."""

    def __init__(self, server: Server, register_person: NewPerson, engine: Engine) -> None:
        self.server = server
        # Requests of each operation that were authenticated and sent.
        self.requested, self.made = Counter[str](), Counter[str]()
        self.owner, self.friend, self.stranger, self.clerk = (
            register_person(name) for name in ("owner", "friend", "stranger", "clerk")
        )
        with engine.begin() as db:
            db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": self.owner.id})
        self.group = self.new_group()
        self.direct = self.owner.direct_chat(self.friend)
        self.file_url = data(self.owner.upload(self.group, "dot.png", A_PNG))["fileUrl"]
        self.foreign = str(data(self.stranger.post("/chats/groups", {"name": "Theirs"}))["id"])

    def new_group(self) -> str:
        """A group of the owner and the friend, for operations that change or delete it."""
        body = {"name": "Group", "memberIds": [self.friend.id]}
        return str(data(self.owner.post("/chats/groups", body))["id"])

    def session(self) -> Person:
        """A new session of the owner, for operations that end it or use its refresh token."""
        account = {"email": self.owner.email, "password": PASSWORD}
        reply = requests.post(f"{self.server.url}/api/v1/auth/login", json=account, timeout=20)
        return Person(self.server.url, data(reply))

    def ids(self, operation: str, turn: int) -> dict[str, Callable[[], str]]:
        """Replacements for ids: mostly a group of the owner, sometimes another chat."""
        chat = (None, None, self.direct, self.foreign)[turn % 4]
        person = {"update_account": self.clerk, "set_member_role": self.friend, "add_member": self.stranger}.get(
            operation
        )
        person = person or (self.stranger, self.friend)[turn % 2]
        values: dict[str, Callable[[], str]] = {
            "chatId": lambda: chat or (self.group if operation in LASTING else self.new_group()),
            "messageId": lambda: str(self.owner.send(self.group, "Hello")["id"]),
            "userId": lambda: person.id,
            "refreshToken": lambda: self.session().refresh_token,
        }
        values["id"] = values["chatId" if operation == "list_messages" else "messageId"]
        return {name: cache(value) for name, value in values.items()}

    def token(self, case: AnyCase) -> str | None:
        """The caller: mostly the owner, sometimes a user with fewer permissions, or none."""
        operation = operation_id(case)
        self.requested[operation] += 1
        if case.operation.definition.raw["security"] == []:
            return None
        if operation == "logout":
            return self.session().token
        asking = {3: None, 6: self.stranger.token, 9: self.friend.token}
        return asking.get(self.requested[operation] % 11, self.owner.token)

    def prepare(self, case: AnyCase) -> None:
        """Make a generated request refer to existing objects."""
        operation = operation_id(case)
        self.made[operation] += 1
        turn, rest = divmod(self.made[operation], 4)
        make_real = rest != 0
        if make_real or (operation not in LASTING and self.group in str(case.path_parameters)):
            ids = self.ids(operation, turn + rest)
            for part in ("path_parameters", "body"):
                given = getattr(case, part)
                if (real := with_real_ids(given, "", ids)) != given:
                    setattr(case, part, real)
        if case.meta is None or case.meta.generation.mode.is_positive:
            self.make_plausible(case, operation, make_real)

    def make_plausible(self, case: AnyCase, operation: str, make_real: bool) -> None:
        """Existing names, correct passwords, and valid cursors.

        Names and addresses of examples are not registered: they are replaced by existing or new ones.
        """
        if operation == "get_user" and make_real:
            case.path_parameters = {"username": self.friend.name}
        if operation == "login" and make_real:
            case.body = {"email": self.owner.email, "password": PASSWORD}
        if operation == "download_file" and make_real:
            url = urlsplit(self.file_url)
            case.path_parameters = {"fileName": url.path.rpartition("/")[2]}
            case.query = case.query if self.made[operation] % 3 else {**dict(parse_qsl(url.query))}
        name = self.friend.name if make_real else f"fuzz_{secrets.token_hex(4)}"
        others = {"alice": name, "alice@example.org": f"{name}@example.org"}
        if isinstance(case.body, dict) and others.keys() & {case.body.get("username"), case.body.get("email")}:
            case.body = {key: others.get(str(value), value) for key, value in case.body.items()}
        if make_real and "cursor" in case.query:
            found = self.cursor(case)
            rest = {name: value for name, value in case.query.items() if name != "cursor"}
            case.query = rest | ({"cursor": found} if found else {})

    def cursor(self, case: AnyCase) -> str | None:
        """The cursor of the second page of the requested list, if there is one."""
        word = {"q": case.query["q"]} if "q" in case.query else {}
        reply = self.owner.get(case.formatted_path.removeprefix("/api/v1"), limit=1, **word)
        return reply.json()["meta"]["nextCursor"] if reply.ok else None


# Operations that leave a chat unchanged, so that they can share one.
LASTING = {"get_chat", "send_message", "list_messages", "mark_read", "sync"}
# Places of ids in a request, other than fields named after their type.
LISTS = {"memberIds": "userId", "messageIds": "messageId", "chats": "chatId"}


def with_real_ids(part: Any, name: str, ids: dict[str, Callable[[], str]]) -> Any:
    """A part of a request with its well-formed ids replaced."""
    if isinstance(part, dict):
        if name == "chats":
            return {with_real_ids(key, name, ids): value for key, value in part.items()}
        return {key: with_real_ids(value, key, ids) for key, value in part.items()}
    if isinstance(part, list):
        return [with_real_ids(item, name, ids) for item in part]
    kind = LISTS.get(name, name)
    return ids[kind]() if kind in ids and is_id(part) else part


def operation_id(case: AnyCase) -> str:
    return str(case.operation.definition.raw["operationId"])


def is_id(part: object) -> bool:
    try:
        return isinstance(part, str) and str(uuid.UUID(part)) == part.lower()
    except ValueError:
        return False


@dataclass
class Run:
    """The responses of all requests per operation, and the distinct findings."""

    replies: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    findings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        requests = sum(counter.total() for counter in self.replies.values())
        lines = [f"{label}: {dict(sorted(counter.items()))}" for label, counter in sorted(self.replies.items())]
        return "\n".join([f"{requests} requests, seed {SEED}", *lines])

    def note(self, recorder: ScenarioRecorder) -> None:
        """Process the recorded requests of an operation."""
        for case_id, interaction in recorder.interactions.items():
            response, case = interaction.response, recorder.cases[case_id].value
            if response is None:
                continue
            if interaction.request.method == case.operation.method.upper():
                self.replies[recorder.label][response.status_code] += 1
                if unnamed := unnamed_code(case, response):
                    self.findings[f"{recorder.label}: {response.status_code} has an unnamed code: {unnamed}"] = ""
            for check in recorder.checks.get(case_id, []):
                if check.failure_info and not is_expected(check.name, recorder.label, response):
                    failure = check.failure_info.failure
                    finding = f"{recorder.label}: {failure.title}: {failure.message}"
                    self.findings.setdefault(finding, check.failure_info.code_sample)


def unnamed_code(case: AnyCase, response: Response) -> str | None:
    """The `code` of an error whose status is documented but whose code is not."""
    replies = case.operation.definition.raw["responses"]
    content = replies.get(str(response.status_code), {}).get("content", {})
    examples = content.get("application/problem+json", {}).get("examples")
    code: str | None = response.json()["code"] if examples else None
    return None if examples is None or code in examples else code


# Rules that a schema can't express, by field: a request that breaks them looks valid.
RULES = {
    "content": "may be empty with a file only",
    "cursor": "is opaque: one that the server gave",
    "fileUrl": "is of a file that the sender can see",
    "messageIds": "are of this chat",
    "userId": "is of another user",
}


def is_expected(check: str, label: str, response: Response) -> bool:
    """True if a finding of a check is a false positive."""
    if check == "positive_data_acceptance" and response.status_code == 422:
        problem = response.json()
        wrong = set(problem.get("errors", {}))
        said = {message for messages in problem.get("errors", {}).values() for message in messages}
        # Patterns that all languages interpret alike can't contain the control characters beyond ASCII.
        if said == {"Contains a control character."}:
            return True
        return problem["code"] == "client_id_reused" or (bool(wrong) and wrong <= set(RULES))
    if check == "negative_data_rejection" and label == "POST /api/v1/messages/upload" and response.status_code == 201:
        return True  # It checks a body again after its ids were replaced, and then treats bytes as no string.
    # The signature in its query authenticates it too.
    return check == "ignored_auth" and label.startswith("GET /uploads/")


@pytest.fixture(scope="module")
def run(server: Server, register_person: NewPerson, engine: Engine) -> Run:
    """Send and check all requests of this run."""
    raw = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    # The longest string with this pattern is no UUID, as its format demands: nine tenths of the run searched for one.
    del raw["components"]["schemas"]["Refresh"]["properties"]["refreshToken"]["pattern"]
    document = schemathesis.openapi.from_dict(raw)
    document.config.update(base_url=server.url)
    document.config.seed = SEED
    document.config.continue_on_failure = True
    document.config.generation.update(max_examples=EXAMPLES, database="none", no_shrink=True)
    phases = document.config.phases
    phases.update(phases=["examples", "coverage", "fuzzing"])
    # It would take ids from responses and learn from errors, which differ between runs.
    phases.coverage.extra_data_sources.responses = phases.fuzzing.extra_data_sources.responses = False
    phases.fuzzing.error_feedback.is_enabled = False
    scene = Scene(server, register_person, engine)
    run = Run()

    @document.auth(refresh_interval=None)
    class Caller:
        def get(self, case: AnyCase, context: AuthContext) -> str | None:
            return scene.token(case)

        def set(self, case: AnyCase, data: str, context: AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {data}"

    @schemathesis.hook
    def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:
        scene.prepare(case)

    try:
        for event in from_schema(document).execute():
            if isinstance(event, events.ScenarioFinished):
                run.note(event.recorder)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                run.findings[str(event)] = ""
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister(before_call)
    print(run)
    return run


def test_every_response_matches_the_document(run: Run) -> None:
    findings = [f"{finding}\n{sample}" for finding, sample in run.findings.items()]
    assert not findings, "\n\n".join([f"seed {SEED}", *findings])


def test_every_operation_succeeds_once(run: Run) -> None:
    assert not [label for label, replies in run.replies.items() if min(replies) >= 400], str(run)
