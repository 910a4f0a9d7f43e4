#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# centrald is killed (-9) at random moments while eight workers return the
# results of 200 tasks. In the end every task is done, each result was accepted
# once, and the output on record is the one of the result that was accepted.
set -eu
export LC_ALL=C

bin=${BUILD:-build}/bin
bin=$(realpath "$bin")
tasks=${TASKS:-200}
dir=$(mktemp -d "${TMPDIR:-/tmp}/central-crash.XXXXXX")
central='' pool=''

finish()
{
	status=$?
	[ -z "$pool" ] || kill -- -"$pool" 2>/dev/null || true
	[ -z "$central" ] || kill_central
	[ $status -eq 0 ] || tail -n 20 "$dir/log" >&2
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

grid()
{
	"$bin/gridctl" --config "$dir/gridctl.conf" "$@"
}

start_central()
{
	"$bin/centrald" -f "$dir/central.conf" >>"$dir/log" 2>&1 &
	central=$!
}

answers()
{
	until grid job list >/dev/null 2>&1; do sleep 0.1; done
}

kill_central()
{
	kill -KILL "$central"
	wait "$central" 2>/dev/null || true
}

ended()
{
	grid job list --json 2>/dev/null | grep -q '"state": "done"'
}

PATH=$bin:$PATH "$(dirname "$0")/make-repo" "$dir/repo"
cat >"$dir/central.conf" <<END
central {
	listen 127.0.0.1:1; repo-listen 127.0.0.1:2
	state "$dir/state"; repository "$dir/repo"; root "$dir/repo.keys/root.json"
	lease 3s; attempts 1000
}
END
echo "central { url \"unix:$dir/state/centrald.sock\" }" >"$dir/gridctl.conf"
"$bin/centrald" -f "$dir/central.conf" -g "$dir/etc" >/dev/null
start_central
answers
id=$(grid job submit --count "$tasks" --retries 100 --key once -- ./run "{index}")
[ "$(grid job submit --count "$tasks" --retries 100 --key once -- ./run "{index}")" = "$id" ]
setsid "$bin/worker-pool" "$dir/state/centrald.sock" 8 "$dir/acked" &
pool=$!

kills=0
end=$((SECONDS + 120))
until ended; do
	[ $SECONDS -lt $end ] || { echo "not done in time" >&2; exit 1; }
	sleep "0.$((RANDOM % 7))$((RANDOM % 10))"
	kill_central
	kills=$((kills + 1))
	start_central
	# Let it live long enough now and then, or nobody gets on.
	[ $((kills % 5)) -ne 0 ] || sleep 3
done
# Told again after a last crash, all of it is still so.
kill_central
start_central
answers
grid job wait --timeout 20 "$id"
kill -- -"$pool" 2>/dev/null
wait "$pool" || { echo "a worker met a refusal it should not have" >&2; exit 1; }
pool=''

grid job result "$id" | sort >"$dir/results"
sort -u "$dir/acked" >"$dir/acked.sorted"
[ "$(wc -l <"$dir/results")" -eq "$tasks" ]
[ "$(cut -d' ' -f1 "$dir/results" | uniq | wc -l)" -eq "$tasks" ]
# Nothing was acknowledged that is not on record. What is on record and was not
# acknowledged: the answer was lost, and its worker stopped asking.
comm -13 "$dir/results" "$dir/acked.sorted" >"$dir/lost"
[ ! -s "$dir/lost" ] || { echo "acknowledged, but not on record:"; cat "$dir/lost"; exit 1; } >&2
grid job show --json "$id" >"$dir/job"
grep -q "\"done\": $tasks," "$dir/job"
grep -q '"failed": 0,' "$dir/job"
# One output file a task: no orphans.
[ "$(find "$dir/state/output" -type f | wc -l)" -eq "$tasks" ]
echo "$tasks tasks done once each, centrald killed $kills times"
