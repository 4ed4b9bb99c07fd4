"""From which address a call comes when proxies stand in front, and whether calls from there are taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Who may call when nothing is configured: whoever is on the same machine.
LOOPBACK: tuple[str, ...] = ("127.0.0.1", "::1")


def networks_of(entries: Iterable[str]) -> list[Network]:
    """Addresses and networks (CIDR) of a setting; what is neither is left out, as it matches nobody."""
    found: list[Network] = []
    for entry in entries:
        try:
            network = ip_network(entry.strip().removeprefix("[").removesuffix("]"), strict=False)
        except ValueError:
            continue
        mapped = network.network_address.ipv4_mapped if isinstance(network.network_address, IPv6Address) else None
        if mapped is not None and network.prefixlen >= 96:
            network = ip_network((mapped, network.prefixlen - 96), strict=False)
        found.append(network)
    return found


def source_of(
    remote: str,
    *,
    forwarded_for: str = "",
    real_ip: str = "",
    proxies: Sequence[Network] = (),
    real_ip_counts: bool = False,
) -> Address | None:
    """Who calls: the address at the other end or, where that is a proxy of ours, the one that it names; None: unknown.

    Of `X-Forwarded-For` it is the last hop that is neither a proxy of ours nor a loopback address: what stands before
    it could be made up. `X-Real-IP` counts only when that is allowed, and nothing else names an address. An IPv4
    address in IPv6 form counts as what it is.
    """
    address = parsed(remote)
    if address is None or not _is_in(address, proxies):
        return address
    for hop in reversed(forwarded_for.split(",") if forwarded_for.strip() else []):
        address = parsed(hop)
        if address is None:
            return None
        if not address.is_loopback and not _is_in(address, proxies):
            return address
    return parsed(real_ip) if real_ip_counts else None


def is_allowed(source: Address | None, allowed: Iterable[str]) -> bool:
    """Whether calls from `source` are taken: from what is listed, or where nothing is, from this machine."""
    entries = [entry for entry in allowed if entry.strip()] or LOOPBACK
    return source is not None and _is_in(source, networks_of(entries))


def parsed(text: str) -> Address | None:
    """An address as headers write it, also with a port, or None."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
