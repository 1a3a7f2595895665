"""Tells Chiffon's agent which jobs a play waits for on its hosts (`async` with `poll`): without it, only their end is told.

Owns: one event on standard output for each job, when it is first looked at.
"""

import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_jobs"

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._told = set()

    def v2_runner_on_async_poll(self, result):
        host, job = result._host.get_name(), result._result.get("ansible_job_id")
        if job and (host, job) not in self._told and not result._result.get("finished"):
            self._told.add((host, job))
            event = {"_event": "chiffon_job", "host": host, "task": result._task.get_name(), "ansible_job_id": job, "started": 1}
            self._display.display(json.dumps(event))
