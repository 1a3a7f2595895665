"""Tells Chiffon's agent what hosts are at: the task that each begins, and the jobs that a play waits for (`async` with `poll`).

Owns: one event on standard output for each task of a host, and one for each job, when it is first looked at. Ansible's own events name
a host only when it has answered.
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

    def _tell(self, event, **members):
        self._display.display(json.dumps({"_event": event, **members}))

    def v2_runner_on_start(self, host, task):
        self._tell("chiffon_began", host=host.get_name(), task=task.get_name())

    def v2_runner_on_async_poll(self, result):
        host, job = result._host.get_name(), result._result.get("ansible_job_id")
        if job and (host, job) not in self._told and not result._result.get("finished"):
            self._told.add((host, job))
            self._tell("chiffon_job", host=host, task=result._task.get_name(), ansible_job_id=job, started=1)
