"""What a compose file publishes.

Owns: reading `services`, `image` and `ports:` from compose text, with PyYAML or, on hosts that lack it, with a
reader for the block style that people write. Refuses to run Docker, and reports no port that only the host itself
can reach or that isn't TCP.
"""

import re

try:
    import yaml
except ImportError:
    yaml = None

MAX_RANGE = 16
VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?[^}]*\}|\$(\w+)")
FIELD = re.compile(r"^(\s*)([\w.-]+):\s*(.*)$")


def services(text):
    """[(name, image, [port entry])] in order of name; raises ValueError when it is no compose file."""
    document = _load(text)
    listed = document.get("services") if isinstance(document, dict) else None
    if not isinstance(listed, dict):
        raise ValueError("has no `services`")
    found = []
    for name in sorted(listed, key=str):
        service = listed[name] if isinstance(listed[name], dict) else {}
        ports = service.get("ports")
        found.append((str(name), str(service.get("image") or ""), ports if isinstance(ports, list) else []))
    return found


def published(entry, variables, loopback_counts=False):
    """The TCP ports of the host that one `ports:` entry publishes."""
    if isinstance(entry, dict):
        if str(entry.get("protocol", "tcp")) != "tcp":
            return []
        address, port = str(entry.get("host_ip") or ""), _fill(str(entry.get("published") or ""), variables)
    elif isinstance(entry, str):
        text = _fill(entry, variables)
        if text.endswith("/udp"):
            return []
        host_side, separator, _ = text.split("/")[0].rpartition(":")
        if not separator:
            return []
        address, _, port = host_side.rpartition(":")
    else:
        return []
    if _is_loopback(address) and not loopback_counts:
        return []
    return _range(port)


def environment(text):
    """The variables of a `.env` file."""
    found = {}
    for line in (text or "").splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found


def _is_loopback(address):
    return address.strip("[]") in ("::1", "localhost") or address.startswith("127.")


def _range(port):
    first, _, last = port.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return []
    low, high = int(first), int(last or first)
    return [number for number in range(low, min(high, low + MAX_RANGE - 1) + 1) if 0 < number < 65536]


def _fill(text, variables):
    return VARIABLE.sub(lambda hit: variables.get(hit.group(1) or hit.group(3)) or hit.group(2) or "", text)


def _load(text):
    if yaml is None:
        return _load_blocks(text)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError("is not YAML: %s" % " ".join(str(error).split()))


def _load_blocks(text):
    """Block style only: services two levels deep, `image: x`, `ports:` as a list of texts."""
    found, service, depths, key = {}, None, [], ""
    for line in text.splitlines():
        bare = line.split(" #")[0].rstrip()
        if not bare.strip() or bare.lstrip().startswith("#"):
            continue
        indent = len(bare) - len(bare.lstrip())
        field = FIELD.match(bare)
        if field and not bare.lstrip().startswith("-"):
            depths = [depth for depth in depths if depth[0] < indent] + [(indent, field.group(2))]
            names = [name for _, name in depths]
            key = names[2] if len(names) == 3 else ""
            if names[0] == "services" and len(names) == 2:
                service = found.setdefault(names[1], {"ports": []})
            elif names[0] == "services" and key == "image":
                service["image"] = field.group(3).strip("'\"")
            elif names[0] == "services" and key == "ports":
                inline = field.group(3).strip("[] ")
                service["ports"] += [item.strip(" '\"") for item in inline.split(",") if item.strip()]
        elif bare.lstrip().startswith("- ") and key == "ports" and service is not None:
            service["ports"].append(bare.lstrip()[2:].strip(" '\""))
    return {"services": found} if found else {}
