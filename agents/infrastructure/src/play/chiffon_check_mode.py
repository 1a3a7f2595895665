"""Tells Chiffon's agent what a dry run is not: tasks that ran for real because check mode is off for them, and tasks whose
answer rests on the result of a task that check mode skipped.

Owns: one event on standard output after the result of each such task, beside those of the callback that writes the results.
What a task's `check_mode` came to, templates resolved and blocks and roles looked at, and what it registers, is known here only.
"""

import json
import re

from ansible import context
from ansible.plugins.callback import CallbackBase

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Of a task these speak of its own result, or are for people.
OWN = ("changed_when", "failed_when", "until")
APART = ("name", "register", "tags", "notify")


def _ran_for_real(result):
    fields = getattr(result, "_task_fields", None) or {}
    return fields.get("check_mode") is False


def _was_left_out(result):
    """Skipped for check mode, and not because a condition said so."""
    answer = result._result
    return "false_condition" not in answer and "onditional" not in str(answer.get("skip_reason", ""))


def _names(task):
    """Every word that may be a variable in what the task is made of, its blocks' conditions among it."""
    parts = task.get_ds()
    parts = dict(parts) if isinstance(parts, dict) else {}
    for key in APART + (OWN if task.register else ()):
        parts.pop(key, None)
    return set(NAME.findall(str([parts, task.when, task.vars])))


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_check_mode"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        # Whether items of a loop that ran for real have changed something: each has a `check_mode` of its own.
        self._items = {}
        # Variables by host whose value comes from a task that was left out, each with the one it comes from.
        self._hollow = {}

    def _say(self, name, result, **more):
        task = result._task
        event = {"_event": name, "host": result._host.get_name(), "task": task.get_name(), "action": task.action}
        event.update(more)
        self._display.display(json.dumps(event))

    def _item(self, result):
        if _ran_for_real(result):
            key = (result._host.get_name(), result._task._uuid)
            self._items[key] = self._items.get(key, False) or bool(result._result.get("changed"))

    def _for_real(self, result):
        items = self._items.pop((result._host.get_name(), result._task._uuid), None)
        if items is None and (not _ran_for_real(result) or "results" in result._result):
            return False
        changed = bool(result._result.get("changed")) if items is None else items
        self._say("chiffon_for_real", result, changed=changed)
        return True

    def _rests_on(self, result):
        """The variable without a value that the task uses, whatever it gives on being without one, too."""
        task, hollow = result._task, self._hollow.setdefault(result._host.get_name(), {})
        used = sorted(_names(task) & set(hollow))
        source = hollow[used[0]] if used else None
        given = [task.register] if task.register else []
        if task.action.rsplit(".", 1)[-1] == "set_fact":
            given += [name for name in task.args if name != "cacheable"]
        for name in given:
            if source:
                hollow[name] = source
            else:
                hollow.pop(name, None)
        return source

    def _answered(self, result):
        if not context.CLIARGS.get("check"):
            return
        is_real, source = self._for_real(result), self._rests_on(result)
        if source and not is_real and not result._result.get("failed"):
            self._say("chiffon_hollow", result, variable=source)

    def v2_runner_on_skipped(self, result):
        if not context.CLIARGS.get("check"):
            return
        source, task = self._rests_on(result), result._task
        if task.register and not source and _was_left_out(result):
            self._hollow[result._host.get_name()][task.register] = task.register

    v2_runner_item_on_ok = _item
    v2_runner_item_on_failed = _item

    def v2_runner_on_ok(self, result):
        self._answered(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._answered(result)
