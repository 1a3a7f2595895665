"""Binds a play to the host variables that its preview was made with.

Owns: one event with keyed digests of the variables that files give to the granted hosts, before the first task of the playbook;
where they are not those of the preview, an event that names them, and no task at all. Values are taken as they stand in the files:
templates unrendered, vaulted ones sealed. What programs and plugins say of hosts differs at every reading, and is left out.
"""

import hashlib
import hmac
import json
import os

from ansible.errors import AnsibleError
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.helpers import sort_groups
from ansible.inventory.manager import InventoryManager
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import vars_loader
from ansible.utils.display import Display
from ansible.utils.vars import combine_vars

# The plugin that reads `group_vars` and `host_vars`.
FILES = "host_group_vars"
# What Ansible itself tells of the inventory's place.
PLACES = ("inventory_dir", "inventory_file")
# Of more variables together, only whether they changed is told.
NAMED = 5000


class Bound:
    settings = None


def _read_settings():
    with open(os.environ["CHIFFON_VARIABLES"], encoding="utf-8") as file:
        Bound.settings = json.load(file)


if os.environ.get("CHIFFON_VARIABLES"):
    _read_settings()


def _tell(event, **members):
    Display().display(json.dumps({"_event": event, **members}))


def _plain(value):
    sealed = getattr(value, "_ciphertext", None)
    if sealed is not None:
        return {"sealed": sealed.decode("utf-8", "replace") if isinstance(sealed, bytes) else str(sealed)}
    if hasattr(value, "items"):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _digest(value, digits):
    text = json.dumps(_plain(value), sort_keys=True)
    return hmac.new(Bound.settings["key"].encode(), text.encode(), hashlib.sha256).hexdigest()[:digits]


class Files:
    """The variables that files give to a host, in the order in which Ansible lets one override another."""

    def __init__(self, manager):
        self._inventory, self._loader = manager._inventory, manager._loader
        # Of an inventory with programs or plugins only the rest is bound.
        sources = Bound.settings["static"]
        self._static = self._inventory
        if sources is not None:
            self._static = InventoryManager(loader=self._loader, sources=sources) if sources else None
        self._plugin = vars_loader.get(FILES)
        given = [source for source in self._inventory._sources if source and os.path.exists(source)]
        self._folders = sorted({source if os.path.isdir(source) else os.path.dirname(source) for source in given})
        self._parameters = set(getattr(manager._variable_manager, "_extra_vars", None) or {})

    def _beside(self, entities):
        found = {}
        for folder in self._folders:
            found = combine_vars(found, self._plugin.get_vars(self._loader, folder, entities))
        return found

    def of(self, host):
        known = self._static.get_host(host.get_name()) if self._static else None
        found = {}
        for group in sort_groups(known.get_groups()) if known else ():
            found = combine_vars(found, group.get_vars())
        found = combine_vars(found, self._beside(sort_groups(host.get_groups())))
        found = combine_vars(found, known.get_vars() if known else {})
        found = combine_vars(found, self._beside([host]))
        return {name: value for name, value in found.items() if name not in self._parameters and name not in PLACES}


def _of_hosts(manager):
    files, told = Files(manager), []
    for name in Bound.settings["hosts"]:
        host = manager._inventory.get_host(name)
        if host is not None:
            names = {str(variable): _digest([variable, value], 16) for variable, value in files.of(host).items()}
            told.append({"host": name, "digest": _digest(names, 32), "names": names})
    return told


def _changed(now):
    """The hosts that have other variables than at the preview, with the names of those that are known."""
    before = {host["host"]: host for host in Bound.settings["bound"]}
    changed = {}
    for host in now:
        then = before.get(host["host"])
        if then is None or then["digest"] == host["digest"]:
            continue
        names = then.get("names") or host["names"]
        changed[host["host"]] = sorted(name for name in {*names, *host["names"]} if names.get(name) != host["names"].get(name))
    return changed


def _bind(manager):
    now = _of_hosts(manager)
    changed = _changed(now)
    if changed:
        _tell("chiffon_variables_changed", hosts=changed)
        raise AnsibleError("the variables of %s have changed since the preview" % ", ".join(sorted(changed)))
    if sum(len(host["names"]) for host in now) > NAMED:
        now = [{"host": host["host"], "digest": host["digest"]} for host in now]
    plugins = {getattr(plugin, "ansible_name", "") or getattr(plugin, "_load_name", "") for plugin in vars_loader.all()}
    plugins = sorted(plugin for plugin in plugins if plugin and plugin.rsplit(".", 1)[-1] != FILES)
    _tell("chiffon_variables", hosts=now, plugins=plugins)


RUN = TaskQueueManager.run


def _run(manager, play):
    if not Bound.settings["done"]:
        Bound.settings["done"] = True
        _bind(manager)
    return RUN(manager, play)


if Bound.settings:
    TaskQueueManager.run = _run


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_variables"
