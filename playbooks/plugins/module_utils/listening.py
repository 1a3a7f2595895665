"""Services that listen on a host, from /proc.

Owns: which TCP ports are listened on, by which process. On a folder-rooted host only processes that live in the
folder (their root or working directory is inside it) belong to the host; elsewhere only ports that are known for a
web page count, because asking a port what it speaks could disturb it.
"""

import os

# Ports that are a web page by custom, and what usually is there.
KNOWN = {80: None, 443: None, 3000: "Grafana", 5000: None, 5601: "Kibana", 7878: "Radarr", 8000: None, 8006: "Proxmox",
         8080: None, 8081: None, 8086: "InfluxDB", 8096: "Jellyfin", 8123: "Home Assistant", 8200: "Vault", 8443: None,
         8888: None, 8989: "Sonarr", 9000: None, 9090: None, 9091: "Transmission", 9443: "Portainer", 15672: "RabbitMQ",
         19999: "Netdata", 32400: "Plex"}
# They listen for a container, which is found by its own source.
PROXIES = {"docker-proxy", "rootlessport", "conmon", "slirp4netns"}
LISTEN = "0A"


def services(root):
    """[(name, port, process)] of the host's own listening services, by port."""
    sockets = _listening(loopback=bool(root.base))
    if not sockets:
        return []
    found = {}
    for process, inodes in _processes():
        home = _home(root, process)
        command = _text("/proc/%s/comm" % process)
        if command in PROXIES or (root.base and home is None):
            continue
        for inode in inodes:
            port = sockets.get(inode)
            if port and (root.base or port in KNOWN):
                found[port] = (KNOWN.get(port) or home or command, port, command)
    return [found[port] for port in sorted(found)]


def _home(root, process):
    """Where in a folder-rooted host a process lives, as a name; None when it doesn't live there."""
    for link in ("cwd", "root"):
        try:
            place = os.readlink("/proc/%s/%s" % (process, link))
        except OSError:
            continue
        if root.base and root.contains(place):
            return os.path.basename(root.shown(place)) or _text("/proc/%s/comm" % process)
    return None


def _listening(loopback):
    """{socket inode: port} of listening TCP sockets; those on loopback only where `loopback`."""
    found = {}
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in _text(table).splitlines()[1:]:
            fields = line.split()
            if len(fields) < 10 or fields[3] != LISTEN:
                continue
            address, _, port = fields[1].rpartition(":")
            if loopback or not _is_loopback(address):
                found[fields[9]] = int(port, 16)
    return found


def _is_loopback(address):
    """127.0.0.0/8, ::1 and the former inside the latter, as the kernel prints them: words in host order."""
    if len(address) == 8:
        return address.endswith("7F")
    return address == "00000000000000000000000001000000" or (address[16:24].upper() in ("0000FFFF", "FFFF0000") and address.endswith("7F"))


def _processes():
    """(pid, inodes of its sockets) of each process that this user may look into."""
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        inodes = set()
        try:
            for entry in os.scandir("/proc/%s/fd" % process):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        except OSError:
            pass
        if inodes:
            yield process, inodes


def _text(path):
    try:
        with open(path) as source:
            return source.read().strip("\n")
    except OSError:
        return ""
