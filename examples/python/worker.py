#!/usr/bin/env python3
"""A worker for the Agent Mesh Controller, with the standard library of Python 3.9 or later only.

It waits for tasks of one role, claims them one at a time, keeps the lease with heartbeats, requests approvals,
consumes them by digest, and completes the task. Each write has an idempotency key and is sent again with the same key
until its outcome is known, so each effect happens once.

    MESH_URL=http://localhost:8088 MESH_TOKEN_FILE=manager.token MESH_ROLE=manager python3 worker.py

Replace HANDLERS by your own. Start several processes to work on several tasks at the same time.
"""

import hashlib
import http.client
import json
import math
import os
import random
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

URL = os.environ.get("MESH_URL", "http://localhost:8088").rstrip("/")
ROLE = os.environ.get("MESH_ROLE", "")
LEASE_SECONDS = int(os.environ.get("MESH_LEASE_SECONDS", "60"))
WAIT_SECONDS = 25  # the longest wait of the API
RESPONSE_SECONDS = 30  # how long to wait for a response, in addition to the wait
APPROVAL_SECONDS = 60  # how long to keep the task while an approval is pending
RETRIES = 8
AGAIN = {408, 425, 429, 500, 502, 503, 504}


# --- The digest of a payload: SHA-256 of its canonical JSON (RFC 8785). docs/vectors/digest.json has test vectors.


def digest(value):
    """Returns the digest as hexadecimal. Raises ValueError if the value has no canonical form."""
    return hashlib.sha256(canonical(value).encode("utf-8")).hexdigest()


def canonical(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        value.encode("utf-8")  # UnicodeEncodeError, a ValueError, for a lone surrogate
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return canonical_number(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(canonical, value)) + "]"
    members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
    return "{" + ",".join(f"{canonical(name)}:{canonical(item)}" for name, item in members) + "}"


def canonical_number(value):
    """Formats a number as ECMAScript does. Every number is a double, integers too."""
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("the number does not fit a double") from error
    if not math.isfinite(number):
        raise ValueError("the number does not fit a double")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    unpadded = (whole + fraction).lstrip("0")
    # The value is 0.DIGITS times 10 to the power of `point`.
    point = int(exponent or 0) + len(whole) - (len(whole + fraction) - len(unpadded))
    digits = unpadded.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


# --- Requests


class Problem(Exception):
    """A refused request (RFC 9457), or status 0 without a response."""

    def __init__(self, status, code, detail, retry_after=0):
        super().__init__(f"{code}: {detail}")
        self.status, self.code, self.retry_after = status, code, retry_after


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # the token is for the controller only


OPENER = urllib.request.build_opener(NoRedirect)


def token():
    """Returns the token. A file is read before each request, so a renewed token is used at once."""
    file = os.environ.get("MESH_TOKEN_FILE")
    if not file:
        return os.environ["MESH_TOKEN"]
    with open(file, encoding="ascii") as content:
        return content.read().strip()


def request(method, path, body=None, *, key=None, wait=0, headers=None, retries=RETRIES):
    """Sends a request until its outcome is known. Returns (status, body, headers); raises Problem.

    A retry has the same idempotency key, so a write is executed once.
    """
    for sent in range(retries + 1):
        try:
            return send(method, path, body, key, wait, headers or {})
        except Problem as problem:
            pause = min(10, 0.5 * 2**sent) * random.random()
            if sent == retries or not is_transient(problem):
                raise
            time.sleep(pause + problem.retry_after)
    raise AssertionError


def is_transient(problem):
    renewable = problem.status == 401 and os.environ.get("MESH_TOKEN_FILE")
    return (
        problem.status == 0
        or problem.status in AGAIN
        or problem.code == "idempotency.in_progress"
        or bool(renewable)
    )


def send(method, path, body, key, wait, headers):
    headers = {"authorization": f"Bearer {token()}", "accept": "application/json", **headers}
    if key:
        headers["idempotency-key"] = key
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["content-type"] = "application/json"
    sent = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with OPENER.open(sent, timeout=RESPONSE_SECONDS + wait) as response:
            text = response.read()
            return response.status, json.loads(text) if text else None, response.headers
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return 304, None, error.headers
        raise refused(error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Problem(0, "mesh.unreachable", f"{URL}: {error}") from error


def refused(error):
    try:
        body = json.loads(error.read())
    except Exception:
        body = {}
    body = body if isinstance(body, dict) else {}
    retry_after = error.headers.get("retry-after", "")
    return Problem(
        error.code,
        body.get("code", "mesh.unexpected_answer"),
        body.get("detail", f"HTTP {error.code} from {URL}"),
        min(30, int(retry_after)) if retry_after.isdigit() else 0,
    )


def key_of(session, action):
    """Returns the same key for the same action of an attempt, also after a restart of the worker."""
    return str(uuid.uuid5(uuid.UUID(session), action))


# --- An attempt at a task


class Lost(Exception):
    """The attempt ended: the lease was lost, or the task was cancelled. Its result counts no more."""


class Rejected(Exception):
    """The approval was not given."""


class Parked(Exception):
    """The task was released until the approval is decided."""


class Attempt:
    """A claimed task. Two threads keep the lease and watch for the end of the attempt."""

    def __init__(self, claim):
        self.task = claim["task"]
        self.session = claim["session"]["id"]
        self.approvals = claim["approvals"]
        self.lease_seconds = claim["session"]["lease_seconds"] or LEASE_SECONDS
        self.lost = threading.Event()
        self.ended = threading.Event()
        for target in (self.keep_lease, self.watch):
            threading.Thread(target=target, daemon=True).start()

    def keep_lease(self):
        """Sends a heartbeat every third of the lease."""
        until = time.monotonic() + self.lease_seconds
        while not self.ended.wait(self.lease_seconds / 3):
            try:
                request("POST", f"/sessions/{self.session}/heartbeat", {}, retries=2)
                until = time.monotonic() + self.lease_seconds
            except Problem as problem:
                # Without a response the lease may still hold: the state decides, not the clock of the worker.
                if not is_transient(problem) or time.monotonic() > until + 60:
                    self.lost.set()
                    return

    def watch(self):
        """Waits for the end of the attempt. A heartbeat alone would report it only later."""
        etag = None
        while not self.ended.is_set() and not self.lost.is_set():
            headers = {"if-none-match": etag} if etag else {}
            wait = WAIT_SECONDS if etag else 0
            path = f"/sessions/{self.session}?wait_seconds={wait}"
            try:
                status, session, headers = request("GET", path, wait=wait, headers=headers)
            except Problem as problem:
                if is_transient(problem):
                    continue
                self.lost.set()
                return
            if status == 200:
                etag = headers["etag"]
                if session["status"] != "active":
                    self.lost.set()

    def check(self):
        """Raises Lost if the attempt ended. Call it between the steps of a handler."""
        if self.lost.is_set():
            raise Lost

    def sleep(self, seconds):
        self.lost.wait(seconds)
        self.check()

    def approve(self, payload, approver_role, reason=""):
        """Gets an approval of exactly this payload and consumes it. Perform the action now, once.

        Returns True if the approval was consumed now, and False if an earlier attempt consumed it: the action may have
        happened, so check that first. Raises Rejected, Parked or Lost.
        """
        wanted = digest(payload)
        known = [approval for approval in self.approvals if approval["digest"] == wanted]
        if any(approval["consumed_at"] for approval in known):
            return False
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        usable = [
            approval
            for approval in known
            if approval["status"] == "pending"
            or (approval["status"] == "approved" and (approval["consume_until"] or "~") > now)
        ]
        approval = usable[-1]["approval_id"] if usable else self.request_approval(payload, approver_role, reason)
        deadline = time.monotonic() + APPROVAL_SECONDS
        while True:
            self.check()
            path = f"/approvals/{approval}"
            _, state, _ = request("GET", f"{path}?wait_seconds=5", wait=5)
            if state["status"] != "pending":
                break
            if time.monotonic() > deadline:
                self.park(approval)
        if state["status"] != "approved":
            raise Rejected(f"{state['status']}: {state['notes']}")
        self.check()
        request(
            "POST",
            f"/approvals/{approval}/consume",
            {"digest": wanted},
            key=key_of(self.session, f"consume {approval}"),
        )
        return True

    def request_approval(self, payload, approver_role, reason):
        body = {
            "task_id": self.task["id"],
            "approver_role": approver_role,
            "payload": payload,
            "reason": reason,
        }
        if ROLE:
            body["from_role"] = ROLE
        key = key_of(self.session, f"approval {approver_role} {digest(payload)}")
        return request("POST", "/approvals", body, key=key)[1]["approval_id"]

    def park(self, approval=None):
        """Releases the task until the approval is decided. Then some worker claims it again."""
        body = {"until_approval": approval} if approval else {"reason": "Waits for an approval"}
        self.end()
        request("POST", f"/sessions/{self.session}/release", body, key=key_of(self.session, "release"))
        raise Parked

    def complete(self, result):
        self.check()
        body = {"status": "completed", "result": result}
        self.update(body, "complete")

    def fail(self, error, retryable):
        body = {"status": "failed", "error": error, "retryable": retryable}
        self.update(body, "fail")

    def update(self, body, action):
        # Heartbeats go on until the controller has the result. The watch would take this end for a loss.
        try:
            request("PUT", f"/sessions/{self.session}", body, key=key_of(self.session, action))
        except Problem as problem:
            if problem.code in ("approval.pending", "task.approval_required"):
                self.park(self.pending_approval())
            if problem.status == 409:
                raise Lost from problem
            raise

    def pending_approval(self):
        approvals = request("GET", f"/tasks/{self.task['id']}")[1]["approvals"]
        pending = [approval["id"] for approval in approvals if approval["status"] == "pending"]
        return pending[-1] if pending else None

    def end(self):
        self.ended.set()


# --- Handlers: a function for each type of task. It returns the result.


def budget_approval(attempt):
    """Spends an amount. Above 10,000 the CFO has to approve exactly this payment."""
    amount = attempt.task["data"]["amount"]
    if amount > 10_000:
        payment = {"action": "pay", "amount": amount, "task": attempt.task["id"]}
        if not attempt.approve(payment, "cfo", "A budget above 10,000"):
            log(f"task-{attempt.task['id']}: an earlier attempt may have paid; check before you pay")
    return {"approved_amount": amount}


def report(attempt):
    """Works in steps and stops when the attempt is lost."""
    steps = attempt.task["data"].get("steps", 3)
    for _ in range(steps):
        attempt.sleep(1)
    return {"steps": steps}


HANDLERS = {"budget_approval": budget_approval, "report": report}


# --- The loop


class Stopped(Exception):
    """SIGTERM or SIGINT arrived while the worker waited for a task."""


class Worker:
    def __init__(self):
        self.is_stopping = False
        self.is_waiting = False
        self.claim_key = str(uuid.uuid4())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def stop(self, *_):
        """Ends the worker: at once if it waits for a task, otherwise after the task."""
        self.is_stopping = True
        if self.is_waiting:
            raise Stopped

    def run(self):
        try:
            while not self.is_stopping:
                self.step()
        except Stopped:
            pass
        log("stopped")

    def step(self):
        try:
            claim = self.claim()
        except Problem as problem:
            if not is_transient(problem):
                raise
            log(f"no connection ({problem}); trying again")
            return self.wait(lambda: time.sleep(5))
        if claim:
            work(Attempt(claim))
        return None

    def claim(self):
        """Claims a task of a type that it has a handler for. Returns None if none becomes due in the waiting time."""
        role = {"role": ROLE} if ROLE else {}
        body = {"task_types": list(HANDLERS), "lease_seconds": LEASE_SECONDS, **role}
        # A 204 is not stored, so the key is used until a claim finds a task: a claim whose response was lost is replayed.
        status, claim, _ = request("POST", "/tasks/claim", body, key=self.claim_key)
        if status == 200:
            self.claim_key = str(uuid.uuid4())
            return claim if claim["session"]["status"] == "active" else None
        query = {"wait_seconds": WAIT_SECONDS, "task_types": ",".join(HANDLERS), **role}
        path = f"/tasks/wait?{urllib.parse.urlencode(query)}"
        self.wait(lambda: request("GET", path, wait=WAIT_SECONDS))
        return None

    def wait(self, waiting):
        self.is_waiting = True
        try:
            if not self.is_stopping:
                waiting()
        finally:
            self.is_waiting = False


def work(attempt):
    """Runs the handler and reports the outcome."""
    name = f"task-{attempt.task['id']}"
    log(f"{name}: claimed")
    try:
        attempt.complete(HANDLERS[attempt.task["task_type"]](attempt))
        log(f"{name}: completed")
    except Lost:
        log(f"{name}: lost; its result is dropped")
    except Parked:
        log(f"{name}: released until its approval is decided")
    except Rejected as rejected:
        fail(attempt, f"The approval was not given: {rejected}", retryable=False)
    except Exception as error:  # an error of the handler: another attempt may succeed
        fail(attempt, f"{type(error).__name__}: {error}", retryable=True)
    finally:
        attempt.end()


def fail(attempt, error, retryable):
    try:
        attempt.fail(error, retryable)
        log(f"task-{attempt.task['id']}: failed: {error}")
    except (Lost, Problem) as lost:
        # Without a report the lease ends, and another attempt opens.
        log(f"task-{attempt.task['id']}: the failure was not reported: {lost}")


def log(message):
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["digest"]:
        print(digest(json.load(sys.stdin)))
        sys.exit()
    try:
        Worker().run()
    except Problem as refusal:
        sys.exit(f"worker.py: {refusal}")
