"""Measures the peer: `throughput N` says in how many seconds N tasks had stored results, `round_trips N` the milliseconds of each."""

import json
import os
import sys
import time

from sqlalchemy import create_engine, text

from tasks import nothing

PATIENCE_SECONDS = 600
LOOK_SECONDS = 0.05
results = create_engine(os.environ["BENCH_RESULTS"].removeprefix("db+"))


def stored(ids):
    statement = text("SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS' AND task_id = ANY(:ids)")
    with results.connect() as connection:
        return connection.execute(statement, {"ids": ids}).scalar()


def throughput(count):
    begun = time.monotonic()
    ids = [nothing.delay(f"h{number:04}").id for number in range(1, count + 1)]
    while stored(ids) < count:
        if time.monotonic() - begun > PATIENCE_SECONDS:
            sys.exit(f"{stored(ids)} of {count} results are stored after {PATIENCE_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun


def round_trips(count):
    taken = []
    for number in range(count):
        time.sleep(0.1)
        begun = time.monotonic()
        result = nothing.delay("h0001")
        # Asked as often as it can be without a pause of its own.
        said = result.get(timeout=60, interval=0.001)
        taken.append((time.monotonic() - begun) * 1000)
        if said != "nothing was done on h0001":
            sys.exit(f"a strange result: {said}")
    return taken


work, count = sys.argv[1], int(sys.argv[2])
nothing.delay("h0001").get(timeout=60)
print(json.dumps({"throughput": throughput, "round_trips": round_trips}[work](count)))
