"""What nginx serves, and under which addresses.

Owns: the sites of its files, and on a host where it runs, what `nginx -T` says it has read, with everything that it includes.
Refuses to ask a program of a host where nginx doesn't run: testing a configuration makes the log files that it names.
"""

import glob
import re
import shutil
import subprocess

SECONDS = 20
TOKEN = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{};]|[^\s{};]+")
# As `nginx -T` writes it above each file.
MARK = re.compile(r"^# configuration file (/[^\n]*):$", re.MULTILINE)
PLAIN = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")


def sites(root, patterns, limit, url_of, notes):
    """[(name, url, source)]: each `server_name` of each `server` block; https where the block serves it."""
    texts = None if root.base else _as_nginx_says(notes)
    if texts is None:
        texts = [(path, root.read(path) or "") for path in root.matches(patterns, limit)]
    found = {}
    for path, text in texts:
        for listens, names in servers(text):
            secure = [listen for listen in listens if "ssl" in listen[1:] or _port(listen) == 443]
            port = _port((secure or listens or [["80"]])[0])
            for name in names:
                url = url_of(name, port)
                if secure and url.startswith("http:"):
                    url = "https:" + url[len("http:"):]
                if name not in found or secure:
                    found[name] = (name, url, "nginx:%s" % path)
    return [found[name] for name in sorted(found)]


def _as_nginx_says(notes):
    """[(path, text)] of all files that nginx has read; None where it doesn't run, or can't say."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/sbin")
    if not program or not _runs():
        return None
    try:
        answer = subprocess.run([program, "-T"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                timeout=SECONDS, check=False)
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        if answer.returncode == 0:
            return dumped(answer.stdout.decode("utf-8", "replace"))
        reason = (said or ["no reason given"])[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    notes.append("`nginx -T` can't say what it serves (%s), so the files of its sites were read without it" % reason[:200])
    return None


def _runs():
    for path in glob.iglob("/proc/[0-9]*/comm"):
        try:
            with open(path) as source:
                if source.read().strip() == "nginx":
                    return True
        except OSError:
            continue
    return False


def dumped(text):
    """[(path, text)] of what `nginx -T` wrote."""
    marks = list(MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [(mark.group(1), text[mark.end():end]) for mark, end in zip(marks, ends)]


def servers(text):
    """[(listen directives, server names)] of every `server` block, wherever it stands."""
    blocks, found, words = [], [], []
    for token in TOKEN.findall(text):
        if token.startswith("#"):
            continue
        if token == "{":
            blocks.append((words[:1] == ["server"], [], []))
        elif token == "}" and blocks:
            is_server, listens, names = blocks.pop()
            if is_server:
                found.append((listens, names))
        elif token == ";" and blocks and words:
            if words[0] == "listen" and len(words) > 1 and not words[1].startswith("unix:"):
                blocks[-1][1].append(words[1:])
            elif words[0] == "server_name":
                blocks[-1][2].extend(name.strip("\"'") for name in words[1:])
        words = [] if token in "{};" else words + [token]
    return [(listens, [name for name in names if PLAIN.match(name) and name != "localhost"]) for listens, names in found]


def _port(listen):
    last = listen[0].rpartition(":")[2] if not listen[0].endswith("]") else "80"
    return int(last) if last.isascii() and last.isdigit() and 0 < int(last[:6]) < 65536 else 80
