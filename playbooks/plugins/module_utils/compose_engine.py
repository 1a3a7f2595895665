"""What Compose itself says of a project: `docker compose config`, or `docker-compose config`.

Owns: asking the program with exactly the files of the project. Refuses to start or to pull anything, and says so where it
was asked in vain: then the project is read by `compose_project`.
"""

import json
import posixpath
import shutil
import subprocess

from ansible.module_utils import compose_file, compose_project

SECONDS = 20
# How each is asked; the second prints YAML only.
COMMANDS = ((["docker", "compose"], ["--format", "json"]), (["docker-compose"], []))


class Engine:
    """The first Compose program of the host that works; without one it answers nothing."""

    def __init__(self):
        self.command, self.form = next(((command, form) for command, form in COMMANDS if self._works(command, form)), (None, []))

    @staticmethod
    def _works(command, form):
        if not shutil.which(command[0]) or not form and compose_file.yaml is None:
            return False
        try:
            return _run(command + ["version"], "/").returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def services(self, root, path, notes):
        """As `compose_project.services`; None where there is no such program, or it can't say."""
        if not self.command:
            return None
        variables = compose_file.environment(root.read(posixpath.join(posixpath.dirname(path), ".env")))
        command = list(self.command)
        for file in compose_project.files(root, path, variables):
            command += ["-f", file]
        try:
            answer = _run(command + ["config"] + self.form, posixpath.dirname(path) or "/")
            if answer.returncode != 0:
                raise ValueError(_reason(answer.stderr.decode("utf-8", "replace")))
            text = answer.stdout.decode("utf-8", "replace")
            listed = (json.loads(text) if self.form else compose_file.load(text))["services"]
            # The older program lists services whose profile is off, too.
            return compose_project.resolved(listed, notes, profiles="*" if self.form else variables.get("COMPOSE_PROFILES"))
        except subprocess.TimeoutExpired:
            reason = "it did not answer within %d s, and is not asked again" % SECONDS
            asked, self.command = self.command, None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason, asked = str(error), self.command
        notes.append("`%s config` can't say what it publishes (%s), so its files were read without it" % (" ".join(asked), reason))
        return None


def _run(command, folder):
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=SECONDS, check=False)


def _reason(text):
    """The line that says what is wrong: warnings stand before it."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "warn" not in line.lower()]
    return (errors or lines or ["no reason given"])[-1][:200]
