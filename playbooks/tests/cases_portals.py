"""What compose projects publish: variables, several files, what is off; and that no text ends the readers."""

import importlib.util
import os
import random
import sys
import time
import types

from folder_host import PLAYBOOKS, Host

_UTILS = PLAYBOOKS / "plugins/module_utils"


def _reader():
    """The modules as Ansible would import them, without Ansible."""
    for name in ("ansible", "ansible.module_utils"):
        sys.modules.setdefault(name, types.ModuleType(name))
    for name in ("compose_file", "compose_project"):
        full = "ansible.module_utils.%s" % name
        spec = importlib.util.spec_from_file_location(full, _UTILS / ("%s.py" % name))
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        setattr(sys.modules["ansible.module_utils"], name, module)
        spec.loader.exec_module(module)
    return sys.modules["ansible.module_utils.compose_file"], sys.modules["ansible.module_utils.compose_project"]


compose_file, compose_project = _reader()


class _Files(dict):
    def read(self, path):
        return self.get(path)


def _ports(notes=None, **files):
    """{service: ports} of /p/compose.yml and what is given beside it; `__` is a slash, `_` before an ending a dot."""
    root = _Files({"/p/" + name: text for name, text in files.pop("more", {}).items()})
    root["/p/compose.yml"] = files["compose"]
    return {name: ports for name, _, ports in compose_project.services(root, "/p/compose.yml", [] if notes is None else notes)}


def _one(port, env="", notes=None):
    return _ports(notes, compose="services: {a: {image: x, ports: ['%s']}}\n" % port, more={".env": env})["a"]


def variables_are_filled_in_as_compose_does():
    for port, env, right in [
        ("${BIND:-0.0.0.0}:${P}:3000", 'export P="3005"\n', [3005]),
        ("${P:-3000}:80", "# ours\nP=3105   # not 3000\n", [3105]),
        ("${P:-3000}:80", "P=\n", [3000]),
        ("${A:-${B:-8015}}:80", "", [8015]),
        ("${A:-${B:-8015}}:80", "B=8016\n", [8016]),
        ("${ON:+8055}:80", "ON=yes\n", [8055]),
        ("${P?must be there}:80", "P=5085\n", [5085]),
        ("$P:80", "P='5086'\n", [5086]),
        ("${HOST:-127.0.0.1}:8080:80", "", []),
        ("[::]:8095:80", "", [8095]),
        ("[::1]:8095:80", "", []),
        ("8000-8002:8000-8002", "", [8000, 8001, 8002]),
        ("53:53/udp", "", []),
        ("7125:7125/tcp", "", [7125]),
        ("$Q:80", 'P=70\nQ="${P}81"\n', [7081]),
    ]:
        notes = []
        assert _one(port, env, notes) == right and notes == [], (port, env, _one(port, env), notes)


def what_can_not_be_resolved_is_named():
    for port in ("${P}:80", "${P:?set it}:80", "${P:80", "${-x}:80", "many:80"):
        notes = []
        assert _one(port, "", notes) == [] and notes, port
        assert all("service `a`" in note for note in notes), notes


def long_ports_are_read_in_all_their_fields():
    text = """
x-web: &web
  ports: &ports [{target: 80, published: "${P:-9925}", host_ip: "${B:-127.0.0.1}"}]
services:
  hidden: {<<: *web, image: a}
  shown:
    image: b
    network_mode: host
    ports: [22:22, {name: web, target: 80, published: 8082, mode: host}, {target: 443, published: 8444-8445}, {target: 1, published: 2, protocol: udp}]
"""
    assert _ports(compose=text) == {"hidden": [], "shown": [22, 8082, 8444, 8445]}


def several_files_are_one_project():
    added = _ports(compose="services: {a: {image: x}}\n", more={"compose.override.yaml": "services: {a: {ports: ['8320:80']}}\n"})
    assert added == {"a": [8320]}, added
    base = "services: {a: {image: x, ports: ['8350:80']}}\n"
    for tag, right in (("!override ['8351:80']", [8351]), ("['8351:81']", [8350, 8351]), ("!reset null", [])):
        found = _ports(compose=base, more={"compose.override.yml": "services: {a: {ports: %s}}\n" % tag})
        assert found == {"a": right}, (tag, found)
    assert _ports(compose="services: {a: {image: x, ports: !override ['8340:80']}}\n") == {"a": [8340]}
    included = _ports(compose="include: [b/compose.yml]\nservices: {a: {image: x, ports: ['8330:80']}}\n",
                      more={"b/compose.yml": "services: {b: {image: y, ports: ['${P}:80']}}\n", "b/.env": "P=8097\n"})
    assert included == {"a": [8330], "b": [8097]}, included
    extended = _ports(compose="services: {a: {extends: {file: common.yml, service: base}}}\n",
                      more={"common.yml": "services: {base: {image: x, ports: ['8360:80']}}\n"})
    assert extended == {"a": [8360]}, extended


def what_is_off_is_no_portal_and_keeps_its_name():
    text = """
services:
  off: {image: x, scale: 0, ports: ['8362:80']}
  none: {image: x, deploy: {replicas: 0}, ports: ['8363:80']}
  tools: {image: x, profiles: [debug], ports: ['8361:80']}
  on: {image: x, ports: ['8364:80']}
"""
    assert _ports(compose=text) == {"on": [8364]}
    assert _ports(compose=text, more={".env": "COMPOSE_PROFILES=debug\n"}) == {"on": [8364], "tools": [8361]}


def circles_and_missing_files_are_named():
    for text, more in [
        ("include: [compose.yml]\nservices: {a: {image: x, ports: ['81:80']}}\n", {}),
        ("include: [gone.yml]\nservices: {a: {image: x, ports: ['81:80']}}\n", {}),
        ("services: {a: {extends: a, ports: ['81:80']}}\n", {}),
        ("services: {a: {extends: {file: gone.yml, service: b}, ports: ['81:80']}}\n", {}),
    ]:
        notes = []
        assert _ports(notes, compose=text, more=more) == {"a": [81]} and notes, (text, notes)


def deeper_folders_are_seen_and_a_key_that_stands_twice_is_said():
    with Host() as host:
        host.write("/opt/stacks/uptime/compose.yaml", "services: {glances: {image: x, ports: ['61208:61208']}}\n")
        host.write("/home/user1/docker/music/docker-compose.yml", "services: {music: {image: x, ports: ['4533:4533']}}\n")
        host.write("/opt/dash/compose.yml", "services:\n  dash:\n    image: x\n    ports: ['8370:80']\n    ports: ['8371:80']\n")
        run = host.run("discover_portals", listening=False).worked()
        urls = {portal["url"] for portal in run.outputs["portals"]}
        assert {"http://nas:61208", "http://nas:4533"} <= urls and "http://nas:8371" not in urls, urls
        assert len(run.warnings) == 1 and "`ports` stands twice" in run.warnings[0], run.warnings


_SEEDS = [
    "services:\n  a: &a {image: x, ports: ['${A:-${B:+1}}:80', {target: 1, published: 2-3}]}\n  b: {<<: *a, extends: a}\ninclude: [c.yml]\n",
    "export A=\"b ${C:-d}\" # e\nF='g\nh'\nI=$A\n",
    "services: {a: {ports: !override [1:2, !reset 3], profiles: [x], deploy: {replicas: 0}, scale: '${S}'}}\n",
    "include: {path: [a, b], env_file: c}\nservices: {a: {extends: {file: compose.yml, service: a}}}\n",
]


def no_text_ends_the_readers():
    """CHIFFON_FUZZ_SECONDS makes it longer, CHIFFON_FUZZ_SEED repeats what failed."""
    seed = int(os.environ.get("CHIFFON_FUZZ_SEED", "1"))
    chance, until = random.Random(seed), time.monotonic() + float(os.environ.get("CHIFFON_FUZZ_SECONDS", "3"))
    while time.monotonic() < until:
        text = list(chance.choice(_SEEDS))
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(text) + 1)
            text[place:place + chance.randint(0, 3)] = chance.choice(["${", "}", "$", ":", "-", "\n", " ", "'", '"', "#", "[", "{", "&a", "*a", "!x ", "\0", "ü", "9", "="])
        text = "".join(text)
        root = _Files({"/p/compose.yml": text, "/p/.env": text, "/p/c.yml": text, "/p/a": text})
        compose_file.environment(text)
        try:
            compose_project.services(root, "/p/compose.yml", [])
        except (ValueError, TypeError, AttributeError, RecursionError):
            pass
        except Exception as error:
            raise AssertionError("seed %d: %r with %r" % (seed, error, text))
