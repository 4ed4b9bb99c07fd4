"""What all accounts of a worker share."""

from __future__ import annotations

from dataclasses import dataclass

from mattermost_bridge.listeners.clock import Clock
from mattermost_bridge.listeners.outages import Outages
from mattermost_bridge.listeners.threads import Threads


@dataclass(frozen=True)
class Tools:
    """The name under which leases are held, time, threads, and the probes of servers that are away."""

    holder: str
    clock: Clock
    threads: Threads
    outages: Outages
