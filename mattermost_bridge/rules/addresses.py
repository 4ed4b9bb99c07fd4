"""Which addresses of the network a file may be fetched from."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet.

    Private, loopback, link-local, carrier-grade, multicast, reserved and documentation addresses are not; of an IPv6
    address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) that one counts, too. What is no address is not.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return bool(isinstance(ip, ipaddress.IPv6Address) and _all_public(_inside(ip)))
    return not isinstance(ip, ipaddress.IPv6Address) or all(is_public(str(inner)) for inner in _inside(ip))


def _all_public(inner: list[ipaddress.IPv4Address]) -> bool:
    return bool(inner) and all(is_public(str(one)) for one in inner)


def _inside(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries."""
    carried = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    found = [one for one in carried if one is not None]
    if ip in _NAT64:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return found
