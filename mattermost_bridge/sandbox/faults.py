"""Trouble on demand: rules that spoil the requests they match."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.errors import ApiError
from mattermost_bridge.sandbox.ids import new_id

KINDS = ("answer", "delay", "lose", "hang")
STAGES = ("before", "saving", "after")


class ConnectionCut(Exception):
    """The fault wants the TCP connection closed without an answer."""


@dataclass
class Fault:
    """One rule: which requests it meets and what it does to them. See the package's docstring for the fields."""

    id: str
    kind: str
    method: re.Pattern[str]
    path: re.Pattern[str]
    who: str | None = None
    body: re.Pattern[str] | None = None
    times: int | None = 1
    skip: int = 0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    payload: bytes | None = None
    error_id: str = ""
    seconds: float = 0.0
    stage: str = "before"
    hits: int = 0
    held: list["asyncio.Future[bool]"] = field(default_factory=list)

    def matches(self, request: web.Request, who: str, body: bytes) -> bool:
        """Tell whether the rule is for this request; the path is searched without `/api/v4`."""
        path = request.path.removeprefix("/api/v4")
        return (
            (self.who is None or self.who == who)
            and self.method.fullmatch(request.method) is not None
            and self.path.search(path) is not None
            and (self.body is None or self.body.search(body.decode("utf-8", "replace")) is not None)
        )

    async def at(self, stage: str) -> None:
        """Wait when the rule delays or holds requests at this stage. Raises ConnectionCut when released as failed."""
        if stage != self.stage:
            return
        if self.kind not in ("delay", "hang"):
            return
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.held.append(future)
        await asyncio.wait([future], timeout=self.seconds if self.kind == "delay" else None)
        self.held = [other for other in self.held if other is not future]
        if future.done() and not future.result():
            raise ConnectionCut

    def release(self, *, complete: bool) -> int:
        """Let the held requests go on, or cut them; return how many were held."""
        held = [future for future in self.held if not future.done()]
        for future in held:
            future.set_result(complete)
        self.held.clear()
        return len(held)

    def answer(self) -> web.Response:
        """Return the answer that stands in for the server's own."""
        headers = {"Content-Type": "application/json"} | self.headers
        payload = self.payload
        if payload is None:
            if self.status == 429:
                headers = {"Content-Type": "text/plain", "Retry-After": "1"} | self.headers
                payload = b"limit exceeded\n"
            elif self.error_id:
                error = ApiError(self.status, self.error_id, "The sandbox was asked for this error.")
                payload = wire.dumps(error.as_rest(new_id())).encode()
            else:
                payload = b""
        return web.Response(status=self.status, headers=headers, body=payload)

    def as_json(self) -> dict[str, Any]:
        """Return what the control interface shows of the rule."""
        return {
            "id": self.id,
            "kind": self.kind,
            "method": self.method.pattern,
            "path": self.path.pattern,
            "who": self.who,
            "times": self.times,
            "skip": self.skip,
            "stage": self.stage,
            "seconds": self.seconds,
            "status": self.status,
            "hits": self.hits,
            "held": sum(not future.done() for future in self.held),
        }


class Faults:
    """The rules in force, oldest first; the first that matches a request has it."""

    def __init__(self) -> None:
        self.rules: dict[str, Fault] = {}

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Read a rule from JSON and put it in force. Raises ValueError with a sentence on what is wrong."""
        fault = parse_fault(wanted)
        self.rules[fault.id] = fault
        return fault

    def take(self, request: web.Request, who: str, body: bytes) -> Fault | None:
        """Return the rule for a request and count it as used."""
        for fault in self.rules.values():
            if fault.times == 0 or not fault.matches(request, who, body):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.hits += 1
            return fault
        return None

    def remove(self, fault_id: str) -> None:
        """Take a rule out of force; what it holds is cut."""
        if fault := self.rules.pop(fault_id, None):
            fault.release(complete=False)

    def clear(self) -> None:
        """Take all rules out of force; what they hold is cut."""
        for fault_id in list(self.rules):
            self.remove(fault_id)


_FIELDS: dict[str, Any] = {
    "kind": str, "method": str, "path": str, "who": str, "body_matches": str, "times": int, "skip": int, "status": int,
    "headers": dict, "error_id": str, "seconds": (int, float), "stage": str, "body": object,
}  # fmt: skip


def parse_fault(wanted: dict[str, Any]) -> Fault:
    """Read a rule from JSON. Raises ValueError with a sentence on what is wrong."""
    for name, value in wanted.items():
        if name not in _FIELDS:
            raise ValueError(f"A fault has no field {name!r}; it has {', '.join(_FIELDS)}.")
        if value is not None and not isinstance(value, _FIELDS[name]):
            raise ValueError(f"The field {name!r} of a fault cannot be {value!r}.")
    kind, stage = wanted.get("kind"), wanted.get("stage") or "before"
    if kind not in KINDS:
        raise ValueError(f"The kind of a fault is one of {', '.join(KINDS)}, not {kind!r}.")
    if stage not in STAGES:
        raise ValueError(f"The stage of a fault is one of {', '.join(STAGES)}, not {stage!r}.")
    payload = wanted.get("body")
    if payload is not None:
        payload = payload.encode() if isinstance(payload, str) else wire.dumps(payload).encode()
    try:
        patterns = [
            re.compile(wanted.get("method") or ".*", re.IGNORECASE),
            re.compile(wanted.get("path") or ""),
            re.compile(wanted.get("body_matches") or ""),
        ]
    except re.error as error:
        raise ValueError(f"{error.pattern!r} is no regular expression: {error}.") from error
    return Fault(
        id=new_id(),
        kind=kind,
        method=patterns[0],
        path=patterns[1],
        body=patterns[2] if wanted.get("body_matches") else None,
        who=wanted.get("who"),
        times=wanted.get("times", 1),
        skip=wanted.get("skip") or 0,
        status=wanted.get("status") or 500,
        headers={str(name): str(value) for name, value in (wanted.get("headers") or {}).items()},
        payload=payload,
        error_id=wanted.get("error_id") or "",
        seconds=float(wanted.get("seconds") or 0),
        stage=stage,
    )
