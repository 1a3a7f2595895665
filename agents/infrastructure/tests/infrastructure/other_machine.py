"""Another machine for tests: what Ansible runs there by `ssh` is started by this server, not by the play, and inherits nothing from it.

`other_machine.py serve SOCKET` is the machine; `other_machine.py run SOCKET ... COMMAND` stands in for the ssh client.
"""

import array
import os
import socket
import subprocess
import sys
import threading


def serve(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    while True:
        threading.Thread(target=run_one, args=(server.accept()[0],), daemon=True).start()


def run_one(client):
    command, files, _, _ = socket.recv_fds(client, 1 << 20, 3)
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ran = subprocess.Popen(
        ["/bin/sh", "-c", command.decode()], stdin=files[0], stdout=files[1], stderr=files[2], env=environment, start_new_session=True
    )
    for file in files:
        os.close(file)
    client.send(array.array("i", [ran.wait()]).tobytes())


def run(path, command):
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(path)
    except OSError as error:
        sys.exit("ssh: connect to host: %s" % error)
    socket.send_fds(client, [command.encode()], [0, 1, 2])
    answer = array.array("i")
    answer.frombytes(client.recv(4))
    sys.exit(answer[0] if answer[0] >= 0 else 255)


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    try:
        run(sys.argv[2], sys.argv[-1])
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            sys.exit(255)
        raise
