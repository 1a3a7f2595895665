#!/usr/bin/python3
"""Starts or stops a compose project with whatever engine the host has, or says why it can't."""

import getpass
import os
import shutil
import subprocess

from ansible.module_utils import compose_file
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_root import HostRoot, RootError, difference
from ansible.module_utils.portal_sources import url_of

DOCUMENTATION = """
module: chiffon_compose
short_description: Start or stop a compose project
description:
  - Uses docker compose, docker-compose, podman compose or podman-compose, the first that works.
  - A folder-rooted host has no engine of its own, so nothing is started there.
options:
  root: {type: str, default: "", description: The folder that is the host's root; empty for the real one.}
  host: {type: str, required: true, description: The host's name, for messages and addresses.}
  project: {type: str, required: true, description: The project's name.}
  file: {type: str, required: true, description: The compose file.}
  content: {type: str, default: "", description: The file's text, from which the addresses are read also in a preview.}
  files_changed: {type: bool, default: false, description: Whether the file changed, so that a preview says what follows.}
  state: {type: str, choices: [up, down], required: true, description: What it should be.}
  start: {type: str, choices: [if_engine, always, never], default: if_engine, description: What to do without an engine.}
  timeout_seconds: {type: int, default: 600, description: How long pulling and starting may take.}
"""

COMMANDS = (["docker", "compose"], ["docker-compose"], ["podman", "compose"], ["podman-compose"])
ENGINES = ("docker", "podman")


class Why(str):
    """Why nothing can be started, with the step that would help."""

    def __new__(cls, reason, step="Install one (\"install docker.io and docker-compose on HOST\")"):
        this = super().__new__(cls, reason)
        this.step = step
        return this

    def help(self, host):
        """The step, with the host's name in what is to be typed."""
        return self.step.replace("HOST", host)


class Trouble(Exception):
    """What the engine answered, and what to do."""


def run(command, seconds):
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Trouble("`%s` did not end within %d seconds" % (" ".join(command), seconds))
    except OSError as error:
        raise Trouble("`%s` could not be started: %s" % (" ".join(command), error))
    return answer.returncode, answer.stdout.decode("utf-8", "replace"), answer.stderr.decode("utf-8", "replace")


def find_engine(root):
    """(compose command, "") or (None, why there is none)."""
    if root.base:
        inside = [name for name in ENGINES if os.path.exists(root.resolve("/usr/bin/" + name))]
        if inside:
            return None, Why("its root is a folder, and the %s inside can't be started from outside" % inside[0], "Start the project inside")
        return None, Why("it has no container engine")
    present = [name for name in ENGINES if shutil.which(name)]
    if not present:
        return None, Why("it has no container engine")
    answering = [name for name in present if run([name, "info"], 30)[0] == 0]
    if not answering:
        return None, unanswered(present[0])
    for command in COMMANDS:
        usable = shutil.which(command[0]) and command[0].split("-")[0] in answering
        if usable and run(command + ["version"], 30)[0] == 0:
            return command, ""
    return None, Why("%s has no compose command" % answering[0], "Install %s there" % {"docker": "docker-compose", "podman": "podman-compose"}[answering[0]])


def unanswered(engine):
    """Why an installed engine does not answer, and the step that helps: it is not started, or not for this user."""
    said = run([engine, "info"], 30)[2]
    if "permission denied" in said.lower():
        return Why("%s does not let the user `%s` in" % (engine, getpass.getuser()),
                   "Let it in (`usermod -aG %s %s`, then log in anew), or let Ansible become root there" % (engine, getpass.getuser()))
    if engine == "docker":
        return Why("docker is installed but its service does not answer", "Start it there (`systemctl enable --now docker`)")
    return Why("%s is installed but does not answer" % engine, "`%s info` there says why" % engine)


def addresses(content, host):
    if not content:
        return []
    ports = {port for _, _, entries in compose_file.services(content) for entry in entries
             for port in compose_file.published(entry, {})}
    return [url_of(host, port) for port in sorted(ports)]


class Project:
    def __init__(self, module):
        self.params, self.check = module.params, module.check_mode
        self.root = HostRoot(self.params["root"])
        self.root.refuse_foreign(self.params["file"])
        self.command, self.why_not = find_engine(self.root)

    def compose(self, *words):
        command = self.command + ["-p", self.params["project"], "-f", self.root.resolve(self.params["file"])] + list(words)
        code, out, err = run(command, self.params["timeout_seconds"])
        if code != 0:
            last = [line for line in (err or out).strip().splitlines() if line][-3:]
            raise Trouble("`%s` failed with code %d: %s" % (" ".join(command), code, " / ".join(last)))
        return out

    def containers(self):
        """{id: whether it runs}, so that a recreated and a restarted container count as changes; none before the file is there."""
        if self.root.mode(self.params["file"]) is None:
            return {}
        ids = self.compose("ps", "-a", "-q").split() if self.command[-1] == "compose" else self.compose("ps", "-q").split()
        if not ids:
            return {}
        engine = self.command[0].split("-")[0]
        code, out, err = run([engine, "inspect", "-f", "{{.Id}} {{.State.Running}}"] + sorted(ids), 60)
        if code != 0:
            raise Trouble("%s did not tell about its containers: %s" % (engine, err.strip()))
        return {line.split()[0]: line.split()[1] == "true" for line in out.splitlines() if line}

    def up(self):
        """(started, changed, warning)"""
        host, start = self.params["host"], self.params["start"]
        if start == "never":
            return False, False, ""
        if not self.command:
            text = "%s was not started on %s: %s." % (self.params["project"], host, self.why_not)
            if start == "always":
                raise Trouble("%s %s, or ask with start: if_engine." % (text, self.why_not.help(host)))
            return False, False, "%s %s, and ask again; the files are in place." % (text, self.why_not.help(host))
        before = self.containers()
        if self.check:
            return True, not before or not all(before.values()) or self.params["files_changed"], ""
        self.compose("up", "-d")
        after = self.containers()
        stopped = sum(not running for running in after.values())
        warning = "%d of %d containers of %s stopped right after their start on %s; look at their logs." % (
            stopped, len(after), self.params["project"], host) if stopped else ""
        return not stopped, after != before, warning

    def down(self):
        """(started, changed, warning)"""
        if self.root.mode(self.params["file"]) is None:
            return False, False, ""
        if not self.command:
            return False, False, "%s: no containers were stopped, because %s." % (self.params["host"], self.why_not)
        present = self.containers()
        if present and not self.check:
            self.compose("down", "--remove-orphans")
        return False, bool(present), ""


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "str", "default": ""},
            "host": {"type": "str", "required": True},
            "project": {"type": "str", "required": True},
            "file": {"type": "str", "required": True},
            "content": {"type": "str", "default": ""},
            "files_changed": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["up", "down"], "required": True},
            "start": {"type": "str", "choices": ["if_engine", "always", "never"], "default": "if_engine"},
            "timeout_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    try:
        project = Project(module)
        started, changed, warning = project.up() if module.params["state"] == "up" else project.down()
        urls = addresses(module.params["content"], module.params["host"])
    except (Trouble, RootError, ValueError) as error:
        module.fail_json(msg="%s on %s: %s" % (module.params["project"], module.params["host"], error))
    result = {"changed": changed, "started": started, "notes": [warning] if warning else [], "urls": urls}
    if module._diff and changed:
        words = ("not running\n", "running\n") if module.params["state"] == "up" else ("running\n", "stopped and removed\n")
        result["diff"] = [difference("containers of %s" % module.params["project"], *words)]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
