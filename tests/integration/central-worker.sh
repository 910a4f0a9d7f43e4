#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The real worker and the real centrald, through the TLS of nginx: a job with an
# input file runs on two workers; one of them is killed with a task in its
# hands, centrald is killed and started again, and the job ends done.
set -eu

[ "$(id -u)" = 0 ] || { echo "needs root: workers run jobs as another user"; exit 77; }
bin=$(realpath "${BUILD:-build}/bin")
dir=$(mktemp -d "${TMPDIR:-/tmp}/central-worker.XXXXXX")
port=$((20000 + RANDOM % 12000))
pids=()

finish()
{
	status=$?
	# TERM: an nginx that is killed leaves its workers behind.
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	[ $status -eq 0 ] || tail -n 20 "$dir"/*.log >&2
	umount "$dir"/*/cgroup 2>/dev/null || true
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

grid()
{
	"$bin/gridctl" --config "$dir/gridctl.conf" "$@"
}

start()
{
	local log=$1
	shift
	"$@" >>"$dir/$log.log" 2>&1 &
	pids+=($!)
}

await()
{
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "in vain: $*" >&2
	return 1
}

start_worker()
{
	cat >"$dir/$1.conf" <<-END
	node lab/$1; domu a
	url https://127.0.0.1:$port
	pin $("$bin/centrald" -f "$dir/central.conf" -p)
	token $token
	user nobody
	state "$dir/$1"
	END
	start "$1" "$bin/worker" -f "$dir/$1.conf"
}

chmod 755 "$dir"
PATH=$bin:$PATH "$(dirname "$0")/make-repo" "$dir/repo" batch 1 >/dev/null
cat >"$dir/central.conf" <<END
central {
	listen 127.0.0.1:$port; repo-listen 127.0.0.1:$((port + 1))
	state "$dir/state"; repository "$dir/repo"; root "$dir/repo.keys/root.json"
	lease 6s; site lab { }
}
END
echo "central { url \"unix:$dir/state/centrald.sock\" }" >"$dir/gridctl.conf"
echo 'workspace ll { image batch/stable }' >"$dir/ws.conf"
"$bin/centrald" -f "$dir/central.conf" -g "$dir/etc" >/dev/null
start centrald "$bin/centrald" -f "$dir/central.conf"
central=${pids[0]}
start nginx nginx -c "$dir/etc/nginx.conf" -g 'daemon off;'
await grid workspace apply "$dir/ws.conf"
token=$(curl -sS --unix-socket "$dir/state/centrald.sock" http://central/v1/site/desired |
	sed -n 's/.*"token": *"\([0-9a-f]*\)".*/\1/p')

cat >"$dir/square" <<'END'
#!/bin/sh
sleep 1
echo "$1 $(($1 * $1)) $GREETING"
END
chmod 755 "$dir/square"
id=$(grid job submit --count 12 --wall 1m --input "$dir/square" \
	--env 'GREETING=hello {index}' -- ./square "{index}")
start_worker one
one=${pids[-1]}
start_worker two
await eval "grid job list --json | grep -q '\"leased\": 2'"
kill -KILL "$one"
sleep 1
kill -KILL "$central"
sleep 2
start centrald "$bin/centrald" -f "$dir/central.conf"
await grid job list
grid job wait --timeout 90 "$id"
grid job result "$id" >"$dir/results"
for i in $(seq 0 11); do echo "$i $((i * i)) hello $i"; done | diff -u - "$dir/results"
grid job show "$id"
echo "12 tasks done on one and a half workers and two lives of centrald"
