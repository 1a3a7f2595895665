"""Where portals are found on a host: one function a source, each giving [(name, url, source)].

Owns: reading running containers, compose files and the configured list. Refuses to change, to start or to connect to
anything. nginx is in `nginx_sites`, listening services in `listening`, and who answers in `portal_probe`.
"""

import json
import shutil
import subprocess

from ansible.module_utils import compose_engine, compose_file, compose_project
from ansible.module_utils.host_root import RootError

try:
    import yaml
except ImportError:
    yaml = None

MAX_FILES = 200
SECONDS = 20
# Ports that answer something else than a browser: a monitor over HTTP would always be red.
NOT_WEB = {22, 25, 53, 67, 69, 88, 110, 111, 123, 137, 138, 139, 143, 161, 389, 445, 465, 514, 548, 587, 631, 636, 853,
           873, 993, 995, 1194, 1433, 1521, 1883, 2049, 3306, 3389, 4369, 5432, 5671, 5672, 5900, 6379, 8883, 9042, 9100,
           11211, 25672, 27017, 51820}
# Kuma doesn't watch itself.
OWN_IMAGES = ("uptime-kuma", "autokuma")


def url_of(host, port):
    """The address of a port, with https where that is the custom."""
    if port in (80, 443):
        return "%s://%s" % ("http" if port == 80 else "https", host)
    return "%s://%s:%d" % ("https" if port in (8443, 9443) else "http", host, port)


def _portals(name, ports, host, source):
    return [(name, url_of(host, port), source) for port in sorted(set(ports)) if port not in NOT_WEB]


def containers(host, warnings):
    """Published ports of running containers, by the engine's own command."""
    found = []
    for engine in ("docker", "podman"):
        if not shutil.which(engine):
            continue
        template = "{{json .}}" if engine == "docker" else "json"
        try:
            answer = subprocess.run([engine, "ps", "--format", template], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS, check=False)
            text = answer.stdout.decode("utf-8", "replace")
            if answer.returncode != 0:
                reason = (answer.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[0]
                warnings.append("%s is installed on %s but did not list its containers: %s" % (engine, host, reason))
                continue
            listed = [json.loads(line) for line in text.splitlines() if line] if engine == "docker" else json.loads(text or "[]")
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            warnings.append("%s on %s did not list its containers: %s" % (engine, host, error))
            continue
        for container in listed:
            found += _container(container, host)
    return found


def _container(container, host):
    names, labels, ports = container.get("Names"), container.get("Labels") or {}, container.get("Ports") or []
    name = names[0] if isinstance(names, list) and names else str(names or "container")
    if isinstance(labels, str):
        labels = dict(pair.partition("=")[::2] for pair in labels.split(","))
    if any(own in str(container.get("Image")) for own in OWN_IMAGES):
        return []
    if isinstance(ports, str):
        numbers = [number for entry in ports.split(",") for number in _docker_port(entry.strip())]
    else:
        numbers = [port["host_port"] + offset for port in ports
                   if port.get("protocol", "tcp") == "tcp" and port.get("host_port")
                   and not str(port.get("host_ip") or "").startswith("127.")
                   for offset in range(min(port.get("range") or 1, compose_file.MAX_RANGE))]
    shown = labels.get("com.docker.compose.service") or labels.get("io.podman.compose.service") or name
    return _portals(shown, numbers, host, "container:%s" % name)


def _docker_port(entry):
    """`0.0.0.0:8096->8096/tcp`"""
    host_side, arrow, inside = entry.partition("->")
    return compose_file.published("%s:%s" % (host_side, inside), {}) if arrow and inside.endswith("/tcp") else []


def compose_files(root, patterns, host, warnings):
    """The published ports of compose projects, whether they run or not: what is off in them is left out."""
    found, engine = [], None if root.base else compose_engine.Engine()
    for path in compose_project.projects(root.matches(patterns, MAX_FILES)):
        if root.read(path) is None:
            warnings.append("%s on %s can't be read as a compose file; it was passed over" % (path, host))
            continue
        notes = []
        try:
            listed = engine.services(root, path, notes) if engine else None
            if listed is None:
                listed = compose_project.services(root, path, notes)
        except (ValueError, TypeError, AttributeError, RecursionError, RootError) as error:
            warnings.append("%s on %s %s; it was passed over" % (path, host, error))
            continue
        warnings.extend("%s on %s: %s" % (path, host, note) for note in notes)
        for name, image, ports in listed:
            if not any(own in image for own in OWN_IMAGES):
                found += _portals(name, ports, host, "compose:%s" % path)
    return found


def configured(root, path, warnings):
    """The list that the host's owner wrote: `- {name: Router, url: http://router}`."""
    text = root.read(path)
    if text is None:
        return []
    try:
        entries = yaml.safe_load(text) if yaml else json.loads(text)
        entries = entries.get("portals") if isinstance(entries, dict) else entries
        return [(str(entry.get("name") or entry["url"]), str(entry["url"]), "configured:%s" % path) for entry in entries or []]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return _unreadable(path, error, warnings)
    except Exception as error:  # yaml.YAMLError, where there is PyYAML
        if not (yaml and isinstance(error, yaml.YAMLError)):
            raise
        return _unreadable(path, error, warnings)


def _unreadable(path, error, warnings):
    shape = "YAML" if yaml else "JSON (this host's Python has no PyYAML)"
    warnings.append("%s must be a list of `name` and `url` in %s; it was passed over: %s" % (path, shape, " ".join(str(error).split())))
    return []
