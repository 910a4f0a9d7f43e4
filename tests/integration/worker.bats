#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The worker against a central that does as the test says: sandbox, limits,
# leases lost and kept, and all the ways central can be away.

# shellcheck disable=SC2016  # the scripts of jobs expand in their own shell
: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root: jobs run as another user"
	unshare -mpn true || skip "needs namespaces"
	cd "$TOP" || return
	T=$(mktemp -d)
	uid=$((60000 + BATS_TEST_NUMBER + $$ % 4000))
	mkdir "$T/files"
	cat > "$T/conf" <<-END
		node lab/pc1
		domu batch-1
		url unix:$T/sock
		token secret
		user $uid
		state $T/state
	END
	"$BUILD/bin/fake-central" "$T" 2> "$T/central.log" 3>&- &
	central=$!
	wait_for 5 test -S "$T/sock"
	start_worker
}

teardown() {
	[ -n "${T:-}" ] || return 0
	kill -KILL "$worker" "$central" ${nginx:-} 2> /dev/null || :
	[ "${BATS_TEST_COMPLETED:-}" ] || cat "$T/log"
	umount "$T/state/scratch" 2> /dev/null || :
	umount "$T/state/cgroup" 2> /dev/null || :
	rm -rf "$T"
}

start_worker() {
	"$BUILD/bin/worker" -f "$T/conf" >> "$T/log" 2>&1 3>&- &
	worker=$!
}

wait_for() { # SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "waited in vain: $*"; return 1; }
		sleep 0.1
	done
}

ask() { # PATH [CURL OPTION...]
	local path=$1
	shift
	curl -sf --max-time 5 --unix-socket "$T/sock" "$@" "http://x$path"
}

tell() { ask "$1" -d "$2"; }
state() { ask /test/state; }
output() { ask /test/output; }
has_result() { state | grep -q "\"results\":\[{.*$1"; }
has_output() { output | grep -q "$1"; }
said() { grep -q "$1" "$T/log"; }
left() { pgrep -u "$uid" > /dev/null; }
none_left() { ! left; }
not() { if "$@"; then return 1; fi; }

lease=0
submit() { # SCRIPT [INPUTS]; wall= and cpu= set limits
	lease=$((lease + 1))
	local script=${1//\\/\\\\}
	script=${script//[[:space:]]/ }
	tell /test/task "{\"lease\": \"$(printf %032x $lease)\", \"lease_sec\": 3,
		\"job\": 1, \"index\": $lease, \"attempt\": 1,
		\"command\": [\"/bin/sh\", \"-c\", \"${script//\"/\\\"}\"],
		\"env\": {\"COLOUR\": \"night blue\"}, \"inputs\": [${2:-}],
		\"limits\": {\"wall_sec\": ${wall:-60}, \"cpu_sec\": ${cpu:-60},
			\"memory_mib\": 64, \"output_max\": 100000}}"
}

input() { # NAME MODE; content on stdin: puts it there, prints its object
	local sum
	cat > "$T/input"
	sum=$(sha256sum < "$T/input" | cut -d' ' -f1)
	cp "$T/input" "$T/files/$sum"
	printf '{"name": "%s", "sha256": "%s", "size": %d, "mode": %d}' \
		"$1" "$sum" "$(stat -c %s "$T/input")" "$2"
}

@test "runs a task and streams its output before it ends" {
	submit 'echo "$COLOUR $NIGHTSHIFT_INDEX"; echo error >&2; sleep 4; echo end'
	wait_for 4 has_output 'night blue 1'
	not has_result exit
	wait_for 5 has_result '"exit":0,"signal":0,"error":""'
	[ "$(output)" = "$(printf 'night blue 1\nerror\nend')" ]
}

@test "a scratch disk holds /work, which each task finds empty" {
	wait_for 5 test -d "$T/state"
	mkdir "$T/state/scratch"
	mount -t tmpfs -o size=8M disk "$T/state/scratch"
	printf hello | input in.txt 420 >"$T/in"
	submit 'grep " /work " /proc/self/mounts; cat in.txt; echo x >a; mkdir -p d/d; ln -s /usr d/l; chmod 0 d/d' \
		"$(cat "$T/in")"
	wait_for 10 has_result '"exit":0,"signal":0,"error":""'
	has_output '^disk /work tmpfs rw,nosuid,nodev'
	has_output '^hello'
	[ -L "$T/state/scratch/work/d/l" ]
	submit 'echo files: $(ls -A | wc -l)'
	wait_for 10 has_output '^files: 0'
}

@test "reports exit status and signal" {
	submit 'exit 3'
	wait_for 5 has_result '"exit":3,"signal":0'
	submit 'kill -SEGV $$'
	wait_for 5 has_result '"exit":-1,"signal":11'
}

@test "says why a command cannot run" {
	tell /test/task '{"lease": "000000000000000000000000000000aa", "lease_sec": 3,
		"command": ["./nothing here"]}'
	wait_for 5 has_result "cannot run './nothing here': No such file"
}

@test "inputs are verified, shown read-only, and cached" {
	i=$(echo 'echo "I am $0"' | input tool 493)
	submit './tool; echo x > tool; rm -f tool; test -x tool && ls' "$i"
	wait_for 5 has_result '"exit":0'
	has_output 'I am ./tool'
	rm "$T"/files/*
	submit './tool' "$i"
	wait_for 5 has_result '.*},{.*"exit":0'
}

@test "inputs with wrong bytes are not used" {
	i=$(echo right | input data 420)
	for f in "$T"/files/*; do echo wrong > "$f"; done
	submit 'cat data' "$i"
	wait_for 20 has_result "\"error\":\"input 'data': its bytes do not have its digest\""
	[ -z "$(output)" ]
}

@test "a missing input ends the task with a reason" {
	i=$(echo right | input data 420)
	rm "$T"/files/*
	submit 'cat data' "$i"
	wait_for 5 has_result "\"error\":\"input 'data': no such file\""
}

@test "the job has no rights, no network, no sight of the token" {
	submit 'id -u; cat /proc/sys/kernel/hostname /proc/cmdline /proc/1/environ;
		grep -E "^(NoNewPrivs|Cap(Prm|Eff|Bnd))" /proc/self/status; ls /run /sys /proc/1 /proc/net/;
		ls /dev; ls -d /home /root /tmp /work /var; touch /usr/x; echo $$; cat /proc/self/oom_score_adj'
	wait_for 5 has_result '"exit":0'
	output > "$T/seen"
	grep -qx "$uid" "$T/seen"
	grep -q 'NoNewPrivs:	1' "$T/seen"
	[ "$(grep -c 'Cap...:	0000000000000000' "$T/seen")" = 3 ]
	for path in /run /sys /proc/cmdline /home /root /var; do
		grep -q "$path.*No such file" "$T/seen"
	done
	grep -q '/usr/x.*Read-only' "$T/seen"
	grep -qx 1000 "$T/seen"
	not grep -q xen "$T/seen"
}

@test "the job cannot reach a network" {
	command -v bash > /dev/null
	submit 'bash -c "echo > /dev/tcp/127.0.0.1/22"'
	wait_for 5 has_result '"exit":1'
	has_output 'unreachable\|refused'
}

@test "a cancelled task ends with all its children" {
	submit 'setsid sh -c "sleep 987 & sleep 986" & trap "" TERM HUP; sleep 985; sleep 984'
	wait_for 5 left
	sleep 1
	tell /test/set '{"cancel": true}'
	wait_for 5 has_result '"signal":9,"error":"cancelled"'
	none_left
}

@test "what a job leaves behind ends with it" {
	submit 'setsid sleep 987 & setsid setsid sleep 986 & echo started'
	wait_for 5 has_result '"exit":0'
	has_output started
	none_left
}

@test "a lost lease ends the task without a result, and the next one runs" {
	submit 'echo one; sleep 987'
	wait_for 5 has_output one
	tell /test/set '{"gone": true}'
	wait_for 5 said 'the lease is gone'
	wait_for 5 none_left
	state | grep -q '"results":\[\]'
	tell /test/set '{"gone": false}'
	submit 'echo two'
	wait_for 5 has_result '"exit":0'
	[ "$(output)" = two ]
}

@test "a task that outlives its wall limit is ended" {
	wall=1 submit 'echo begin; sleep 987'
	wait_for 6 has_result '"signal":9,"error":"wall limit of 1 s"'
	none_left
}

@test "an endless loop meets the CPU limit" {
	cpu=1 submit 'while :; do :; done'
	wait_for 10 has_result '"error":"CPU limit of 1 s"'
}

@test "a memory bomb stays within its limit" {
	submit 'x=a; while :; do x=$x$x; done'
	wait_for 20 has_result '"exit":[1-9-]'
	kb=$(state | sed 's/.*"max_rss_kib":\([0-9]*\).*/\1/')
	[ "$kb" -le $((80 * 1024)) ]
	kill -0 "$worker"
}

@test "many small memory users are one task to the limit" {
	submit 'for i in 1 2 3 4; do (x=a; while [ ${#x} -lt 25000000 ]; do x=$x$x; done; sleep 30) & done; wait'
	wait_for 5 said started
	said 'no cgroup v2' && skip "this kernel's cgroup v2 has no memory controller"
	wait_for 40 has_result '"signal":9,"error":"memory limit of 64 MiB"'
	none_left
}

@test "files in RAM are bounded" {
	submit 'cat /dev/zero > /work/a; cat /dev/zero > /tmp/a; ls -l /work/a /tmp/a'
	wait_for 20 has_result '"exit":0'
	has_output 'No space left'
}

@test "a fork bomb is contained and swept up" {
	wall=2 submit 'exec 2> /dev/null; f() { f | f & f; }; (f) & exec sleep 60'
	wait_for 20 has_result '"error":"wall limit of 2 s"'
	wait_for 2 none_left
	submit 'echo fine'
	wait_for 5 has_result '.*},{.*"exit":0'
}

@test "an output flood ends at its bound" {
	submit 'while :; do echo 0123456789; done'
	wait_for 10 has_result '"error":"output limit of 100000 bytes","size":100000'
	[ "$(output | wc -c)" = 100000 ]
}

@test "a result waits while central is away" {
	submit 'sleep 3; echo done'
	wait_for 5 left
	ask /test/down/6000 -X POST
	sleep 6
	wait_for 20 has_result '"exit":0'
	[ "$(output)" = "done" ]
	said 'central is back'
}

@test "a busy central is asked again, later" {
	tell /test/set '{"busy": true}'
	submit 'i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done'
	sleep 3
	tell /test/set '{"busy": false}'
	wait_for 40 has_result '"exit":0'
	[ "$(output | wc -l)" = 3000 ]
}

@test "output that central lost is sent again" {
	submit 'echo one; sleep 4; echo two'
	wait_for 4 has_output one
	tell /test/set '{"drop": true}'
	wait_for 10 has_result '"exit":0'
	[ "$(output)" = "$(printf 'one\ntwo')" ]
}

@test "leases are renewed while a task runs" {
	submit 'sleep 4'
	wait_for 8 has_result '"exit":0'
	n=$(state | sed 's/.*"renews":\([0-9]*\).*/\1/')
	[ "$n" -ge 3 ]
}

@test "a killed worker leaves nothing running" {
	submit 'setsid sleep 987 & sleep 986'
	wait_for 5 left
	kill -KILL "$worker"
	wait_for 5 none_left
	start_worker
	submit 'echo again'
	wait_for 5 has_result '"exit":0'
}

@test "time in which the domain was paused does not count" {
	wall=4 submit 'sleep 8'
	wait_for 5 left
	runner=$(pgrep -P "$worker")
	kill -STOP "$worker" "$runner"
	sleep 7
	kill -CONT "$worker" "$runner"
	wait_for 6 has_result '"exit":0'
}

@test "a malformed task is refused, and the next one runs" {
	tell /test/task '{"lease": "x", "command": []}'
	tell /test/task '{"lease": "000000000000000000000000000000ab",
		"command": ["true"], "inputs": [{"name": "../x", "size": 0, "mode": 0,
		"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}'
	submit 'echo fine'
	wait_for 15 has_result '"exit":0'
	said "'lease' is not 32 hex digits"
	said "'name' is not a file name"
}

listens() { (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }

tls_front() { # nginx before the fake central; sets port and pin
	local dir=$T/nginx
	mkdir -p "$dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout "$dir/key" -out "$dir/cert" -subj /CN=elsewhere 2> /dev/null
	pin=sha256//$(openssl x509 -in "$dir/cert" -noout -pubkey |
		openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
	port=$((20000 + RANDOM % 12000))
	cat > "$dir/conf" <<-END
		daemon off; master_process off; user root; pid $dir/pid; error_log $dir/log;
		events {}
		http {
			access_log off; client_body_temp_path $dir; proxy_temp_path $dir;
			fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
			server {
				listen 127.0.0.1:$port ssl;
				ssl_certificate $dir/cert; ssl_certificate_key $dir/key;
				location / { proxy_pass http://unix:$T/sock; }
			}
		}
	END
	nginx -c "$dir/conf" -p "$dir" 3>&- &
	nginx=$!
	wait_for 5 listens
}

@test "over TLS only the pinned key is spoken to" {
	command -v nginx > /dev/null || skip "needs nginx"
	command -v openssl > /dev/null || skip "needs openssl"
	kill "$worker"
	tls_front
	sed -i "s|^url.*|url https://127.0.0.1:$port|" "$T/conf"
	echo "pin \"sha256//$(head -c 32 /dev/zero | base64)\"" >> "$T/conf"
	submit 'echo over TLS'
	start_worker
	wait_for 5 said 'public key does not match'
	state | grep -q '"leases":0'
	kill "$worker"
	sed -i "s|^pin.*|pin \"$pin\"|" "$T/conf"
	start_worker
	wait_for 10 has_result '"exit":0'
	has_output 'over TLS'
}

@test "--get prints one value; a bad configuration is refused" {
	[ "$("$BUILD/bin/worker" -f "$T/conf" --get domu)" = batch-1 ]
	run "$BUILD/bin/worker" -f "$T/conf" --get nothing
	[ "$status" = 1 ]
	echo 'colour blue' >> "$T/conf"
	run "$BUILD/bin/worker" -f "$T/conf"
	[ "$status" = 1 ]
	echo "$output" | grep -q "conf:7:"
	run "$BUILD/bin/worker" surplus
	[ "$status" = 2 ]
}
