#!/usr/bin/python3
"""Checks the actions: lint, format, and real runs in check mode, applied, and applied again, on isolated roots.

    playbooks/tests/run.py [WORD ...]      only the cases whose name holds one of the words

Prints `N passed, N failed, N skipped` and exits 1 when something failed. CHIFFON_DEBOOTSTRAP_ROOT may name a Debian
root (debootstrap --include=python3,python3-apt) for the cases that need a package manager; it is copied first.
Told to end (SIGTERM, Ctrl-C), it begins no further case, ends those that it has begun, and exits 130.
"""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases_apps
import cases_format
import cases_hosts
import cases_kuma
import cases_portals
from skipping import NotRun


def one(case):
    started = time.monotonic()
    try:
        case()
        verdict, detail = "passed", ""
    except NotRun as reason:
        verdict, detail = "not run", str(reason)
    except Exception:
        verdict, detail = "FAILED", traceback.format_exc()
    return verdict, detail, time.monotonic() - started


def _begin():
    # What has begun comes to its end. A handler, because what is ignored stays ignored in programs that a case starts.
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: None)


def main():
    words = sys.argv[1:]
    cases = [(name.replace("_", " "), case)
             for module in (cases_apps, cases_hosts, cases_kuma, cases_format, cases_portals)
             for name, case in vars(module).items()
             if callable(case) and getattr(case, "__module__", "") == module.__name__ and not name.startswith("_")]
    chosen = [(name, case) for name, case in cases if not words or any(word in name for word in words)]
    counts = {"passed": 0, "FAILED": 0, "not run": 0}
    # Processes, not threads: some cases take away for a moment what others look at (a module, a variable of the environment).
    workers = concurrent.futures.ProcessPoolExecutor(
        max_workers=min(4, os.cpu_count() or 1), mp_context=multiprocessing.get_context("fork"), initializer=_begin)
    with workers as pool:
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, signal.default_int_handler)
        running = {pool.submit(one, case): name for name, case in chosen}
        try:
            for future in concurrent.futures.as_completed(running):
                verdict, detail, seconds = future.result()
                counts[verdict] += 1
                print("%-8s %s (%.1f s)%s" % (verdict, running[future], seconds, "\n" + detail if verdict == "FAILED" else ": " + detail if detail else ""), flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            return 130
    print("%d passed, %d failed, %d skipped" % (counts["passed"], counts["FAILED"], counts["not run"]))
    return 1 if counts["FAILED"] or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
