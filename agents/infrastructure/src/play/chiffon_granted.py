"""Keeps a play on the hosts that were granted and with the content that was approved, and tells Chiffon's agent of the rest.

Owns: one JSON event a line on standard output, beside those of the callback that shows the play. Before each task or item of
a loop acts, the name it acts on and the way there are compared with the grant and the inventory; what is beyond is not done.
Files of the agent's machine are read from the action's copy, the inventory and the installation only.
"""

import json
import os
import sys

from ansible import constants
from ansible.errors import AnsibleError
from ansible.executor.play_iterator import PlayIterator
from ansible.executor.task_executor import TaskExecutor
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible.utils.display import Display

# Variables that decide to which machine a name leads.
LEADING = ("ansible_connection", "ansible_host", "ansible_ssh_host", "ansible_port", "ansible_ssh_port", "chiffon_root")
# Variables that name the program by which a task is run, and where the host's own programs are.
PROGRAMS = (
    "ansible_become_exe",
    "ansible_python_interpreter",
    "ansible_scp_executable",
    "ansible_sftp_executable",
    "ansible_shell_executable",
    "ansible_ssh_executable",
)
SYSTEM = ("/usr/", "/bin/", "auto")
# Lookups that run commands or write files on the agent's machine.
ACTING = ("lines", "password", "pipe")
# Connections that reach the host's own address; any other acts on the agent's machine.
REMOTE = ("smart", "ssh", "paramiko", "paramiko_ssh", "libssh", "winrm", "psrp", "httpapi", "netconf", "network_cli")
# The marker of the run, and the variable that carries it on hosts.
MARKER = os.environ.get("CHIFFON_ATTEMPT")
ON_HOSTS = "CHIFFON_RUN"
# So many hosts are named in one event.
NAMED = 20


# A path that is broken over two lines is not known for what it is.
Display().columns = 100_000


class Grant:
    hosts = frozenset()
    roots = ()
    variables = None


def _read_grant():
    with open(os.environ["CHIFFON_GRANTED"], encoding="utf-8") as file:
        granted = json.load(file)
    Grant.hosts = frozenset(granted["hosts"])
    installed = [path for path in sys.path if path and path != "/"]
    roots = granted["roots"] + installed + list(constants.COLLECTIONS_PATHS or []) + [constants.DEFAULT_LOCAL_TMP]
    Grant.roots = tuple(os.path.realpath(os.path.expanduser(root)) for root in roots)


if os.environ.get("CHIFFON_GRANTED"):
    _read_grant()


def _tell(event, **members):
    Display().display(json.dumps({"_event": event, **members}))


def _of_inventory(name):
    """How the inventory leads to a host, whatever the play has set since."""
    manager = Grant.variables
    host = manager._inventory.get_host(name) if manager else None
    if host is None:
        return None
    caches = {key: getattr(manager, key) for key in ("_nonpersistent_fact_cache", "_vars_cache") if hasattr(manager, key)}
    try:
        for key in caches:
            setattr(manager, key, {})
        return manager.get_vars(host=host, include_hostvars=False)
    finally:
        for key, cache in caches.items():
            setattr(manager, key, cache)


def _beyond(executor, variables):
    """What a task is about to act on without a grant, and how it got there."""
    task = executor._task
    name = str(task.delegate_to or executor._host.get_name())
    if name not in Grant.hosts:
        return name, "delegate_to"
    known = _of_inventory(name)
    if known is None:
        return None
    # What Ansible itself gives to a host that is delegated to.
    usual = {"ansible_connection": constants.DEFAULT_TRANSPORT, "ansible_host": name, "ansible_port": constants.DEFAULT_REMOTE_PORT}
    for key in LEADING:
        value = variables.get(key)
        if value != known.get(key) and (key in known or value != usual.get(key)):
            return str(value), key
    for key in PROGRAMS:
        value = variables.get(key)
        if value is not None and value != known.get(key) and (not str(value).startswith(SYSTEM) or ".." in str(value)):
            return str(value), key
    connection = str(task.connection)
    by_play = variables.get("ansible_connection") is None and connection != str(constants.DEFAULT_TRANSPORT)
    if by_play and name != "localhost" and connection.rsplit(".", 1)[-1] not in REMOTE:
        return "the agent's machine", "connection: " + connection
    return None


OPTIONS = getattr(TaskExecutor, "_set_connection_options", None)


def _set_connection_options(executor, variables, *arguments, **named):
    """The last that an executor does before the task acts, for every item of a loop, whether or not a connection is kept."""
    beyond = _beyond(executor, variables)
    if beyond:
        name, how = beyond
        _tell("chiffon_held_back", host=executor._host.get_name(), task=executor._task.get_name(), on=name, how=how)
        raise AnsibleError("`%s` leads to %s, which was not granted; nothing was done there" % (how, name))
    return OPTIONS(executor, variables, *arguments, **named)


if Grant.hosts and OPTIONS:
    TaskExecutor._set_connection_options = _set_connection_options


ENVIRONMENT = getattr(ActionBase, "_compute_environment_string", None)


def _compute_environment_string(action, *arguments, **named):
    """What a task starts on its host carries the run's marker, by which it is found there when the run is stopped."""
    task = action._task
    given = task.environment
    task.environment = (given if isinstance(given, list) else [given] if given else []) + [{ON_HOSTS: MARKER}]
    try:
        return ENVIRONMENT(action, *arguments, **named)
    finally:
        task.environment = given


if Grant.hosts and ENVIRONMENT and MARKER:
    ActionBase._compute_environment_string = _compute_environment_string


def _lookup(loader_name, *arguments, **named):
    """Lookups are found by their names here, whatever the names were made of."""
    plain = str(loader_name).rsplit(".", 1)[-1]
    if plain in ACTING:
        raise AnsibleError("the lookup `%s` acts on the agent's machine, which was not granted; use a task on the host" % plain)
    return LOOKUP(loader_name, *arguments, **named)


LOOKUP = lookup_loader.get
if Grant.hosts:
    lookup_loader.get = _lookup


def _covered(path):
    """The path, where an approval binds what it holds or the operator's inventory and installation have it."""
    named = os.fsdecode(path) if isinstance(path, bytes) else path
    real = os.path.realpath(named) if isinstance(named, str) else ""
    if not any(real == root or real.startswith(root.rstrip("/") + "/") for root in Grant.roots):
        raise AnsibleError("`%s` lies outside the action and what actions share, so no approval binds it; put it there" % named)
    return path


def _get_file_contents(loader, file_name, *arguments, **named):
    _covered(loader.path_dwim(file_name))
    return CONTENTS(loader, file_name, *arguments, **named)


def _get_real_file(loader, file_path, *arguments, **named):
    _covered(loader.path_dwim(file_path))
    return REAL_FILE(loader, file_path, *arguments, **named)


def _path_dwim_relative_stack(loader, *arguments, **named):
    """What lookups and the sources of `copy`, `template`, `script` and `unarchive` are found by."""
    found = RELATIVE(loader, *arguments, **named)
    return _covered(found) if found else found


CONTENTS, REAL_FILE, RELATIVE = DataLoader._get_file_contents, DataLoader.get_real_file, DataLoader.path_dwim_relative_stack
if Grant.hosts:
    DataLoader._get_file_contents = _get_file_contents
    DataLoader.get_real_file = _get_real_file
    DataLoader.path_dwim_relative_stack = _path_dwim_relative_stack


def _acted_on(result):
    """The names that a result, or its items, were delegated to."""
    values = result._result
    items = values.get("results")
    for value in [values] + (list(items) if isinstance(items, (list, tuple)) else []):
        delegated = value.get("_ansible_delegated_vars") if hasattr(value, "get") else None
        if delegated and delegated.get("ansible_delegated_host"):
            yield str(delegated["ansible_delegated_host"])


def _led_away(result):
    """A granted host that `add_host` gave another address."""
    added = result._result.get("add_host") or {}
    if added.get("host_name") in Grant.hosts:
        for key in LEADING:
            if key in (added.get("host_vars") or {}):
                yield str(added["host_vars"][key]), key


class Course:
    """How far the playbook has come: its plays, those that have begun, the iterator of the one that runs, whether anything failed."""

    plays = []
    begun = set()
    iterator = None
    failed = False
    told = set()
    # Of hosts that were marked as failed: whether the play had more for them.
    had_more = {}


ITERATOR, MARK = PlayIterator.__init__, PlayIterator.mark_host_failed


def _iterator(iterator, *arguments, **named):
    ITERATOR(iterator, *arguments, **named)
    Course.iterator = iterator


def _mark_host_failed(iterator, host):
    """A play that is ended for all marks hosts that did not fail, too (ansible-core 2.19), also where nothing was left for them."""
    state = iterator.get_host_state(host)
    Course.had_more[host.get_name()] = _has_more(iterator, host)
    iterator.set_state_for_host(host.get_name(), state)
    MARK(iterator, host)


if Grant.hosts:
    PlayIterator.__init__ = _iterator
    PlayIterator.mark_host_failed = _mark_host_failed


def _has_more(iterator, host):
    """Whether a play that is over has tasks left for a host, because it was ended for all (`any_errors_fatal`, `max_fail_percentage`)."""
    while True:
        _, task = iterator.get_next_task_for_host(host)
        if task is None:
            return False
        if not task.implicit:
            return True


def _unended(name):
    if name not in Course.told:
        Course.told.add(name)
        _tell("chiffon_unended", host=name)


def _end_of_play():
    iterator, Course.iterator = Course.iterator, None
    if iterator is None or not Course.failed:
        return
    stopped = set(iterator.get_failed_hosts())
    for name in list(iterator.host_states):
        host = Grant.variables._inventory.get_host(name)
        if Course.had_more.get(name, True) if name in stopped else (host is not None and _has_more(iterator, host)):
            _unended(name)
    Course.had_more = {}


def _end_of_playbook():
    """The hosts of plays that never came, because the playbook was ended before."""
    _end_of_play()
    for play in Course.plays:
        if Course.failed and play._uuid not in Course.begun:
            values = Grant.variables.get_vars(play=play)
            pattern = Templar(loader=play._loader, variables=values).template(play.hosts)
            for host in Grant.variables._inventory.get_hosts(pattern):
                _unended(host.get_name())


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_granted"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._play = None

    def v2_playbook_on_start(self, playbook):
        Course.plays = list(playbook.get_plays())

    def v2_playbook_on_stats(self, stats):
        if Grant.hosts:
            _end_of_playbook()

    def v2_playbook_on_play_start(self, play):
        if Grant.hosts:
            _end_of_play()
        Course.begun.add(play._uuid)
        self._play = play
        Grant.variables = play.get_variable_manager()
        pattern = play.hosts if isinstance(play.hosts, str) else ",".join(str(host) for host in play.hosts)
        if Grant.hosts and pattern not in ("all", "*"):
            meant = Grant.variables._inventory.get_hosts(play.hosts, ignore_restrictions=True, ignore_limits=True)
            besides = sorted({host.get_name() for host in meant} - Grant.hosts)
            if besides:
                _tell("chiffon_besides", play=play.get_name(), hosts=besides[:NAMED], more=max(len(besides) - NAMED, 0))

    def v2_playbook_on_no_hosts_matched(self):
        if self._play is not None:
            _tell("chiffon_no_hosts", play=self._play.get_name())

    def _result(self, result):
        if not Grant.hosts:
            return
        task = result._task.get_name()
        for name in _acted_on(result):
            if name not in Grant.hosts:
                _tell("chiffon_acted", host=result._host.get_name(), task=task, on=name, how="delegate_to")
        for name, key in _led_away(result):
            _tell("chiffon_acted", host=result._host.get_name(), task=task, on=name, how="add_host: " + key)

    def v2_runner_on_ok(self, result):
        self._result(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        Course.failed = Course.failed or not ignore_errors
        self._result(result)

    def v2_runner_on_unreachable(self, result):
        Course.failed = True
        self._result(result)

    def v2_runner_item_on_ok(self, result):
        self._result(result)

    def v2_runner_item_on_failed(self, result):
        self._result(result)
