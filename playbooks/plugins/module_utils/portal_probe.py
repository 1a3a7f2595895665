"""Whether something answers on a port of this host: a TCP connection from the host to itself, closed at once.

Owns: the host's own addresses, and how long and how often is tried. Sends nothing, asks no name server, and tries no other host.
"""

import concurrent.futures
import fcntl
import socket
import struct

SECONDS = 1.0
# Of distinct ports; more than this a host does not publish.
MOST = 400
AT_ONCE = 16
_SIOCGIFADDR = 0x8915


def port_of(url):
    """The port of an address."""
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    last = place.rpartition(":")[2] if not place.endswith("]") else ""
    return int(last) if ":" in place and last.isdigit() else {"http": 80, "https": 443}.get(scheme.lower(), 80)


def answering(ports):
    """Those of the ports on which something answers, on any address of this host; None for those that were not tried."""
    chosen, places = sorted(set(ports)), own_addresses()
    tried = chosen[:MOST]
    with concurrent.futures.ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = dict(zip(tried, pool.map(lambda port: any(_answers(place, port) for place in places), tried)))
    return {port: found.get(port) for port in chosen}


def own_addresses():
    """Loopback first, then what the interfaces have."""
    found = ["127.0.0.1", "::1"]
    try:
        names = [name for _, name in socket.if_nameindex()]
    except OSError:
        names = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for name in names:
            try:
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue
            address = socket.inet_ntoa(answer[20:24])
            if not address.startswith("127."):
                found.append(address)
    return found


def _answers(place, port):
    try:
        with socket.create_connection((place, port), timeout=SECONDS):
            return True
    except OSError:
        return False
