"""A Docker engine of one's own, in a network namespace of its own, with one tiny image; gone at the end.

Refuses to touch the machine's engine: it has other folders, another socket, and no way out to a network.
"""

import os
import shutil
import subprocess
import tempfile
import time

from skipping import NotRun

IMAGE = "chiffon-sleep:1"


class Docker:
    """Use as a context, which gives the engine's address."""

    def __enter__(self):
        missing = [tool for tool in ("dockerd", "docker", "docker-compose", "unshare", "ldd") if not shutil.which(tool)]
        if missing:
            raise NotRun("%s missing: apt install docker.io docker-compose util-linux" % ", ".join(missing))
        if os.geteuid() != 0:
            raise NotRun("a private Docker engine needs root")
        self.folder = tempfile.mkdtemp(prefix="chiffon-docker-")
        self.address = "unix://%s/d.sock" % self.folder
        script = 'ip link set lo up; exec dockerd --data-root "$0/data" --exec-root "$0/exec" --pidfile "$0/pid" -H "$1"'
        with open(self.folder + "/log", "w") as log:
            self.process = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script, self.folder, self.address],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait()
            self._import_image()
        except BaseException:
            self.__exit__()
            raise
        return self.address

    def __exit__(self, *_):
        if self.process.poll() is None:
            listed = self._docker("ps", "-aq").stdout.decode().split()
            if listed:
                self._docker("rm", "-f", *listed)
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)

    def _docker(self, *words):
        return subprocess.run(["docker", "-H", self.address] + list(words), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    def _wait(self):
        deadline, last = time.monotonic() + 60, b""
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                with open(self.folder + "/log") as log:
                    raise NotRun("dockerd doesn't start here: %s" % log.read().strip().splitlines()[-1:])
            answer = self._docker("version")
            if answer.returncode == 0:
                return
            last = answer.stderr
            time.sleep(0.05)
        raise AssertionError("dockerd did not answer within 60 s: %s" % last)

    def _import_image(self):
        """`sleep` with the libraries it needs."""
        libraries = [word for word in subprocess.check_output(["ldd", "/bin/sleep"], text=True).split() if word.startswith("/")]
        archive = self.folder + "/image.tar"
        subprocess.run(["tar", "-chf", archive, "-C", "/", "bin/sleep"] + [path.lstrip("/") for path in libraries], check=True)
        answer = self._docker("import", "--change", 'CMD ["/bin/sleep", "1000000"]', archive, IMAGE)
        assert answer.returncode == 0, answer.stderr
