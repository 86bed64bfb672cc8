"""The web client with a long history: `python -m bench.web.history [messages]`, 10,000 by default.

Starts a PostgreSQL, the server and a Chromium, opens a group with that many messages, scrolls back to the first one, and
prints the heap, the nodes of the list, the main thread's time for one incoming message and for one step of the wheel; then,
at the end of the chat, its tasks and the delay of keys while 50 messages a second arrive for 8 seconds.
"""

import json
import statistics
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

from playwright.sync_api import CDPSession, Page
from sqlalchemy import text
from websocket import create_connection

from chatapp.launcher.web import build
from tests.browser.chromium import chromium, require_chromium
from tests.browser.throwaway import throwaway_server
from tests.browser.visitor import Visitor
from tests.people import Person, data, register

MESSAGES = 10_000
SINGLE = 40
STEPS = 60
EACH_SECOND, SECONDS = 50, 8.0

FILL = text(
    """
    INSERT INTO messages (id, chat_id, seq, rev, sender_id, content, created_at)
    SELECT gen_random_uuid(), :chat, n, n + 1, (CAST(:people AS uuid[]))[1 + (n / 3) % 3],
           'message ' || n || repeat(' and some more words', (n * 7) % 11), now() - (:last + 1 - n) * interval '7 minutes'
    FROM generate_series(1, :last) n
    """
)
FILLED = (
    text("UPDATE chats SET last_seq = :last, last_rev = :last + 1 WHERE id = :chat"),
    text("UPDATE members SET delivered_seq = :last, read_seq = :last WHERE chat_id = :chat"),
)
LOAD_ALL = """async () => {
  const box = document.querySelector(".scroller");
  while (!document.querySelector(".beginning")) {
    box.scrollTop = 0;
    await new Promise(requestAnimationFrame);
  }
  box.scrollTop = 0;
}"""
NODES = """() => {
  const walker = document.createTreeWalker(document.querySelector(".messages"));
  let nodes = 0;
  while (walker.nextNode()) nodes += 1;
  return nodes;
}"""
# On the main thread, from the event to the end of the frame that shows its effect. A key waits for the next frame to
# begin, up to 16.7 ms by itself: `keyWork` leaves out that wait, between the end of its handlers and the frame.
OBSERVE = """() => {
  window.taken = { scroll: [], key: [], keyWork: [] };
  const afterFrame = (done) => {
    const channel = new MessageChannel();
    requestAnimationFrame(() => {
      const frameBegan = performance.now();
      channel.port1.onmessage = () => done(performance.now(), frameBegan);
      channel.port2.postMessage(null);
    });
  };
  addEventListener("scroll", () => {
    const began = performance.now();
    afterFrame((ended) => window.taken.scroll.push(ended - began));
  }, { capture: true });
  let pressed = 0;
  addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true });
  // The last listener of the event: the page has rendered the key.
  addEventListener("input", () => {
    const [began, handled] = [pressed, performance.now()];
    afterFrame((ended, frameBegan) => {
      window.taken.key.push(ended - began);
      window.taken.keyWork.push(ended - frameBegan + handled - began);
    });
  });
}"""


def busy(session: CDPSession) -> float:
    """The milliseconds of the processor that the page's main thread has used so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def centiles(values: list[float]) -> str:
    """p50, p99 and the worst of some milliseconds."""
    ranked = sorted(values) or [0.0]
    p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    return f"p50 {statistics.median(ranked):.1f} ms, p99 {p99:.1f} ms, worst {ranked[-1]:.1f} ms ({len(values)})"


def socket_of(person: Person) -> Any:
    """A user's connection."""
    socket = create_connection(f"ws{person.url.removeprefix('http')}/socket.io/?EIO=4&transport=websocket")
    socket.recv()
    socket.send("40/chat," + json.dumps({"token": person.token}))
    while not str(socket.recv()).startswith("40/chat,"):
        pass
    return socket


def talk(person: Person, chat: str, count: int, pause: float) -> None:
    """Send that many messages, one each `pause` seconds."""
    socket = socket_of(person)
    began = time.perf_counter()
    for turn in range(count):
        words = f"incoming {turn}" + " and some more words" * (turn % 7)
        socket.send("42/chat," + json.dumps(["message:send", {"chatId": chat, "content": words}]))
        time.sleep(max(0.0, began + (turn + 1) * pause - time.perf_counter()))
    socket.close()


def heap(session: CDPSession) -> float:
    """MB of JavaScript heap after a garbage collection."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def one_message(page: Page, session: CDPSession, sender: Person, chat: str) -> float:
    """Milliseconds of the main thread for one incoming message, beyond what an idle page uses."""
    seconds = SINGLE * 0.1 + 1
    began = busy(session)
    page.wait_for_timeout(seconds * 1000)
    idle = busy(session) - began
    talker = threading.Thread(target=talk, args=(sender, chat, SINGLE, 0.1))
    began = busy(session)
    talker.start()
    page.wait_for_timeout(seconds * 1000)
    taken = busy(session) - began
    talker.join()
    return (taken - idle) / SINGLE


def wheel(page: Page, direction: int) -> list[float]:
    """The main thread's milliseconds of each frame that a step of the wheel caused."""
    page.evaluate("() => (window.taken.scroll = [])")
    page.locator(".scroller").hover()
    for _ in range(STEPS):
        page.mouse.wheel(0, direction * 120)
        page.wait_for_timeout(30)
    page.wait_for_timeout(300)
    return list(page.evaluate("() => window.taken.scroll"))


def tasks_of(trace: bytes) -> list[float]:
    """The tasks of the renderer's main thread in a trace, in milliseconds of the processor, that took one or more."""
    events = json.loads(trace)["traceEvents"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    tasks: dict[tuple[int, int], list[float]] = {}
    for event in events:
        thread = (event["pid"], event["tid"])
        if event["name"].endswith("RunTask") and names.get(thread) == "CrRendererMain":
            tasks.setdefault(thread, []).append(event.get("tdur", event.get("dur", 0)) / 1000)
    busiest = max(tasks.values(), key=sum, default=[])
    return [task for task in busiest if task >= 1]


def burst(visitor: Visitor, senders: list[Person], chat: str) -> None:
    """Print tasks and keys while many messages arrive."""
    page = visitor.page
    browser = visitor.context.browser
    assert browser
    visitor.composer.focus()
    page.evaluate("() => Object.assign(window.taken, { key: [], keyWork: [] })")
    browser.start_tracing(
        page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    )
    pause = len(senders) / EACH_SECOND
    count = int(SECONDS / pause)
    talkers = [threading.Thread(target=talk, args=(sender, chat, count, pause)) for sender in senders]
    for talker in talkers:
        talker.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        page.keyboard.type("a")
        page.wait_for_timeout(100)
    for talker in talkers:
        talker.join()
    page.wait_for_timeout(500)
    tasks = tasks_of(browser.stop_tracing())
    print(f"tasks at {EACH_SECOND} messages a second: {centiles(tasks)}, {sum(task > 50 for task in tasks)} over 50 ms")
    taken = page.evaluate("() => window.taken")
    print(f"keys meanwhile: {centiles(taken['key'])}")
    print(f"keys meanwhile, without the wait for the next frame to begin: {centiles(taken['keyWork'])}")


def main() -> None:
    """Measure, and print."""
    last = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    build()
    executable = require_chromium()
    with ExitStack() as stack:
        server, engine = stack.enter_context(throwaway_server())
        alice, bob, carol = (register(server.url, name) for name in ("alice", "bob", "carol"))
        chat = data(alice.post("/chats/groups", {"name": "Long", "memberIds": [bob.id, carol.id]}))["id"]
        with engine.begin() as db:
            db.execute(FILL, {"chat": chat, "people": [alice.id, bob.id, carol.id], "last": last})
            for statement in FILLED:
                db.execute(statement, {"chat": chat, "last": last})
        visitor = Visitor(stack.enter_context(chromium(executable)), server.url)
        visitor.log_in(alice.name)
        page = visitor.page
        session = visitor.context.new_cdp_session(page)
        # The thread's own time: other processes of the machine don't count.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        visitor.entry("Long").click()
        page.wait_for_timeout(1000)
        print(f"heap with the newest page: {heap(session):.1f} MB")
        page.evaluate(LOAD_ALL)
        page.wait_for_timeout(1000)
        page.evaluate(OBSERVE)
        print(f"heap with {last:,} messages: {heap(session):.1f} MB")
        print(f"nodes of the list: {page.evaluate(NODES)}")
        print(f"a step of the wheel, down: {centiles(wheel(page, 1))}")
        print(f"a step of the wheel, up: {centiles(wheel(page, -1))}")
        print(f"one incoming message, read elsewhere: {one_message(page, session, bob, chat):.2f} ms")
        page.get_by_role("button", name="Go to the newest messages").click()
        page.wait_for_timeout(1000)
        print(f"one incoming message, at the end: {one_message(page, session, bob, chat):.2f} ms")
        burst(visitor, [bob, carol], chat)
        print(f"nodes of the list: {page.evaluate(NODES)}")
        print(f"heap at the end: {heap(session):.1f} MB")


if __name__ == "__main__":
    main()
