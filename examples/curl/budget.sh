#!/usr/bin/env bash
# A budget from the request to the result, with curl only: route a task, claim it, request and give an approval of exactly
# this payment, consume it by digest, complete the task, and read the timeline.
#
#   MESH_URL=http://localhost:8088 FINANCE_TOKEN=… MANAGER_TOKEN=… CFO_TOKEN=… examples/curl/budget.sh
#
# In a checkout, `npm run --silent token -- finance` prints a development token of finance.
set -euo pipefail

URL=${MESH_URL:-http://localhost:8088}
: "${FINANCE_TOKEN:?a token of the role finance}"
: "${MANAGER_TOKEN:?a token of the role manager}"
: "${CFO_TOKEN:?a token of the role cfo}"

# call TOKEN METHOD PATH [BODY [KEY]]: prints the response; fails on a refusal and prints that on standard error.
# curl retries 408, 429, 500, 502, 503 and 504, waits for Retry-After, and sends the same idempotency key each time.
call() {
  local token=$1 method=$2 path=$3 body=${4:-} key=${5:-}
  curl --silent --show-error --fail-with-body --max-time 60 \
    --retry 5 --retry-connrefused --retry-max-time 60 \
    --request "$method" "$URL$path" \
    --header "Authorization: Bearer $token" \
    ${body:+--header 'Content-Type: application/json' --data "$body"} \
    ${key:+--header "Idempotency-Key: $key"} ||
    { echo "$method $path was refused" >&2; return 1; }
}

# pick NAME: prints the first member of this name whose value is a string.
pick() { grep -oE "\"$1\":\"[^\"]*\"" | head -1 | cut -d'"' -f4; }

new_key() { cat /proc/sys/kernel/random/uuid 2> /dev/null || uuidgen; }

# The payload in canonical JSON (RFC 8785): members sorted by name, no white space.
PAYMENT='{"action":"pay","amount":50000}'
DIGEST=$(printf '%s' "$PAYMENT" | { sha256sum 2> /dev/null || shasum -a 256; } | cut -c1-64)

KEY=$(new_key)
BODY='{"target":"manager","task":{"task_type":"budget_approval","description":"The Q4 marketing budget","data":{"amount":50000}}}'
TASK=$(call "$FINANCE_TOKEN" POST /tasks/route "$BODY" "$KEY" | pick task_id)
echo "routed $TASK"

# A client that received no response sends the request again: the same key, so it is the same task.
AGAIN=$(call "$FINANCE_TOKEN" POST /tasks/route "$BODY" "$KEY" | pick task_id)
[ "$AGAIN" = "$TASK" ] || { echo "the retry created another task" >&2; exit 1; }
echo "sent again: the same task"

CLAIM=$(call "$MANAGER_TOKEN" POST "/tasks/$TASK/claim" '{"lease_seconds":300}' "$(new_key)")
SESSION=$(pick session_id <<< "$CLAIM")
echo "claimed in session-$SESSION"

APPROVAL=$(call "$MANAGER_TOKEN" POST /approvals \
  "{\"task_id\":\"$TASK\",\"approver_role\":\"cfo\",\"payload\":$PAYMENT,\"reason\":\"Above 10,000\"}" "$(new_key)" |
  pick approval_id)
echo "requested $APPROVAL"

# The CFO reads the payload, then decides. A worker would wait: GET /approvals/{id}?wait_seconds=25
call "$CFO_TOKEN" GET "/approvals/$APPROVAL" | grep -q '"digest":"'"$DIGEST"'"'
call "$CFO_TOKEN" POST "/approvals/$APPROVAL/decision" '{"decision":"approved","comments":"Within the plan"}' "$(new_key)" > /dev/null
echo "approved"

call "$MANAGER_TOKEN" POST "/approvals/$APPROVAL/consume" "{\"digest\":\"$DIGEST\"}" "$(new_key)" > /dev/null
echo "consumed: pay now, once"

call "$MANAGER_TOKEN" PUT "/sessions/$SESSION" '{"status":"completed","result":{"approved_amount":50000}}' "$(new_key)" > /dev/null
echo "completed"

call "$FINANCE_TOKEN" GET "/tasks/$TASK/timeline" | grep -oE '"event":"[^"]*"' | cut -d'"' -f4
