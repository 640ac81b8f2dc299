"""The trusted address of a request's client."""

import re
from ipaddress import IPv6Address, ip_address

from django.conf import settings

# As proxies write them: 192.0.2.7, 192.0.2.7:51234, 2001:db8::7, [2001:db8::7], [2001:db8::7]:51234
WITH_PORT = re.compile(
    r"""\[(?P<v6>[^\[\]]+)\](:[0-9]{1,5})?   # in brackets, with a port or without
    |   (?P<v4>[0-9.]+)(:[0-9]{1,5})?
    |   (?P<plain>[0-9A-Fa-f:.]+(%.*)?)    # IPv6, perhaps of one network interface""",
    re.VERBOSE,
)


def client_address(request) -> str | None:
    """The client's address: the peer's, or that recorded by the outermost own proxy.

    Each proxy appends whom it was asked by. Addresses further left were written by the visitor,
    and may be anything. Without a port, and written in one way alone, so that whoever comes from
    an address is counted under it; what is no address counts as the peer's. None if the peer
    has none, as on a Unix socket.
    """
    peer = _plain(request.META.get("REMOTE_ADDR", ""))
    if not settings.N_PROXIES:
        return peer
    written = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    addresses = [word.strip() for word in written if word.strip()]
    if len(addresses) < settings.N_PROXIES:
        return peer
    return _plain(addresses[-settings.N_PROXIES]) or peer


def _plain(text):
    """An address without port, brackets, quotes and interface; None if invalid."""
    match = WITH_PORT.fullmatch(text.strip().strip('"'))
    if match is None:
        return None
    try:
        address = ip_address((match["v6"] or match["v4"] or match["plain"]).partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)
