"""What compose projects publish: variables, several files, what is off; and that no text ends the readers."""

import importlib.util
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import types
from pathlib import Path

from folder_host import PLAYBOOKS, Host
from skipping import NotRun

_UTILS = PLAYBOOKS / "plugins/module_utils"


def _reader():
    """The modules as Ansible would import them, without Ansible."""
    for name in ("ansible", "ansible.module_utils"):
        sys.modules.setdefault(name, types.ModuleType(name))
    for name in ("compose_file", "compose_project", "compose_engine", "host_root", "nginx_sites", "portal_probe", "portal_sources"):
        full = "ansible.module_utils.%s" % name
        spec = importlib.util.spec_from_file_location(full, _UTILS / ("%s.py" % name))
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        setattr(sys.modules["ansible.module_utils"], name, module)
        spec.loader.exec_module(module)
    return sys.modules["ansible.module_utils"]


_utils = _reader()
compose_file, compose_project, compose_engine = _utils.compose_file, _utils.compose_project, _utils.compose_engine
nginx_sites, portal_probe = _utils.nginx_sites, _utils.portal_probe


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


def _write(folder, **files):
    """`__` is a slash, the last `_` a dot."""
    for name, text in files.items():
        path = Path(folder) / name.replace("__", "/").replace("_yml", ".yml").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def what_compose_itself_says_counts_where_it_is_there():
    engine = compose_engine.Engine()
    if not engine.command:
        raise NotRun("neither `docker compose` nor `docker-compose` is installed (make setup)")
    with tempfile.TemporaryDirectory() as folder:
        _write(folder, DOTenv="P=8401\n", base_yml="services:\n  a: {image: x, ports: ['${P}:80', '53:53/udp', '127.0.0.1:9:9']}\n  idle: {image: x, scale: 0, ports: ['1:1']}\n")
        _write(folder, **{"compose_yml": "services: {b: {extends: {file: base.yml, service: a}}}\n", "composeDOToverride_yml": "services: {b: {ports: ['8402:80']}}\n"})
        notes = []
        found = engine.services(_utils.host_root.HostRoot(""), folder + "/compose.yml", notes)
        assert found == [("b", "x", [8401, 8402])], (found, notes)
        assert not notes, notes
        found = engine.services(_utils.host_root.HostRoot(""), folder + "/base.yml", notes)
        assert found == [("a", "x", [8401])] and not notes, (found, notes)


def what_compose_can_not_say_is_said_and_read_without_it():
    if not compose_engine.Engine().command:
        raise NotRun("neither `docker compose` nor `docker-compose` is installed (make setup)")
    with tempfile.TemporaryDirectory() as folder:
        _write(folder, compose_yml="services: {a: {image: x, ports: ['8403:80', '${P:?set it}:81']}}\n")
        warnings = []
        found = _utils.portal_sources.compose_files(_utils.host_root.HostRoot(""), [folder + "/compose.yml"], "nas", warnings)
        assert [portal[:2] for portal in found] == [("a", "http://nas:8403")], found
        assert "config` can't say what it publishes" in warnings[0] and any("set it" in warning for warning in warnings), warnings


_DUMP = """nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
# configuration file /etc/nginx/nginx.conf:
http { include /etc/nginx/sites/*; server { listen 8404; server_name one.example; } }
# configuration file /etc/nginx/sites/two:
server { listen [::]:443 ssl; server_name two.example *.two.example _; }
"""


def an_engine_that_does_not_answer_names_the_step_that_helps():
    if not shutil.which("docker"):
        raise NotRun("docker is not installed (make setup)")
    os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    try:
        command, why = _module("chiffon_compose").find_engine(_utils.host_root.HostRoot(""))
    finally:
        del os.environ["DOCKER_HOST"]
    if shutil.which("podman"):
        raise NotRun("podman answers beside docker")
    assert command is None and "its service does not answer" in why and why.help("nas") == "Start it there (`systemctl enable --now docker`)", why
    absent = _module("chiffon_compose").Why("it has no container engine")
    assert absent.help("nas") == "Install one (\"install docker.io and docker-compose on nas\")", absent.help("nas")


def _module(name):
    """A module's functions, without Ansible."""
    basic = sys.modules.setdefault("ansible.module_utils.basic", types.ModuleType("ansible.module_utils.basic"))
    basic.AnsibleModule = None
    spec = importlib.util.spec_from_file_location(name, PLAYBOOKS / "plugins/modules" / ("%s.py" % name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def what_nginx_has_read_is_told_apart_by_file():
    dumped = nginx_sites.dumped(_DUMP)
    assert [path for path, _ in dumped] == ["/etc/nginx/nginx.conf", "/etc/nginx/sites/two"], dumped
    assert [nginx_sites.servers(text) for _, text in dumped] == [[([["8404"]], ["one.example"])], [([["[::]:443", "ssl"]], ["two.example"])]]


def an_address_is_tried_before_it_is_called_a_portal():
    with socket.socket() as listening, socket.socket() as silent:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        silent.bind(("127.0.0.1", 0))
        open_port, closed_port = listening.getsockname()[1], silent.getsockname()[1]
        assert portal_probe.answering([open_port, closed_port]) == {open_port: True, closed_port: False}
    many = portal_probe.answering(range(1, portal_probe.MOST + 3))
    assert [many[port] for port in (portal_probe.MOST + 1, portal_probe.MOST + 2)] == [None, None], "what was not tried is not called silent"
    for url, port in (("http://nas", 80), ("https://nas/x:9", 443), ("http://nas:81/", 81), ("http://[::1]", 80), ("http://[::1]:82", 82)):
        assert portal_probe.port_of(url) == port, url


_SEEDS = [
    "services:\n  a: &a {image: x, ports: ['${A:-${B:+1}}:80', {target: 1, published: 2-3}]}\n  b: {<<: *a, extends: a}\ninclude: [c.yml]\n",
    "export A=\"b ${C:-d}\" # e\nF='g\nh'\nI=$A\n",
    "services: {a: {ports: !override [1:2, !reset 3], profiles: [x], deploy: {replicas: 0}, scale: '${S}'}}\n",
    "server { listen [::]:443 ssl; server_name \"a.example\" b; # c\n location / { proxy_pass x; } }\n# configuration file /etc/nginx/x:\n",
    "services:\n  a:\n    image: x\n    ports:\n      - \"1:2\"\n      - 3:4 # five\n    scale: 0\n",
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
        root = _Files({"/p/compose.yml": text, "/p/without-pyyaml.yml": text, "/p/.env": text, "/p/c.yml": text, "/p/a": text})
        try:
            compose_file.environment(text)
            for _, part in nginx_sites.dumped(text) + [("", text)]:
                nginx_sites.servers(part)
            nginx_sites.sites(_Folder(text), ["/x"], 9, lambda name, port: "http://%s:%d" % (name, port), [])
            for path in ("/p/compose.yml", "/p/without-pyyaml.yml"):
                _services(root, path)
        except Exception as error:
            raise AssertionError("seed %d: %r with %r" % (seed, error, text))


class _Folder:
    """A host of which every file has this text."""

    base = "/somewhere"

    def __init__(self, text):
        self.text = text

    def matches(self, patterns, limit):
        return patterns[:limit]

    def read(self, path):
        return self.text


def _services(root, path):
    """What readers may raise ends one file; the second path is read as on a host without PyYAML."""
    known = compose_file.yaml
    try:
        compose_file.yaml = None if "without" in path else known
        compose_project.services(root, path, [])
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    finally:
        compose_file.yaml = known
