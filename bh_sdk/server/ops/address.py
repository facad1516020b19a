"""From where somebody calls, as coarsely as a question about it needs."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest

from bh_sdk.server.ops.settings import setting


def client_address(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """The caller's address. Behind `BH_PROXY_HOPS` proxies of ours it is what the outermost of them saw, counted from the
    right of `X-Forwarded-For`: whatever stands further left is what callers say of themselves. None without an address
    that is one."""
    hops = int(setting("BH_PROXY_HOPS"))
    said = str(request.META.get("REMOTE_ADDR") or "")
    if hops > 0:
        passed = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR") or "").split(",")]
        if len(passed) >= hops:
            said = passed[-hops]
    try:
        found = ip_address(said)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def block_of(address: IPv4Address | IPv6Address) -> str:
    """The network that the address belongs to, as one provider or household has it: `203.0.113.0/24`, `2001:db8:1::/48`.

    Coarse enough to name no person."""
    length = 24 if address.version == 4 else 48
    return str(ip_network(f"{address}/{length}", strict=False))


def client_block(request: HttpRequest) -> str | None:
    found = client_address(request)
    return block_of(found) if found is not None else None
