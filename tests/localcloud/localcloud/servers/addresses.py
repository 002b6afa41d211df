"""A loopback address for every server and task.

All of 127.0.0.0/8 is this machine (Linux), so each database and each task can have an address of
its own with its product's real port, exactly as in a VPC: nothing is published, mapped or guessed.
Two clouds on one machine stay apart because each starts at a place of its own in the range, and
because an address counts as free only when its port can be bound.
"""

from __future__ import annotations

import ipaddress
import os
import random
import socket
import threading

_FIRST = int(ipaddress.ip_address("127.16.0.1"))
_LAST = int(ipaddress.ip_address("127.250.255.254"))
# Addresses may be taken by another cloud; this many in a row means that something else is wrong.
ATTEMPTS_MAX = 100

_lock = threading.Lock()
_taken: set[str] = set()
_next = random.Random(os.getpid() ^ os.times().elapsed.__hash__()).randrange(_FIRST, _LAST)


class NoAddressError(RuntimeError):
    """No loopback address is left for the port."""


def allocate(*ports: int) -> str:
    """An address on which all these ports are free."""
    global _next
    with _lock:
        for _ in range(ATTEMPTS_MAX):
            _next = _next + 1 if _next < _LAST else _FIRST
            address = str(ipaddress.ip_address(_next))
            # The first and last address of a block look like a network and a broadcast to tools.
            if address.endswith((".0", ".255")) or address in _taken:
                continue
            if all(_is_free(address, port) for port in ports):
                _taken.add(address)
                return address
    raise NoAddressError(
        f"no loopback address has the ports {ports} free: "
        "does another program listen on them on all addresses?"
    )


def allocate_for(port: int) -> tuple[str, int]:
    """An address and this port on it.

    Where a program of the machine's listens on that port of every address at once (a container
    engine that publishes a database does), it is another port: an endpoint says which.
    """
    try:
        return allocate(port), port
    except NoAddressError:
        address = allocate()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
            free: int = probe.getsockname()[1]
        return address, free


def release(address: str) -> None:
    """Give an address back."""
    with _lock:
        _taken.discard(address)


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
