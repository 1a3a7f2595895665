"""A host that is a folder, and real runs of ansible-playbook against it.

Owns: making the folder from the demo's files, the inventory, the variables file as the agent writes it, and reading
the callback's events. Leaves nothing behind: everything, Ansible's own temporary files included, is in the folder.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAYBOOKS = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
RUN_SECONDS = 300


def unsafe(value):
    """Text as data: Ansible never expands a template in it. The agent writes its variables file the same way."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, list):
        return [unsafe(item) for item in value]
    if isinstance(value, dict):
        return {key: unsafe(item) for key, item in value.items()}
    return value


class Run:
    """What a run of a playbook said."""

    def __init__(self, code, out, err):
        self.code, self.err, self.out = code, err, out
        self.events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        last = self.events[-1] if self.events and self.events[-1]["_event"] == "v2_playbook_on_stats" else {}
        self.stats = last.get("stats", {})
        self.outputs = dict(last.get("global_custom_stats", {}))
        self.warnings = self.outputs.pop("chiffon_warnings", [])
        self.results = [host for event in self.events if event["_event"].startswith("v2_runner_on_") for host in event["hosts"].values()]
        self.changed = sum(numbers["changed"] for numbers in self.stats.values())
        self.diff = "".join(self._shown(result.get("diff") or []) for result in self.results)
        self.message = " ".join(result.get("msg", "") for result in self.results if result.get("failed"))

    @staticmethod
    def _shown(diff):
        """A diff is one part or a list of them; the package modules give `prepared` text instead of two sides."""
        parts = diff if isinstance(diff, list) else [diff]
        return "".join(part.get("prepared") or part.get("after_header", "") + "\n" + part.get("after", "") for part in parts)

    def worked(self):
        assert self.code == 0, "exit code %d: %s %s" % (self.code, self.message, self.err[-2000:])
        return self

    def refused(self, *words):
        assert self.code == 2, "exit code %d instead of a failure: %s" % (self.code, self.err[-2000:])
        for word in words:
            assert word in self.message, "the message lacks %r: %s" % (word, self.message)
        return self


class Host:
    """`nas`, a folder. Use as a context; with `root`, a whole system by the chroot connection; with `engine`, this
    machine itself with that container engine, but with a /opt of its own, in a private mount namespace. `below` says where the
    folder is made, where a place for temporary files will not do."""

    def __init__(self, root=None, engine=None, below=None):
        self.folder = Path(tempfile.mkdtemp(prefix="chiffon-playbooks-", dir=below))
        self.root = self.folder / "nas"
        self.chroot, self.engine, self.services = root, engine, []

    def __enter__(self):
        shutil.copytree(PLAYBOOKS / "demo/root", self.root)
        text = (PLAYBOOKS / "demo/inventory.yml").read_text().replace("@ROOT@", str(self.root))
        if self.chroot:
            text = "all: {hosts: {nas: {ansible_connection: community.general.chroot, ansible_host: %s, ansible_python_interpreter: /usr/bin/python3}}}\n" % json.dumps(self.chroot)
        if self.engine:
            text = text.replace('chiffon_root: "%s"' % self.root, 'chiffon_root: ""')
        (self.folder / "inventory.yml").write_text(text)
        return self

    def __exit__(self, *_):
        for service in self.services:
            service.kill()
            service.wait()
        shutil.rmtree(self.folder)

    def path(self, path):
        return self.root / path.lstrip("/")

    def write(self, path, text):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)

    def json(self, path):
        return json.loads(self.path(path).read_text())

    def serve(self, folder):
        """A service that listens, with its working directory in the host's folder; its port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.services.append(subprocess.Popen([PYTHON, "-m", "http.server", "--bind", "127.0.0.1", str(port)], cwd=self.path(folder),
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        deadline, last = time.monotonic() + 20, None
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return port
            except OSError as error:
                last = error
                time.sleep(0.02)
        raise AssertionError("nothing listens on port %d after 20 s: %s" % (port, last))

    def snapshot(self):
        """Everything that a change would show in: kind, mode, content and links."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in folders + files:
                path = Path(folder, name)
                content = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                found[str(path)] = (path.lstat().st_mode, content)
        return found

    def run(self, action, check=False, **parameters):
        variables = self.folder / ("vars-%s.json" % action)
        variables.write_text(json.dumps(unsafe(dict({"host": "nas"}, **parameters))))
        command = ["ansible-playbook", "-i", str(self.folder / "inventory.yml"), "--limit", "nas", "-e", "@%s" % variables]
        command += ["--check"] * check + ["--diff", str(PLAYBOOKS / action / "playbook.yml")]
        if self.engine:
            command = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /opt && exec "$@"', str(self.path("/opt"))] + command
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"),
                       "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl", "ANSIBLE_SHOW_CUSTOM_STATS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.update({"DOCKER_HOST": self.engine} if self.engine else {})
        answer = subprocess.run(command, cwd=PLAYBOOKS.parent, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=RUN_SECONDS, check=False)
        return Run(answer.returncode, answer.stdout, answer.stderr)

    def three_runs(self, action, **parameters):
        """Preview, apply, apply again, with what must hold of every action; gives the preview and the first apply."""
        before = self.snapshot()
        preview = self.run(action, check=True, **parameters).worked()
        assert self.snapshot() == before, "the preview changed the host"
        applied = self.run(action, **parameters).worked()
        assert preview.outputs == applied.outputs, "preview %s, applied %s" % (preview.outputs, applied.outputs)
        assert preview.diff == applied.diff, "the preview's diff is not what was done:\n%s\n%s" % (preview.diff, applied.diff)
        after = self.snapshot()
        again = self.run(action, **parameters).worked()
        assert again.changed == 0, "the second run changed %d things: %s" % (again.changed, again.diff)
        assert self.snapshot() == after, "the second run changed the host"
        valid_outputs(action, applied.outputs)
        return preview, applied


def specification(action):
    import yaml
    spec = yaml.safe_load((PLAYBOOKS / action / "action.yml").read_text())
    types = json.loads((PLAYBOOKS / "types.json").read_text())

    def inline(node):
        if isinstance(node, dict) and "$ref" in node:
            return types[re.fullmatch(r"types#/(\w+)", node["$ref"]).group(1)]
        if isinstance(node, dict):
            return {key: inline(item) for key, item in node.items()}
        return [inline(item) for item in node] if isinstance(node, list) else node
    return inline(spec)


def valid_outputs(action, outputs):
    import jsonschema
    schema = dict(specification(action)["outputs"], type="object", additionalProperties=False)
    jsonschema.validate(outputs, schema, jsonschema.Draft202012Validator)
