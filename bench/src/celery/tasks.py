"""The peer's no-op task, as durable as Celery makes it: acknowledged late, confirmed by the broker, its result in PostgreSQL."""

import os

from celery import Celery

app = Celery("tasks", broker=os.environ["BENCH_BROKER"], backend=os.environ["BENCH_RESULTS"])
app.conf.update(
    # Acknowledged when it is done, not when it is taken.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # Each publish waits for the broker's word. Queues are durable and messages persistent as it is.
    broker_transport_options={"confirm_publish": True},
    task_default_delivery_mode="persistent",
    broker_connection_retry_on_startup=True,
    # The name of the task, its arguments and times stand beside the result, as Chiffon's rows tell them.
    result_extended=True,
)


@app.task
def nothing(host):
    return f"nothing was done on {host}"
