"""Tells Chiffon's agent which tasks a playbook has, before the first begins.

Owns: one event on standard output. What `include_*` brings, handlers, and what stands in `rescue` and `always` is not in it: nobody
knows before whether it will run.
"""

import json

from ansible import constants
from ansible.errors import AnsibleError
from ansible.playbook.block import Block
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar


def _tasks(block):
    for task in block.block:
        if isinstance(task, Block):
            yield from _tasks(task)
        # These steer the play, and say nothing of themselves.
        elif task.action not in constants._ACTION_META:
            yield task


def _of_play(play):
    """The tasks of a play, each with the number of hosts that the play has."""
    manager = play.get_variable_manager()
    values = manager.get_vars(play=play)
    pattern = Templar(loader=play._loader, variables=values).template(play.hosts)
    hosts = len(manager._inventory.get_hosts(pattern))
    for block in play.compile():
        for task in _tasks(block.filter_tagged_tasks(values)):
            yield {"id": task._uuid, "name": task.get_name(), "hosts": hosts}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_tasks"

    def v2_playbook_on_start(self, playbook):
        try:
            tasks = [task for play in playbook.get_plays() for task in _of_play(play)]
        except AnsibleError:
            # Ansible itself will come to it, and say so.
            return
        self._display.display(json.dumps({"_event": "chiffon_tasks", "tasks": tasks}))
