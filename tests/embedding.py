"""Applications that embed the chat, with the code of the pages in docs/ and the rest of an application around it."""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from chatapp.launcher.node import ensure_node_modules, node_binary
from tests.clients.package import PACKAGE
from tests.server import ROOT, START_SECONDS, free_port
from tests.socket_clients.javascript import JS

DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A(?:#|//|<!--) (\S+\.\w+)(?: -->)?\n")
# What the page of the overview stands for, with the packages that it imports.
IMPORTS = """<script type="importmap">{"imports": {
  "@chatapp/client": "/library/index.js", "socket.io-client": "/socket.io-client/socket.io.esm.min.js"
}}</script>"""
LIBRARY = PACKAGE / "build" / "src"
SOCKET_IO = PACKAGE / "node_modules" / "socket.io-client" / "dist"

SETTINGS = """
SECRET_KEY = "of the shop"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "chat.apps.ChatConfig"
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth"
    ]},
}]
"""
APPS = """
from django.apps import AppConfig

class ChatConfig(AppConfig):
    name = "chat"

    def ready(self):
        import chat.signals
"""
URLS = f"""
from django.contrib.auth import get_user_model, login, logout
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import include, path
from django.views.static import serve

from chat.views import introduce

def sign_in(request, user_id, name):
    user, _ = get_user_model().objects.get_or_create(pk=user_id, defaults={{"username": name, "first_name": name}})
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("/chat/")

def sign_out(request):
    logout(request)
    return redirect("/chat/")

def introduced(request, first, second):
    users = get_user_model().objects
    return JsonResponse(introduce(users.get(pk=first), users.get(pk=second)))

def change(request, user_id, name, is_active):
    user = get_user_model().objects.get(pk=user_id)
    user.first_name, user.is_active = name, bool(is_active)
    user.save()
    return HttpResponse()

def remove(request, user_id):
    get_user_model().objects.get(pk=user_id).delete()
    return HttpResponse()

urlpatterns = [
    path("chat/", include("chat.urls")),
    path("sign-in/<int:user_id>/<name>", sign_in),
    path("sign-out", sign_out),
    path("introduce/<int:first>/<int:second>", introduced),
    path("change/<int:user_id>/<name>/<int:is_active>", change),
    path("remove/<int:user_id>", remove),
    path("library/<path:path>", serve, {{"document_root": {str(LIBRARY)!r}}}),
    path("socket.io-client/<path:path>", serve, {{"document_root": {str(SOCKET_IO)!r}}}),
]
"""
USERS = """
const users = new Map();
export const findUser = (id) => users.get(Number(id));
export const signIn = (id, name) => users.set(Number(id), { id: Number(id), name });
"""
# The cookie is the session: this application trusts its users.
EXPRESS = """
import express from "express";
import { introduce, tokens } from "./chat.js";
import { userBlocked, userChanged, userDeleted } from "./chat-users.js";
import { findUser, signIn } from "./users.js";

const app = express();
const cookie = (req) => /user=(\\d+)/.exec(req.headers.cookie ?? "")?.[1];
app.use((req, res, next) => { req.user = findUser(cookie(req)); next(); });
app.post("/chat/tokens", tokens);
app.get("/introduce/:first/:second", async (req, res) => {
  res.json(await introduce(findUser(req.params.first), findUser(req.params.second)));
});
app.get("/sign-in/:id/:name", (req, res) => {
  signIn(req.params.id, req.params.name);
  res.cookie("user", req.params.id).sendStatus(204);
});
const after = (change) => async (req, res) => { await change(findUser(req.params.id)); res.sendStatus(204); };
app.get("/change/:id/:name/:active", async (req, res) => {
  const user = signIn(req.params.id, req.params.name).get(Number(req.params.id));
  await userChanged(user);
  if (req.params.active === "0") await userBlocked(user);
  res.sendStatus(204);
});
app.get("/remove/:id", after(userDeleted));
app.listen(process.env.PORT, "127.0.0.1");
"""
# The part of Next.js that calls route handlers.
NEXT = """
import { createServer } from "node:http";
import { POST as tokens } from "./app/chat/tokens/route.js";
import { introduce } from "./lib/chat.js";
import { findUser, request, signIn } from "./lib/users.js";

createServer(async (req, res) => {
  const [, kind, first, second] = req.url.split("/");
  const user = /user=(\\d+)/.exec(req.headers.cookie ?? "")?.[1];
  if (kind === "sign-in") {
    signIn(first, second);
    res.writeHead(204, { "Set-Cookie": `user=${first}; Path=/` }).end();
  } else if (kind === "introduce") {
    res.end(JSON.stringify(await introduce(findUser(first), findUser(second))));
  } else {
    const response = await request.run(user, tokens);
    res.writeHead(response.status, { "Content-Type": "application/json" }).end(await response.text());
  }
}).listen(process.env.PORT, "127.0.0.1");
"""
NEXT_USERS = """
import { AsyncLocalStorage } from "node:async_hooks";
export const request = new AsyncLocalStorage();
const users = new Map();
export const findUser = (id) => users.get(Number(id));
export const currentUser = async () => findUser(request.getStore());
export const signIn = (id, name) => users.set(Number(id), { id: Number(id), name });
"""


def files(page: str) -> dict[str, str]:
    """The files that a page shows: blocks that begin with a comment of their path."""
    blocks = [block for _language, block in FENCE.findall((DOCS / page).read_text())]
    return {match[1]: block for block in blocks if (match := FILE.match(block))}


def the_page() -> str:
    """The page of docs/embedding.md."""
    page: str
    (page,) = [block for language, block in FENCE.findall((DOCS / "embedding.md").read_text()) if language == "html"]
    return IMPORTS + page


def new_user_id() -> int:
    """An id of a new user of a shop: shops of several tests share a chat server, and so the ids of their users."""
    return 1000 + secrets.randbelow(2**31 - 1000)


@contextmanager
def django_shop(folder: Path, chat: Mapping[str, str], page: str | None = None) -> Iterator[str]:
    """The URL of a Django project with the code of its page; `chat` has CHAT_URL and CHAT_KEY."""
    shown = files("embedding-django.md")
    shown["chat/templates/chat.html"] = shown["chat/templates/chat.html"].replace(
        "<!-- the page -->", page or the_page()
    )
    own = {"shop/settings.py": SETTINGS, "shop/urls.py": URLS, "chat/apps.py": APPS}
    environment = dict(chat) | {"DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{folder}:{PYTHON_SOURCE}"}
    write(folder, shown | own)
    run = [sys.executable, "-m", "django"]
    migrate = subprocess.run([*run, "migrate", "-v0"], cwd=folder, env=os.environ | environment, capture_output=True)
    assert migrate.returncode == 0, migrate.stderr.decode()
    port = free_port()
    with running([*run, "runserver", "--noreload", f"127.0.0.1:{port}"], folder, environment, port) as url:
        yield url


@contextmanager
def express_shop(folder: Path, chat: Mapping[str, str]) -> Iterator[str]:
    """The URL of an Express app with the code of its page."""
    own = {"server.js": EXPRESS, "users.js": USERS}
    with node_shop(folder, {**files("embedding-express.md"), **own}, chat) as url:
        yield url


@contextmanager
def next_shop(folder: Path, chat: Mapping[str, str]) -> Iterator[str]:
    """The URL of a server that calls the route handlers of the page about Next.js."""
    own = {"server.js": NEXT, "lib/users.js": NEXT_USERS}
    with node_shop(folder, {**files("embedding-nextjs.md"), **own}, chat) as url:
        yield url


@contextmanager
def node_shop(folder: Path, texts: Mapping[str, str], chat: Mapping[str, str]) -> Iterator[str]:
    write(folder, {**texts, "package.json": '{"type": "module"}'})
    (folder / "node_modules").symlink_to(ensure_node_modules(JS))
    port = free_port()
    with running([node_binary(), "server.js"], folder, dict(chat) | {"PORT": str(port)}, port) as url:
        yield url


PYTHON_SOURCE = ROOT / "clients" / "python" / "src"


def write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@contextmanager
def running(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], port: int) -> Iterator[str]:
    """Run a server; yields its URL once it responds."""
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not responds(f"http://127.0.0.1:{port}/sign-in/999/probe"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def responds(url: str) -> bool:
    try:
        return requests.get(url, timeout=5, allow_redirects=False).status_code < 400
    except (requests.ConnectionError, requests.Timeout):
        return False
