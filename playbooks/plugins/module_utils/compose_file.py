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
NAME = re.compile(r"[A-Za-z_]\w*")
MAX_DEPTH = 20
SETTING = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:][ \t]*(.*)$")
FIELD = re.compile(r"^(\s*)([\w.-]+):\s*(.*)$")


def services(text):
    """[(name, image, [port entry])] in order of name; raises ValueError when it is no compose file."""
    document = load(text)
    listed = document.get("services") if isinstance(document, dict) else None
    if not isinstance(listed, dict):
        raise ValueError("has no `services`")
    found = []
    for name in sorted(listed, key=str):
        service = listed[name] if isinstance(listed[name], dict) else {}
        ports = service.get("ports")
        found.append((str(name), str(service.get("image") or ""), ports if isinstance(ports, list) else []))
    return found


def published(entry, variables, loopback_counts=False, notes=None):
    """The TCP ports of the host that one `ports:` entry publishes; what can't be read is named in `notes`."""
    notes = [] if notes is None else notes
    if isinstance(entry, dict):
        fields = {key: fill(str(entry.get(key) or ""), variables, notes) for key in ("protocol", "host_ip", "published")}
        if (fields["protocol"] or "tcp") != "tcp" or not fields["published"]:
            return []
        address, port = fields["host_ip"], fields["published"]
    elif isinstance(entry, str):
        known = len(notes)
        text = fill(entry, variables, notes)
        place, _, protocol = text.partition("/")
        if protocol not in ("", "tcp"):
            return []
        host_side, separator, _ = place.rpartition(":")
        if not separator:
            return []
        address, _, port = host_side.rpartition(":")
        if not port:
            if len(notes) > known:
                notes.append("the port `%s` is left out, as nothing says where it is published" % entry)
            return []
    elif isinstance(entry, int) and not isinstance(entry, bool):
        return []
    else:
        notes.append("the port entry `%s` is no port" % (entry,))
        return []
    if _is_loopback(address) and not loopback_counts:
        return []
    found = _range(port)
    if not found:
        notes.append("the port `%s` can't be read" % (entry,))
    return found


def environment(text):
    """The variables of a `.env` file: `export`, quotes, comments after a blank, values of several lines in quotes."""
    found, lines = {}, iter((text or "").splitlines())
    for line in lines:
        setting = SETTING.match(line)
        if line.lstrip().startswith("#") or not setting:
            continue
        name, value = setting.group(1), setting.group(2).strip()
        quote = value[:1]
        if quote in ("'", '"'):
            value = value[1:]
            end = _closing(value, quote)
            while end < 0:
                more = next(lines, None)
                if more is None:
                    end = len(value)
                    break
                value += "\n" + more
                end = _closing(value, quote)
            value = value[:end]
            if quote == "'":
                found[name] = value
                continue
            value = re.sub(r"\\(.)", lambda hit: {"n": "\n", "t": "\t", "r": "\r"}.get(hit.group(1), hit.group(1)), value)
        else:
            value = "" if value.startswith("#") else re.split(r"\s#", value, maxsplit=1)[0].rstrip()
        found[name] = fill(value, found, [])
    return found


def _closing(text, quote):
    escaped = False
    for place, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\" and quote == '"':
            escaped = True
        elif letter == quote:
            return place
    return -1


def fill(text, variables, notes, depth=0):
    """A text with its variables filled in: `$X`, `${X}`, `:-` `-` `:?` `?` `:+` `+`, nested, `$$`."""
    done, place = [], 0
    while place < len(text):
        if text[place] != "$":
            done.append(text[place])
            place += 1
        elif text[place:place + 2] == "$$":
            done.append("$")
            place += 2
        elif text[place:place + 2] == "${":
            end = _brace(text, place + 2)
            if end < 0 or depth > MAX_DEPTH:
                notes.append("`%s` has a variable without an end" % text)
                return "".join(done)
            done.append(_variable(text[place + 2:end], variables, notes, depth))
            place = end + 1
        else:
            name = NAME.match(text, place + 1)
            done.append(_value(name.group(), variables, notes) if name else "$")
            place = name.end() if name else place + 1
    return "".join(done)


def _brace(text, place):
    open_braces = 1
    while place < len(text):
        if text[place:place + 2] == "${":
            open_braces += 1
        elif text[place] == "}":
            open_braces -= 1
            if not open_braces:
                return place
        place += 1
    return -1


def _variable(inside, variables, notes, depth):
    name = NAME.match(inside)
    rest = inside[name.end():] if name else inside
    operator = rest[:2] if rest[:2] in (":-", ":?", ":+") else rest[:1]
    if not name or operator and operator not in (":-", ":?", ":+", "-", "?", "+"):
        notes.append("`${%s}` is no variable" % inside)
        return ""
    name, word = name.group(), rest[len(operator):]
    if not operator:
        return _value(name, variables, notes)
    value = variables.get(name)
    there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return fill(word, variables, notes, depth + 1) if there else ""
    if there:
        return value
    if operator.endswith("?"):
        notes.append("the variable `%s` must be set: %s" % (name, word or "no reason given"))
        return ""
    return fill(word, variables, notes, depth + 1)


def _value(name, variables, notes):
    if name not in variables:
        notes.append("the variable `%s` is not set" % name)
    return variables.get(name) or ""


def _is_loopback(address):
    return address.strip("[]") in ("::1", "localhost") or address.startswith("127.")


def _range(port):
    first, _, last = port.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return []
    low, high = int(first), int(last or first)
    return [number for number in range(low, min(high, low + MAX_RANGE - 1) + 1) if 0 < number < 65536]


class Override(list):
    """A list marked `!override`: it takes the place of what it would be added to."""


class Reset:
    """What is marked `!reset`: it takes away what was there."""


def load(text):
    """The document; raises ValueError with the reason where it is no valid one."""
    if yaml is None:
        return _load_blocks(text)
    try:
        return yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError("is not valid: %s" % " ".join(str(error).split()))


def _loader():
    """YAML as compose reads it: the words of 1.2 for true and false, no numbers to the base of 60, no key twice."""
    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ValueError("the key `%s` stands twice, again in line %d" % (key.value, key.start_mark.line + 1))
                seen.add(key.value)
        loader.flatten_mapping(node)
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    def plain(make):
        return lambda loader, node: node.value if ":" in node.value else make(loader, node)

    def boolean(loader, node):
        return {"true": True, "false": False}.get(node.value.lower(), node.value)

    def override(loader, node):
        if isinstance(node, yaml.SequenceNode):
            return Override(loader.construct_sequence(node, deep=True))
        return mapping(loader, node) if isinstance(node, yaml.MappingNode) else loader.construct_scalar(node)

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    Loader.add_constructor("tag:yaml.org,2002:int", plain(yaml.SafeLoader.construct_yaml_int))
    Loader.add_constructor("tag:yaml.org,2002:float", plain(yaml.SafeLoader.construct_yaml_float))
    Loader.add_constructor("tag:yaml.org,2002:bool", boolean)
    Loader.add_constructor("!override", override)
    Loader.add_constructor("!reset", lambda loader, node: Reset())
    return Loader


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
