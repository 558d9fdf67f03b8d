"""Which addresses our own checks may connect to: whoever names an address must not reach what is inside.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: What `allow_private` opens: loopback, private and shared networks [RFC 1918, 4193, 6598].
PRIVATE: tuple[Network, ...] = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)

#: Where AWS answers instances and tasks, with credentials among others: fd00:ec2::254 and its neighbours.
#: Those of IPv4 (169.254.169.254, 169.254.170.2) are link-local, which nothing opens [EC2 instance metadata].
AWS_INSIDE = IPv6Network("fd00:ec2::/32")

#: An IPv4 address in the clothes of IPv6: translated by the network [RFC 6052].
NAT64 = IPv6Network("64:ff9b::/96")
#: The same for use inside a network, where what it leads to is anybody's guess [RFC 8215].
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


def may_connect(address: str, *, allow_private: bool) -> bool:
    """Whether a check may connect there; metadata, link-local, multicast and reserved addresses never."""
    ip = _within(ip_address(address.partition("%")[0]))
    if ip in AWS_INSIDE or ip in NAT64_LOCAL:
        return False
    if any(ip in network for network in PRIVATE):
        return allow_private
    site_local = isinstance(ip, IPv6Address) and ip.is_site_local
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or site_local)


def _within(ip: Address) -> Address:
    """Return the IPv4 address that an IPv6 address only carries."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
