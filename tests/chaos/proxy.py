"""A proxy that simulates network faults: cut, delayed, stalled and half-open connections."""

import asyncio
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# A TCP port of this machine or of another one, or a unix socket.
Address = int | tuple[str, int] | Path
CHUNK = 65536


class _Link:
    """One connection through the proxy. `legs` are its connections to the client and to the server."""

    def __init__(self, legs: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self.legs = legs
        self.flows = asyncio.Event()
        self.flows.set()
        self.half = False

    def cut(self) -> None:
        """Both sides see a reset."""
        for leg in self.legs:
            leg.transport.abort()

    def lose(self, side: int) -> None:
        """One side sees the end; the other side sees nothing, and its data is dropped."""
        self.half = True
        self.legs[side].transport.abort()


class Proxy:
    """Forwards from `listen` to `target` in its own thread, until `close`.

    `before_listening` and `before_connecting` are called in that thread before it opens sockets of either kind.
    """

    def __init__(
        self,
        listen: Address,
        target: Address,
        *,
        before_listening: Callable[[], None] = lambda: None,
        before_connecting: Callable[[], None] = lambda: None,
    ) -> None:
        self._listen = listen
        self._target = target
        self._before_listening = before_listening
        self._before_connecting = before_connecting
        self._links: set[_Link] = set()
        self._delay = 0.0
        self._blocked = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {target}", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)

    def cut(self, chance: float, rng: random.Random) -> int:
        """End each connection with that probability; returns their number."""
        return self._inject(chance, rng, _Link.cut)

    def lose(self, chance: float, rng: random.Random) -> int:
        """Half-close each connection with that probability; returns their number."""
        return self._inject(chance, rng, lambda link: link.lose(rng.randrange(2)))

    def stall(self, chance: float, rng: random.Random, seconds: float) -> int:
        """Stall each connection for a while with that probability; returns their number."""

        def stall(link: _Link) -> None:
            link.flows.clear()
            self._loop.call_later(seconds, link.flows.set)

        return self._inject(chance, rng, stall)

    def delay(self, delay: float, seconds: float) -> None:
        """Delay all data that arrives within a while."""

        def slow_down() -> None:
            self._delay = delay
            self._loop.call_later(seconds, setattr, self, "_delay", 0.0)

        self._loop.call_soon_threadsafe(slow_down)

    def block(self) -> None:
        """Forward nothing until `heal`, on new connections either, and refuse none."""

        async def block() -> None:
            self._blocked = True
            for link in self._links:
                link.flows.clear()

        asyncio.run_coroutine_threadsafe(block(), self._loop).result(10)

    def heal(self) -> None:
        """Forward everything again, and end half-open connections."""

        async def heal() -> None:
            self._delay = 0.0
            self._blocked = False
            for link in list(self._links):
                link.flows.set()
                if link.half:
                    link.cut()

        asyncio.run_coroutine_threadsafe(heal(), self._loop).result(10)

    def close(self) -> None:
        """Stop, and end all connections."""

        async def end() -> None:
            self._server.close()
            for link in list(self._links):
                link.cut()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._before_listening()
        if isinstance(self._listen, Path):
            self._server = await asyncio.start_unix_server(self._forward, self._listen)
            self._listen.chmod(0o777)
        else:
            self._server = await asyncio.start_server(self._forward, *_host_and_port(self._listen), backlog=1024)
        self._before_connecting()

    async def _forward(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._target, Path):
                from_server, to_server = await asyncio.open_unix_connection(self._target)
            else:
                from_server, to_server = await asyncio.open_connection(*_host_and_port(self._target))
        except OSError:
            to_client.transport.abort()
            return
        link = _Link((to_client, to_server))
        if self._blocked:
            link.flows.clear()
        self._links.add(link)
        ways = self._pump(link, from_client, to_server), self._pump(link, from_server, to_client)
        # Cancelled by `close`, which has cut all connections.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*ways)
        self._links.discard(link)
        if link.half:
            link.cut()

    async def _pump(self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await link.flows.wait()
                if not link.half:
                    sink.write(data)
                    await sink.drain()
        if not link.half:
            with suppress(OSError):
                sink.close()

    def _inject(self, chance: float, rng: random.Random, fault: Callable[[_Link], None]) -> int:
        async def inject_all() -> int:
            links = [link for link in self._links if not link.half and rng.random() < chance]
            for link in links:
                fault(link)
            return len(links)

        return asyncio.run_coroutine_threadsafe(inject_all(), self._loop).result(10)


def _host_and_port(address: int | tuple[str, int]) -> tuple[str, int]:
    return ("127.0.0.1", address) if isinstance(address, int) else address
