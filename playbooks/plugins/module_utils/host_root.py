"""Paths of a host, which may be a folder of this machine.

Owns: turning a host's absolute path into a real one without ever leaving the host's root (symbolic links are
followed as the host itself would follow them), and replacing files in one step. Refuses relative paths and what
is not a plain file.
"""

import glob
import os
import shutil
import tempfile

MAX_LINKS = 40
# The first line of a file that actions own holds this.
WRITTEN = "Written by Chiffon"


class RootError(Exception):
    """A path that can't be used; the text says which and why."""


class HostRoot:
    """A host's file system; `root` is "" for the real one."""

    def __init__(self, root):
        self.base = os.path.realpath(root) if root else ""
        if root and not os.path.isdir(self.base):
            raise RootError("chiffon_root %s is not a folder on this host; correct it in the inventory" % root)

    def resolve(self, path):
        """The real path of `path`, which need not exist, with every link followed inside the root."""
        if not path.startswith("/"):
            raise RootError("%s is not an absolute path" % path)
        waiting = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        done, links = [], 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                done = done[:-1]
                continue
            real = "/".join([self.base] + done + [part])
            if not os.path.islink(real):
                done.append(part)
                continue
            links += 1
            if links > MAX_LINKS:
                raise RootError("%s goes through too many links" % path)
            target = os.readlink(real)
            if target.startswith("/"):
                done = []
            waiting.extend(step for step in reversed(target.split("/")) if step not in ("", "."))
        return "/".join([self.base] + done) or "/"

    def shown(self, real):
        """The path as the host itself calls it."""
        return real[len(self.base):] or "/"

    def contains(self, real):
        """Whether a real path lies inside the root."""
        return real == self.base or real.startswith(self.base + "/")

    def matches(self, patterns, limit):
        """The host's paths that match the patterns, sorted, at most `limit`."""
        found = set()
        for pattern in patterns:
            for real in glob.iglob(glob.escape(self.base) + pattern):
                found.add(self.shown(real))
                if len(found) >= limit:
                    return sorted(found)
        return sorted(found)

    def read(self, path, limit=1 << 20):
        """The text of a plain file, or None where there is none or it is too large to be configuration."""
        real = self.resolve(path)
        if not os.path.isfile(real) or os.path.getsize(real) > limit:
            return None
        with open(real, "rb") as source:
            return source.read().decode("utf-8", "replace")

    def refuse_foreign(self, path):
        """Raises where a file is there that Chiffon did not write."""
        text = self.read(path)
        if self.mode(path) is not None and WRITTEN not in (text or ""):
            raise RootError("%s was not written by Chiffon and is left alone; move it away, or keep managing that service by hand" % path)

    def mode(self, path):
        """The permission bits of a path, or None."""
        real = self.resolve(path)
        return os.stat(real).st_mode & 0o7777 if os.path.exists(real) else None

    def write(self, path, text, mode):
        """Replaces a file in one step, making the folders above it."""
        real = self.resolve(path)
        if os.path.exists(real) and not os.path.isfile(real):
            raise RootError("%s is there and is not a plain file; move it away" % path)
        folder = os.path.dirname(real)
        os.makedirs(folder, mode=0o755, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".chiffon-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(text.encode("utf-8"))
                target.flush()
                os.fsync(target.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, real)
        except BaseException:
            os.unlink(temporary)
            raise

    def remove(self, path):
        """Removes a file, a link or an emptied folder; a folder that still holds something stays."""
        real = self.resolve(path.rsplit("/", 1)[0] or "/") + "/" + path.rsplit("/", 1)[1]
        if os.path.isdir(real) and not os.path.islink(real):
            if not os.listdir(real):
                os.rmdir(real)
        else:
            os.unlink(real)

    def remove_tree(self, path):
        """Removes a folder with all that is in it; never the root itself."""
        real = self.resolve(path)
        if real in (self.base, "/"):
            raise RootError("%s is the root of the host and is never removed" % path)
        shutil.rmtree(real)


def difference(path, before, after):
    """One file's diff in the form that Ansible shows; None means that there is no file."""
    return {
        "before_header": path if before is not None else "%s (absent)" % path,
        "after_header": path if after is not None else "%s (removed)" % path,
        "before": before or "",
        "after": after or "",
    }
