#!/usr/bin/env bash
# Checks that a running controller executes a request with an idempotency key once. Requires bash and curl.
#
#   CONTROLLER_URL=http://127.0.0.1:8088 TOKEN=... docs/tests/test-idempotency.sh
#
# TOKEN is a bearer token with an org role. TARGET (default: manager) is the role that the tasks are routed to.
# The script routes about seven small tasks.
set -euo pipefail

CONTROLLER_URL=${CONTROLLER_URL:-http://127.0.0.1:8088}
: "${TOKEN:?set TOKEN to a bearer token}"
TARGET=${TARGET:-manager}
LONGEST_WAIT_SECONDS=30

failures=0
response=$(mktemp -d)
trap 'rm -rf "$response"' EXIT

check() { # check <title> <expected> <actual>
  if [[ $2 == "$3" ]]; then
    echo "ok    $1"
  else
    echo "FAIL  $1: expected '$2', got '$3'"
    failures=$((failures + 1))
  fi
}

new_key() {
  local hex
  hex=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "${hex:0:8}-${hex:8:4}-4${hex:13:3}-8${hex:17:3}-${hex:20:12}"
}

# curl reads the token from standard input, so that the list of processes does not show it.
call() { # call <method> <path> [more arguments of curl]: sets status, body and headers
  local method=$1 path=$2
  shift 2
  status=$(curl --silent --show-error --max-time 10 --request "$method" "$CONTROLLER_URL$path" \
    --header @- --output "$response/body" --dump-header "$response/headers" --write-out '%{http_code}' "$@" \
    <<<"Authorization: Bearer $TOKEN") || status=none
  body=$(cat "$response/body" 2>/dev/null || true)
  headers=$(tr -d '\r' <"$response/headers" 2>/dev/null || true)
}

route() { # route <amount> [key]
  local data='{"target":"'$TARGET'","task":{"task_type":"notification","description":"idempotency test","data":{"amount":'$1'}},"context":{}}'
  call POST /tasks/route --header 'Content-Type: application/json' --data "$data" \
    ${2:+--header "Idempotency-Key: $2"}
}

header() { # header <name>: its value in the last response
  grep -i "^$1: " <<<"$headers" | cut -d ' ' -f 2- || true
}

member() { # member <name>: its text in the last response
  sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' <<<"$body" | head -n 1
}

seconds() { # seconds <2026-01-31T12:00:00.000Z>: a number of seconds, to compare two times
  local y m d H M S
  IFS='-T:.Z' read -r y m d H M S _ <<<"$1"
  y=$((10#$y)) m=$((10#$m)) d=$((10#$d))
  if ((m < 3)); then y=$((y - 1)) m=$((m + 12)); fi
  echo $(((365 * y + y / 4 - y / 100 + y / 400 + (153 * m - 457) / 5 + d) * 86400 + 10#$H * 3600 + 10#$M * 60 + 10#$S))
}

key=$(new_key)
route 1 "$key"
first=$body first_task=$(member task_id)
check 'a request with a new key is executed' 202 "$status"
check 'its response is not a replay' '' "$(header idempotent-replayed)"
check 'its response contains a task id' task- "${first_task:0:5}"
check 'its response repeats the key' "$key" "$(header idempotency-key)"

route 1 "$key"
check 'a second request with the key is 200' 200 "$status"
check 'its response has the same body' "$first" "$body"
check 'its response is marked as a replay' true "$(header idempotent-replayed)"

route 2 "$key"
check 'another payload with the key is refused' 422 "$status"
check 'the refusal has the code of a mismatch' idempotency.payload_mismatch "$(member code)"
check 'the refusal does not contain the first task id' no "$([[ -n $first_task && $body == *"$first_task"* ]] && echo yes || echo no)"

call GET "/idempotency/$key"
check 'the executed request can be read by its key' 200 "$status"
created=$(member created_at) expires=$(member expires_at)

route 1 "$(new_key)"
other_task=$(member task_id)
check 'a request with another key is executed' 202 "$status"
check 'another key creates another task' yes "$([[ -n $other_task && $other_task != "$first_task" ]] && echo yes || echo no)"

route 1
one=$(member task_id)
check 'a request without a key is executed' 202 "$status"
route 1
two=$(member task_id)
check 'a second request without a key is executed' 202 "$status"
check 'two requests without a key create two tasks' yes "$([[ -n $one && -n $two && $one != "$two" ]] && echo yes || echo no)"

route 1 'two words'
check 'a key with a space is refused' 400 "$status"

call GET "/idempotency/$(new_key)"
check 'a key that was never used is not found' 404 "$status"

if [[ -z $created || -z $expires ]]; then
  check 'the record has the time of its expiry' yes no
else
  ttl=$(($(seconds "$expires") - $(seconds "$created")))
  if ((ttl > LONGEST_WAIT_SECONDS)); then
    echo "skip  an expired key: keys are valid for $ttl s here; start the controller with IDEMPOTENCY_TTL_SECONDS=5"
  else
    sleep "$((ttl + 1))"
    call GET "/idempotency/$key"
    check 'an expired key is not found' 404 "$status"
    route 2 "$key"
    new_task=$(member task_id)
    check 'an expired key can be used with another payload' 202 "$status"
    check 'an expired key creates another task' yes "$([[ -n $new_task && $new_task != "$first_task" ]] && echo yes || echo no)"
  fi
fi

if ((failures > 0)); then
  echo "$failures failed"
  exit 1
fi
echo 'all passed'
