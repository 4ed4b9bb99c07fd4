"""The sandbox on its port: listening, leaving and coming back, and stopping like a real server."""

import asyncio
import contextlib
import signal
import sys

from aiohttp import web

from mattermost_bridge.sandbox.app import Sandbox, build_application
from mattermost_bridge.sandbox.hub import cut

BACKLOG = 1024


class Server:
    """One sandbox behind one TCP port."""

    def __init__(self, sandbox: Sandbox, host: str, port: int) -> None:
        """`port` 0 takes a free one, and keeps it when the server comes back."""
        self.sandbox = sandbox
        self.host = host
        self.port = port
        sandbox.network = self
        self._runner = web.AppRunner(build_application(sandbox), access_log=None, shutdown_timeout=0.2)
        self._site: web.TCPSite | None = None
        self._return: asyncio.TimerHandle | None = None
        self._returning: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """Return the address of the sandbox."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken or the address is not ours."""
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        site = web.TCPSite(self._runner, self.host, self.port, backlog=BACKLOG)
        try:
            await site.start()
        except OSError:
            await site.stop()
            raise
        self._site = site
        self.port = self._runner.addresses[0][1]

    async def go_away(self, seconds: float | None, spare: asyncio.BaseTransport | None = None) -> None:
        """Stop listening and cut every connection except `spare`; come back after `seconds`, or when told."""
        self._forget_return()
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self._cut_all(spare)
        if seconds is not None:
            self._return = asyncio.get_running_loop().call_later(seconds, self.come_back_soon)

    def come_back_soon(self) -> None:
        """Listen again, from a timer or a signal."""
        self._returning = asyncio.create_task(self.come_back())

    async def come_back(self) -> None:
        """Listen again; while somebody else has the port, try once a second."""
        self._forget_return()
        while self._site is None:
            try:
                await self._listen()
            except OSError as error:
                sys.stderr.write(f"The sandbox cannot take port {self.port} again yet: {error.strerror}.\n")
                await asyncio.sleep(1)

    def _forget_return(self) -> None:
        if self._return is not None:
            self._return.cancel()
            self._return = None

    def _cut_all(self, spare: asyncio.BaseTransport | None = None) -> None:
        """Close every connection as a killed server does: EOF, no close frame."""
        for connection in self.sandbox.hub.all():
            connection.cut()
        server = self._runner.server
        for handler in list(server.connections) if server else []:
            if handler.transport is not spare:
                cut(handler.transport)

    async def stop(self) -> None:
        """Stop at once and write the state file for the last time."""
        self._forget_return()
        if self._returning is not None:
            self._returning.cancel()
        if self._site is not None:
            await self._site.stop()
        self._cut_all()
        self.sandbox.faults.clear()
        await self._runner.cleanup()
        await self.sandbox.snapshot.finish(self.sandbox.state)


async def serve_until_stopped(server: Server, *, watch_stdin: bool = False) -> None:
    """Serve, say so in one line, and stop at SIGTERM, SIGINT or, if asked, at the end of the standard input.

    SIGUSR1 brings a server back that is gone. Raises OSError when the port cannot be had.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, server.come_back_soon)
    await server.start()
    sys.stdout.write(f"sandbox ready on {server.base_url}\n")
    sys.stdout.flush()
    watcher = asyncio.create_task(_end_of_stdin(stop)) if watch_stdin else None
    await stop.wait()
    await server.stop()
    if watcher is not None:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


async def _end_of_stdin(stop: asyncio.Event) -> None:
    """Whoever started us holds the other end; when it dies, however hard, so do we."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    stop.set()
