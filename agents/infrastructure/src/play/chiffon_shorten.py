"""Shortens what callbacks are given of a task's result, so that the event that tells of it is never too long to be read.

Owns: the copy of a result that callbacks get, and whether an output (`set_stats`) is short enough to be one: one that is not is none,
and one event on standard output says so. What a task registers stays whole, and so do the words that say what became of it;
long texts and lists keep their beginning and say how much is left out, and the result carries a warning.
"""

import json

from ansible.executor import task_result
from ansible.executor.stats import AggregateStats
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

# Characters of one text or list of lines.
LONGEST = 256 * 1024
# Bytes of all texts of one result, and of all its diffs, as JSON. Together they are less than an event may have.
ROOM = 3 * 1024 * 1024
# Bytes of all outputs of all hosts, as JSON.
OUTPUTS = 4 * 1024 * 1024
# A text that is shorter always stays.
SHORT = 100
# What the play puts out is no text for people.
WHOLE = ("ansible_stats",)


def _size(value):
    return len(json.dumps(value, default=str))


def _is_text(value):
    return isinstance(value, str)


class Shortener:
    def __init__(self):
        self.room = {"texts": ROOM, "diffs": ROOM}
        self.cut = set()

    def members(self, members, key=""):
        """The same with long values shortened. Lines repeat a text, so they come last."""
        short = dict(members)
        for name in sorted(members, key=lambda name: str(name).endswith("_lines")):
            if key or name not in WHOLE:
                short[name] = self.value(members[name], key or str(name), name == "diff")
        return short

    def value(self, value, key, is_diff=False):
        if _is_text(value):
            return self.text(value, key)
        if is_diff:
            return self.diff(value)
        if isinstance(value, dict):
            return self.members(value, key)
        if isinstance(value, (list, tuple)):
            return self.lines(value, key) if all(map(_is_text, value)) else [self.item(one, key) for one in value]
        return value

    def item(self, item, key):
        # A loop's item has a diff and lines of its own.
        return self.members(item) if key == "results" and isinstance(item, dict) else self.value(item, key)

    def text(self, text, key):
        if len(text) <= SHORT:
            return text
        kept = text[:LONGEST]
        if len(kept) < len(text):
            kept = kept[: kept.rfind("\n") + 1] or kept
        size = _size(kept)
        if size > self.room["texts"]:
            kept = ""
        else:
            self.room["texts"] -= size
        if len(kept) == len(text):
            return text
        self.cut.add(key)
        end = "" if not kept or kept.endswith("\n") else "\n"
        return "%s%s\u2026 %d characters left out" % (kept, end, len(text) - len(kept))

    def lines(self, lines, key):
        kept, length, room = [], 0, self.room["texts"]
        for line in lines:
            length += len(line)
            if length > LONGEST:
                break
            room -= _size(line) + 1
            if room < 0:
                break
            kept.append(line)
        self.room["texts"] -= sum(_size(line) + 1 for line in kept)
        if len(kept) < len(lines):
            self.cut.add(key)
            kept.append("\u2026 %d lines left out" % (len(lines) - len(kept)))
        return kept

    def diff(self, diff):
        if isinstance(diff, (list, tuple)):
            return [self.diff(part) for part in diff]
        size = _size(diff)
        if size <= self.room["diffs"]:
            self.room["diffs"] -= size
            return diff
        # Half of a side would show lines as gone that are not.
        self.cut.add("diff")
        headers = ("before_header", "after_header")
        given = diff if isinstance(diff, dict) else {}
        return dict({name: given[name] for name in headers if name in given}, src_larger=ROOM)


class Outputs:
    """Half an output would be taken for a whole one: one for which there is no room is dropped for every host."""

    room = OUTPUTS
    dropped = set()
    is_counted = False

    @classmethod
    def has_room(cls, name, value):
        if name in cls.dropped:
            return False
        size = _size(value)
        if size <= cls.room:
            cls.room -= size
            return True
        cls.dropped.add(name)
        event = {"_event": "chiffon_output_too_long", "name": str(name), "bytes": size, "most": OUTPUTS}
        Display().display(json.dumps(event))
        return False


def _bounded(change):
    """Ansible's own way to add an output may call the one that sets it."""

    def bounded(stats, which, what, *arguments, **named):
        if Outputs.is_counted:
            return change(stats, which, what, *arguments, **named)
        if not Outputs.has_room(which, what):
            for values in stats.custom.values():
                values.pop(which, None)
            return None
        Outputs.is_counted = True
        try:
            return change(stats, which, what, *arguments, **named)
        finally:
            Outputs.is_counted = False

    return bounded


for _name in ("set_custom_stats", "update_custom_stats"):
    if hasattr(AggregateStats, _name):
        setattr(AggregateStats, _name, _bounded(getattr(AggregateStats, _name)))


def _without_dropped(stats):
    data = stats.get("data") if isinstance(stats, dict) else None
    if not isinstance(data, dict):
        return stats
    return dict(stats, data={name: value for name, value in data.items() if name not in Outputs.dropped})


def _shorten(copy):
    result = copy._result
    if not isinstance(result, dict):
        return copy
    if Outputs.dropped and "ansible_stats" in result:
        result["ansible_stats"] = _without_dropped(result["ansible_stats"])
    shortener = Shortener()
    short = shortener.members(result)
    if shortener.cut:
        names = ", ".join("`%s`" % name for name in sorted(shortener.cut))
        warning = "its result is too long to be told whole: %s shortened here; the play itself has all of it" % names
        result.update(short)
        result["warnings"] = list(result.get("warnings") or []) + [warning]
    return copy


def _patch(owner, name):
    """Whatever makes the copy for callbacks, in the version of Ansible that runs."""
    make = getattr(owner, name, None)
    if make is not None:
        setattr(owner, name, lambda *arguments, **named: _shorten(make(*arguments, **named)))


# ansible-core to 2.18, and from 2.19 on.
_patch(getattr(task_result, "TaskResult", None), "clean_copy")
_patch(getattr(task_result, "_RawTaskResult", None), "as_callback_task_result")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_shorten"
