"""The story, told by a program: with the client that openapi-python-client generates from the orchestrator's own document.

    story.py ADDRESS TOKEN        the generated package `chiffon_client` must be importable

Every answer must be one that the document describes: a body that the client can't read, or a status that it does not know, ends
this with its traceback. The last line tells what was done.
"""

import sys
import time
from uuid import uuid4

from chiffon_client import AuthenticatedClient, errors
from chiffon_client.api.actions import get_actions
from chiffon_client.api.agents import get_agents, get_agents_capacity
from chiffon_client.api.audit import get_audit
from chiffon_client.api.health import get_health
from chiffon_client.api.keys import get_keys
from chiffon_client.api.operations import get_costs
from chiffon_client.api.requests import (
    get_request_id,
    get_request_id_summary,
    get_requests,
    post_approve,
    post_cancel_id,
    post_request,
    post_request_id_messages,
)
from chiffon_client.api.tasks import get_tasks_id, get_tasks_id_logs
from chiffon_client.api.tokens import delete_tokens_id, get_tokens, get_whoami, post_tokens
from chiffon_client.models import CancelBody, CreateBody, DecideBody, Decision, ProblemDetails, Role, SayBody, SubmitBody

WISH = "Deploy Kuma Uptime to nas and add our existing portals"
PATIENCE_SECONDS = 120


def expect(what, holds):
    """Ends the story where something is not so."""
    if not holds:
        sys.exit(f"story: {what}")


def read(answer):
    """The body of an answer that must be a success."""
    body = answer.parsed
    expect(f"{answer.status_code}: {body}", answer.status_code < 300 and not isinstance(body, ProblemDetails))
    return body


def until(client, request_id, states):
    """The request, once it is in one of these states."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        request = read(get_request_id.sync_detailed(request_id, client=client))
        if request.status in states:
            return request
        expect(f"still `{request.status}` and not one of {states}: {request.to_dict()}", time.monotonic() < deadline)
        time.sleep(0.2)


def decide(client, request, decision, comment=None):
    body = DecideBody(request_id=request.request_id, plan_sha256=request.plan.sha256, decision=decision)
    if comment:
        body.comment = comment
    return post_approve.sync_detailed(client=client, body=body)


def ask(client):
    """Asked twice with one key, which is one request; waits for its plan."""
    key = str(uuid4())
    asked = [
        read(post_request.sync_detailed(client=client, body=SubmitBody(text=WISH), wait="30s", idempotency_key=key)) for _ in range(2)
    ]
    expect("one key made two requests", asked[0].request_id == asked[1].request_id)
    planned = until(client, asked[0].request_id, ["awaiting_approval", "needs_input", "failed"])
    expect(f"no plan: {planned.to_dict()}", planned.status == "awaiting_approval" and len(planned.plan.steps) >= 2)
    short = read(get_request_id_summary.sync_detailed(planned.request_id, client=client))
    expect(f"in short: {short.to_dict()}", short.plan.diffstat.changes > 0 and short.plan.diffstat.lines_added > 0)
    return planned


def revise(client, planned):
    """A wish about the plan makes another, and the old one can't be approved any more."""
    read(post_request_id_messages.sync_detailed(planned.request_id, client=client, body=SayBody(text="Use port 3002")))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        revised = until(client, planned.request_id, ["awaiting_approval"])
        if revised.plan.sha256 != planned.plan.sha256:
            break
        expect("the plan stays as it was", time.monotonic() < deadline)
        time.sleep(0.2)
    stale = decide(client, planned, Decision.APPROVE)
    expect(f"a stale plan: {stale.parsed}", stale.status_code == 409 and stale.parsed.code == 5107)
    expect(f"its page: {stale.parsed.type_}", stale.parsed.type_.startswith("http"))
    return revised


def look_back(client, request_id):
    """What ran is found again in every list."""
    done = read(get_request_id.sync_detailed(request_id, client=client))
    for task in done.tasks:
        read(get_tasks_id.sync_detailed(task.task_id, client=client))
        read(get_tasks_id_logs.sync_detailed(task.task_id, client=client, limit=10))
    found = read(get_requests.sync_detailed(client=client, host="nas", action="deploy_kuma", status="completed"))
    expect("it is not found by host and action", request_id in [item.request_id for item in found.items])
    chain = read(get_audit.sync_detailed(client=client, chain=str(request_id)))
    expect("its audit chain is empty", len(chain.items) > 5)
    return done


def manage(client):
    """A token is made, listed and revoked."""
    made = read(post_tokens.sync_detailed(client=client, body=CreateBody(name="story", role=Role.VIEWER, label="made by a program")))
    listed = read(get_tokens.sync_detailed(client=client))
    expect("the new token is not listed", made.token_id in [token.token_id for token in listed.items])
    gone = delete_tokens_id.sync_detailed(made.token_id, client=client)
    expect(f"revoking: {gone.status_code}", gone.status_code < 300)
    missing = get_request_id.sync_detailed(uuid4(), client=client)
    expect(f"a request that is not there: {missing.parsed}", missing.status_code == 404 and isinstance(missing.parsed, ProblemDetails))


def main(address, token):
    client = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True, timeout=90)
    expect("who am I", read(get_whoami.sync_detailed(client=client)).role == Role.ADMIN)
    read(get_health.sync_detailed(client=client))
    for page in (get_actions, get_agents, get_agents_capacity, get_keys, get_costs):
        read(page.sync_detailed(client=client))
    revised = revise(client, ask(client))
    read(decide(client, revised, Decision.APPROVE))
    done = until(client, revised.request_id, ["completed", "failed", "needs_attention"])
    expect(f"it did not complete: {done.to_dict()}", done.status == "completed")
    done = look_back(client, done.request_id)
    ended = post_cancel_id.sync_detailed(done.request_id, client=client, body=CancelBody())
    expect(f"an ended request is cancelled: {ended.parsed}", ended.status_code == 409)
    manage(client)
    print(f"story: {len(done.tasks)} tasks of {done.request_id} completed", flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except errors.UnexpectedStatus as error:
        sys.exit(f"story: {error}")
