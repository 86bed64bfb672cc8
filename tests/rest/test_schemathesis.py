"""The server behaves as the OpenAPI document says: more than a thousand requests are generated from it.

All operations take part; those that end a session, a chat or a membership get their own. The same seed generates the
same requests. `SCHEMATHESIS_EXAMPLES` is the number of random requests per operation (10 by default, in addition to
edge cases), `SCHEMATHESIS_SEED` the seed.
"""

import base64
import hashlib
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from marshmallow import ValidationError
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from sqlalchemy import Engine, text

from chatapp.core.references import as_reference
from chatapp.features.keys.schemas import SCOPES
from tests.conftest import NewPerson, insert_key
from tests.people import PASSWORD, Person, data
from tests.server import Server

AnyCase = Case[Any]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
A_PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
SEED = int(os.environ.get("SCHEMATHESIS_SEED", "20261122"))


class Scene:
    """Existing users, chats and messages, whose ids replace random ids in three of four requests."""

    def __init__(self, server: Server, register_person: NewPerson, engine: Engine) -> None:
        self.server, self.engine, self.register_person = server, engine, register_person
        self.backend = insert_key(engine, server.url, SCOPES)
        # Requests of each operation that were authenticated and sent.
        self.requested, self.made = Counter[str](), Counter[str]()
        self.owner, self.friend, self.stranger, self.clerk = (
            register_person(name) for name in ("owner", "friend", "stranger", "clerk")
        )
        with engine.begin() as db:
            db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": self.owner.id})
        self.group = self.new_group()
        self.direct = self.owner.direct_chat(self.friend)
        data(self.owner.request("PUT", f"/chats/{self.group}/draft", json={"content": "Hello"}))
        self.file_url = data(self.owner.upload(self.group, "dot.png", A_PNG))["fileUrl"]
        picture = {"file": ("dot.png", A_PNG)}
        self.avatar = data(self.owner.request("PUT", "/users/me/avatar", files=picture))["avatar"]
        self.foreign = str(data(self.stranger.post("/chats/groups", {"name": "Theirs"}))["id"])

    def new_group(self) -> str:
        """A group of the owner and the friend, for operations that change or delete it."""
        body = {"name": "Group", "memberIds": [self.friend.id]}
        return str(data(self.owner.post("/chats/groups", body))["id"])

    def new_key(self) -> str:
        """An API key, for operations that change or revoke it; those before it are gone."""
        with self.engine.begin() as db:
            db.execute(text("DELETE FROM api_keys WHERE created_by = :id"), {"id": self.owner.id})
        return str(data(self.owner.post("/admin/keys", {"name": "key", "scopes": []}))["id"])

    def new_user(self) -> str:
        """A user of the app, for operations that change or erase them."""
        return f"ext:{data(self.backend.put(f'/server/users/{secrets.token_hex(8)}', {}))['externalId']}"

    def job(self) -> str:
        """A job: the server has some that are scheduled."""
        return str(data(self.owner.get("/admin/jobs"))[0]["id"])

    def report(self) -> str:
        """A report, which the friend made."""
        return str(data(self.friend.post("/reports", {"userId": self.owner.id, "reason": "spam"}))["id"])

    def session(self) -> Person:
        """A new session of the owner, for operations that end it or use its refresh token."""
        account = {"email": self.owner.email, "password": PASSWORD}
        reply = requests.post(f"{self.server.url}/api/v1/auth/login", json=account, timeout=20)
        return Person(self.server.url, data(reply))

    def session_id(self, person: Person) -> str:
        """The id of the session of this token."""
        return next(str(each["id"]) for each in data(person.get("/auth/sessions")) if "isCurrent" in each)

    def reset_code(self) -> str:
        """A code with which a new user resets the password."""
        code, person = secrets.token_urlsafe(32), self.register_person("resetting")
        kept = "INSERT INTO mail_codes (hash, user_id, kind, expires_at) VALUES (:hash, :id, 'reset', now() + interval '1 h')"
        with self.engine.begin() as db:
            db.execute(text(kept), {"hash": hashlib.sha256(code.encode()).digest(), "id": person.id})
        return code

    def ids(self, operation: str, turn: int) -> dict[str, Callable[[], str]]:
        """Replacements for ids: mostly a group of the owner, sometimes another chat."""
        chat = (None, None, self.direct, self.foreign)[turn % 4]
        person = PERSONS.get(operation, ("stranger", "friend")[turn % 2])
        values: dict[str, Callable[[], str]] = {
            "chatId": lambda: chat or (self.group if operation in LASTING else self.new_group()),
            "messageId": lambda: str(self.owner.send(self.group, "Hello")["id"]),
            "userId": lambda: getattr(self, person).id,
            "refreshToken": lambda: self.session().refresh_token,
            "keyId": self.new_key,
            "sessionId": lambda: self.session_id(self.session()),
            "senderId": lambda: self.owner.id,
            "reportId": self.report,
        }
        if operation not in NAMING:
            values["chat"] = values["chatId"]
            values["user"] = lambda: (
                self.friend.id if operation in ("set_server_member_role", "remove_server_member") else self.new_user()
            )
        ids_of = {"list_messages": values["chatId"], "get_job": self.job}
        values["id"] = ids_of.get(operation, values["messageId"])
        return {name: cache(value) for name, value in values.items()}

    def token(self, case: AnyCase) -> str | None:
        """The caller: mostly the owner, sometimes a user with fewer permissions, or none."""
        operation = operation_id(case)
        self.requested[operation] += 1
        if case.operation.definition.raw["security"] == []:
            return None
        if operation == "logout":
            return self.session().token
        if operation in ("change_password", "end_other_sessions"):
            return self.register_person("changing").token
        asking = {3: None, 6: self.stranger.token, 9: self.friend.token}
        # Administrators see jobs of others.
        is_for_servers = case.path.startswith("/api/v1/server/") and operation != "get_job"
        usual = self.backend.key if is_for_servers else self.owner.token
        return asking.get(self.requested[operation] % 11, usual)

    def prepare(self, case: AnyCase) -> None:
        """Make a generated request refer to existing objects."""
        operation = operation_id(case)
        self.made[operation] += 1
        turn, rest = divmod(self.made[operation], 4)
        make_real = rest != 0
        kept = {self.group, self.owner.id, self.friend.id, self.stranger.id}
        if make_real or (operation not in LASTING and any(id in str(case.path_parameters) for id in kept)):
            ids = self.ids(operation, turn + rest)
            if is_positive(case) and operation not in NAMING:
                # The other texts that the schema of a reference in a path accepts name nothing.
                named = {name: "ext:4711" for name in case.path_parameters if name in ("chat", "user")}
                case.path_parameters = {**case.path_parameters, **named}
            for part in ("path_parameters", "body"):
                given = getattr(case, part)
                if (real := with_real_ids(given, "", ids)) != given:
                    setattr(case, part, real)
        if is_positive(case):
            self.make_plausible(case, operation, make_real)

    def make_plausible(self, case: AnyCase, operation: str, make_real: bool) -> None:
        """Existing names, correct passwords, and valid cursors.

        Names and addresses of examples are not registered: they are replaced by existing or new ones.
        """
        if operation == "get_user" and make_real:
            case.path_parameters = {"username": self.friend.name}
        if make_real:
            self.make_plausible_session(case, operation)
        if operation == "login" and make_real:
            case.body = {"email": self.owner.email, "password": PASSWORD}
        if operation == "download_avatar" and make_real:
            case.path_parameters = {"name": self.avatar.rpartition("/")[2]}
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

    def make_plausible_session(self, case: AnyCase, operation: str) -> None:
        """New users for operations that end sessions, correct passwords, and valid codes."""
        if operation in OF_SESSIONS:
            person = self.register_person("ending")
            given = {"user": person.id, "sessionId": self.session_id(person)}
            case.path_parameters = {name: given[name] for name in case.path_parameters}
        elif operation == "issue_tokens":
            case.body = {"userId": self.register_person("issued").id}
        elif operation == "send_server_message":
            case.body = {"senderId": self.friend.id, "content": "Hello"}
        elif operation == "create_server_direct_chat":
            case.body = {"userIds": [self.friend.id, self.stranger.id]}
        elif operation == "create_report":
            case.body = {"messageId": self.owner.send(self.group, "Hello")["id"], "reason": "spam"}
        elif operation == "change_password":
            case.body = {"currentPassword": PASSWORD, "newPassword": "Battery5Staple"}
        elif operation == "reset_password":
            case.body = {"code": self.reset_code(), "newPassword": "Battery5Staple"}

    def cursor(self, case: AnyCase) -> str | None:
        """The cursor of the second page of the requested list, if there is one."""
        word = {"q": case.query["q"]} if "q" in case.query else {}
        reply = self.owner.get(case.formatted_path.removeprefix("/api/v1"), limit=1, **word)
        return reply.json()["meta"]["nextCursor"] if reply.ok else None


# Those with whom an operation can succeed; the others get a stranger or the friend in turn.
PERSONS = {"update_account": "clerk", "set_member_role": "friend", "remove_member": "friend", "add_member": "stranger"}
# Operations of servers on the sessions of a user.
OF_SESSIONS = {"list_sessions_of_user", "end_session_of_user", "end_sessions_of_user", "revoke_tokens"}
# The shared server accepts no tokens of an app: `test_app_tokens.py` has one that does.
NEVER_SUCCEED = {"POST /api/v1/auth/exchange"}
# Operations that leave a chat unchanged, so that they can share one.
LASTING = {"get_chat", "send_message", "list_messages", "mark_read", "sync", "get_message", "list_files", "send_signal"}
LASTING |= {"get_server_chat", "send_server_message", "list_server_messages", "get_draft"}
# Operations whose path has an external id that need not exist.
NAMING = {"put_user", "put_server_chat"}
# Places of ids in a request, other than fields named after their type.
LISTS = {
    "memberIds": "userId",
    "adminIds": "userId",
    "userIds": "userId",
    "messageIds": "messageId",
    "chats": "chatId",
    "chatIds": "chatId",
}


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


def is_positive(case: AnyCase) -> bool:
    """True if the request is to match the document."""
    return case.meta is None or case.meta.generation.mode.is_positive


def operation_id(case: AnyCase) -> str:
    return str(case.operation.definition.raw["operationId"])


def is_id(part: object) -> bool:
    """True for a UUID or the reference to an external id."""
    try:
        return isinstance(part, str) and bool(as_reference(part))
    except ValidationError:
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
    "around": "is not together with after or cursor",
    "data": "is bounded in bytes",
    "isMarkedUnread": "needs a message, and agrees with unreadFrom",
    "unreadFrom": "is a message of the chat after the caller joined",
    "upTo": "is a message of the chat",
    "format": "is of a message with senderId",
    "mentions": "are JSON in a form, and of a message with senderId",
    "metadata": "is JSON in a form, bounded in bytes, and of a message with senderId",
    "replyToId": "is a message of this chat, and of a message with senderId",
    "actsAs": "is a UUID or an external id, of an active user",
    "content": "may be empty with a file only",
    "crop": "is inside the image",
    "cursor": "is opaque: one that the server gave",
    "file": "is not empty",
    "fileUrl": "is of a file that the sender can see",
    "expiresAt": "is in the future",
    "emoji": "is one that Unicode recommends, or a name",
    "externalId": "occurs once in a batch",
    "isBot": "is set when the user is created",
    "name": "is required for a new group",
    "q": "has a word, and at most eight terms",
    "messageId": "is not together with userId or chatId in a report",
    "messageIds": "are of this chat, or each named once",
    "chatIds": "are each named once",
    "lifetime": "is for tokens without a refresh token, and at most a day",
    "user": "has an external id of visible characters, and a username that is not reserved",
    "newPassword": "is not common, and not the current one",
    "overlap": "is at most seven days",
    "system": "is of a message without senderId",
    "type": "is TEXT without senderId",
    "userId": "is of another user",
    "userIds": "are of two different users",
}
# What patterns that all languages interpret alike can't say: they can't contain the control characters beyond ASCII.
BEYOND_PATTERNS = {
    "Contains a control character.",
    "Must be 1–128 visible characters.",
    r"Must not contain / or \, begin with ext:, or be . or .. .",
}
# Paths beside one that ends with an external id, which PUT takes in every form.
BESIDE_IDS = ("POST /api/v1/server/users/lookup", "POST /api/v1/server/chats/direct")


def is_expected(check: str, label: str, response: Response) -> bool:
    """True if a finding of a check is a false positive."""
    if check == "positive_data_acceptance" and response.status_code == 400:
        return bool(response.json()["code"] == "cursor_invalid")
    if check == "positive_data_acceptance" and response.status_code == 415 and label.endswith("/avatar"):
        return True  # Generated bytes are no image.
    if check == "positive_data_acceptance" and response.status_code == 422:
        problem = response.json()
        # `users.3.isBot` is the field of an object in a list.
        wrong = {name.rpartition(".")[2] for name in problem.get("errors", {})}
        said = {message for messages in problem.get("errors", {}).values() for message in messages}
        if said and said <= BEYOND_PATTERNS:
            return True
        return problem["code"] in ("client_id_reused", "code_invalid") or (bool(wrong) and wrong <= set(RULES))
    # A query of many long external ids.
    if response.status_code == 414:
        return label == "GET /api/v1/server/users" and check != "status_code_conformance"
    if check == "allow_header_conformance" and label in BESIDE_IDS:
        allowed = {method.strip() for method in ",".join(response.headers["allow"]).split(",")}
        return allowed == {"OPTIONS", "POST", "PUT"}
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
    assert not [
        label for label, replies in run.replies.items() if min(replies) >= 400 and label not in NEVER_SUCCEED
    ], str(run)
