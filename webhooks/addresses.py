"""Where webhooks may go: to public addresses, whatever a name resolves to, and to what the operator allows.

A participant chooses the address that we call from inside our network. So a URL is judged by the addresses
behind its name, when it is registered and again at each delivery, which then connects to the very address
that was judged: a name that resolves differently a moment later gains nothing.
"""

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

URL_CHARACTERS_MAX = 2000
_PRINTABLE = re.compile(r"[!-~]+")
PORTS = {"https": 443, "http": 80}

#: IPv6 addresses in which an IPv4 address is meant: translated (NAT64) and compatible ones.
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_NEVER = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"), IPv6Network("2001::/32"))


class UrlRefused(Exception):
    """A URL that is not called. The text is a sentence for whoever registered it."""


class Target(NamedTuple):
    """A URL taken apart. `addresses` are those of its host, each of which may be called."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: Sequence[str]


def resolve(host: str, port: int) -> list[str]:
    """The addresses behind a name, as the system knows them. Raises OSError if there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class AddressPolicy:
    """`allowed`: networks such as `10.0.0.0/8`, addresses and host names that may be called although they are
    not public, and without TLS.
    """

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolve = resolve) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        self._resolve = resolve
        for entry in allowed:
            try:
                self._networks.append(ip_network(entry))
            except ValueError:
                self._hosts.add(entry.lower())

    def check(self, url: str) -> Target:
        """The URL taken apart and resolved. Raises UrlRefused if it or an address behind it is not called."""
        scheme, host, port, path = _parts(url)
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise UrlRefused(f"The name {host} cannot be resolved.") from error
        if not addresses:
            raise UrlRefused(f"The name {host} has no address.")
        if host in self._hosts:
            return Target(scheme, host, port, path, addresses)
        judged = [ip_address(text.partition("%")[0]) for text in addresses]
        # Not which one: that would tell strangers of our network.
        if not all(self._is_allowed(address) or is_public(address) for address in judged):
            raise UrlRefused(f"{host} has an address that is not a public one.")
        if scheme != "https" and not all(map(self._is_allowed, judged)):
            raise UrlRefused("The URL must begin with https://.")
        return Target(scheme, host, port, path, addresses)

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet can be meant by it, and nobody inside."""
    if isinstance(address, IPv6Address):
        if any(address in network for network in _NEVER):
            return False
        embedded = _embedded(address)
        if embedded is not None:
            return is_public(embedded)
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if any(address in network for network in _EMBEDDING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _parts(url: str) -> tuple[str, str, int, str]:
    """(scheme, host, port, path with query); raises UrlRefused."""
    if len(url) > URL_CHARACTERS_MAX or not _PRINTABLE.fullmatch(url):
        raise UrlRefused(
            f"A URL has at most {URL_CHARACTERS_MAX} characters, all of them ASCII and printable; write other"
            " letters in their encoded form (xn--…, %…)."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UrlRefused("This is not a URL.") from error
    if parts.scheme not in PORTS or not host:
        raise UrlRefused("The URL must begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused("The URL must not hold a user or password; deliveries are signed instead.")
    if parts.fragment:
        raise UrlRefused("The URL must not have a fragment (#…).")
    if port == 0:
        raise UrlRefused("Port 0 cannot be called.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host.lower().rstrip("."), port or PORTS[parts.scheme], path
