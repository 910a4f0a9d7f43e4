#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gridctl against a real centrald: over its unix socket, and through nginx's
# TLS with tokens.

bin=$(cd "${TOP:-$BATS_TEST_DIRNAME/../..}" && realpath "${BUILD:-build}")/bin
golden=$BATS_TEST_DIRNAME/gridctl.golden

setup_file()
{
	T=$(mktemp -d "${TMPDIR:-/tmp}/gridctl.XXXXXX")
	export T
	port=$((20000 + RANDOM % 12000))
	cd "$T"
	make_repo batch 1 >manifest
	cat >central.conf <<-END
	central {
		listen 127.0.0.1:$port; repo-listen 127.0.0.1:$((port + 1))
		state "$T/state"; repository "$T/repo"; root "$T/repo.keys/root.json"
		site "lab" { token-file "$T/site.token" }
		lease 5s
	}
	END
	"$bin/centrald" -f central.conf -g etc >made
	"$bin/centrald" -f central.conf >log 2>&1 3>&- &
	echo $! >centrald.pid
	nginx -c "$T/etc/nginx.conf" -g 'daemon off;' >nginx.log 2>&1 3>&- &
	echo $! >nginx.pid
	echo "central { url \"unix:$T/state/centrald.sock\" }" >gridctl.conf
	cat >tls.conf <<-END
	central {
		url https://127.0.0.1:$port
		pin $("$bin/centrald" -f central.conf -p)
		token-file "$T/state/operator.token"
	}
	END
	echo "$port" >port
	for _ in $(seq 50); do
		[ -S state/centrald.sock ] && [ -e state/nginx/nginx.pid ] && break
		sleep 0.1
	done
}

teardown_file()
{
	kill "$(cat "$T/centrald.pid")" "$(cat "$T/nginx.pid")" 2>/dev/null || true
	rm -rf "$T"
}

setup()
{
	cd "$T"
	export GRIDCTL_CONFIG=$T/gridctl.conf
}

grid()
{
	"$bin/gridctl" "$@"
}

api()
{
	curl -sS --unix-socket "$T/state/centrald.sock" "http://central$2" -X "$1" "${@:3}"
}

# Compares `got`; UPDATE=1 takes it as the new truth.
golden()
{
	[ -z "${UPDATE:-}" ] || cp got "$golden/$1"
	diff -u "$golden/$1" got
}

# Over TLS: https METHOD PATH TOKEN [curl options]
https()
{
	curl -sS -k -o "$T/body" -w '%{http_code}' -X "$1" \
		-H "Authorization: Bearer $3" \
		"https://127.0.0.1:$(cat "$T/port")$2" "${@:4}"
}

# Leases the next task and returns it with this output and exit status.
do_task()
{
	local lease sum
	lease=$(api POST '/v1/work/lease?wait=2' -d '{"worker": "lab/pc1/a"}' |
		sed -n 's/.*"lease": *"\([0-9a-f]*\)".*/\1/p')
	[ -n "$lease" ]
	printf %s "$1" >out
	[ -z "$1" ] || api PUT "/v1/work/leases/$lease/output?offset=0" --data-binary @out
	sum=$(sha256sum out)
	api POST "/v1/work/leases/$lease/result" -d "{\"exit\": $2, \"signal\": 0,
		\"error\": \"\", \"size\": ${#1}, \"sha256\": \"${sum%% *}\"}"
}

# A report of two nodes, with times that make stable ages.
report()
{
	local now=$(($(date +%s) * 1000 - 30000))
	cat <<-END
	{"segment": "lab", "nodes": [
	 {"id": "pc1", "boot": "grid", "state": "running", "error": "", "epoch": 3,
	  "firmware": "bios", "mac": "52:54:00:77:00:11",
	  "since_ms": $((now - 12000000)), "seen_ms": $now,
	  "steps_ms": {"asked": 1000, "dom0": 13500, "running": 31000},
	  "image": {"name": "batch", "version": "1", "manifest": "ab", "done": 5, "total": 5},
	  "host": {"product": "PC", "cpu_model": "TCG", "cpus": 2, "memory_mib": 2048,
	   "free_mib": 1500, "xen_version": "4.17", "hvm": false, "block_devices": []},
	  "domus": [{"id": "a", "state": "running", "domid": 1, "error": "",
	   "type": "pv", "workspace": "ll", "since_ms": $((now - 12000000))}]},
	 {"id": "pc2", "boot": "grid", "state": "refused", "firmware": "uefi",
	  "error": "image batch: root: another sha256\u001b[31m",
	  "since_ms": $((now - 300000)), "image": {}, "domus": []}]}
	END
}

# make_repo IMAGE VERSION
make_repo()
{
	PATH=$bin:$PATH "$BATS_TEST_DIRNAME/make-repo" "$T/repo" "$@"
}

@test "-n reports every error with its place" {
	cp "$golden/central-bad.conf" bad.conf
	run "$bin/centrald" -f bad.conf -n
	[ "$status" -eq 1 ]
	echo "$output" >got
	golden central-bad.ok
}

@test "the shipped example is good" {
	"$bin/centrald" -f "$BATS_TEST_DIRNAME/../../central/central.conf.example" -n
}

@test "generate makes secrets that only their owner can read, once" {
	[ "$(stat -c %a state/operator.token site.token state/tls.key | sort -u)" = 600 ]
	sum=$(cat state/operator.token state/tls.crt | sha256sum)
	"$bin/centrald" -f central.conf -g etc
	[ "$(cat state/operator.token state/tls.crt | sha256sum)" = "$sum" ]
}

@test "a second centrald on the same state is refused" {
	run "$bin/centrald" -f central.conf
	[ "$status" -eq 1 ]
	[[ $output == *"another process uses this directory"* ]]
}

@test "images of the repository are listed" {
	run grid image list
	[ "$status" -eq 0 ]
	[[ ${lines[1]} == "batch  1        stable"*"$(cut -c1-12 manifest)" ]]
}

@test "workspace apply says what it does, and does it once" {
	printf 'workspace "ll" { image batch/stable; domus 2 }\n' >ws.conf
	[ "$(grid workspace apply --dry-run ws.conf)" = "create ll" ]
	[ "$(grid workspace apply ws.conf)" = "create ll" ]
	[ "$(grid workspace apply ws.conf)" = "keep ll" ]
	printf 'workspace "ll" { image batch/stable; domus 2; memory 512M }\n' >ws.conf
	[ "$(grid workspace apply ws.conf)" = "change ll: memory_mib 256 -> 512" ]
	grid workspace list --json | grep -q '"manifest": "'"$(cat manifest)"'"'
	listed=$(grid workspace list --json)
	[[ $listed != *token* ]]
}

@test "workspace apply refuses a bad file whole" {
	printf 'workspace "x" {\n\timage batch\n\tmemory 1\n\tcolour red\n}\n' >bad.conf
	run grid workspace apply bad.conf
	[ "$status" -eq 1 ]
	[[ $output == *"bad.conf:2:"*"IMAGE/CHANNEL"* ]]
	[[ $output == *"bad.conf:3:"* && $output == *"bad.conf:4:"* ]]
}

@test "a site gets its workspaces with worker tokens, and waits for changes" {
	token=$(cat site.token)
	[ "$(https GET /v1/site/desired "$token")" = 200 ]
	grep -q '"token"' body
	gen=$(sed -n 's/.*"gen": *\([0-9]*\).*/\1/p' body)
	(sleep 1; GRIDCTL_CONFIG=$T/gridctl.conf "$bin/gridctl" workspace apply ws2.conf) 3>&- &
	printf 'workspace "two" { image batch/stable }\n' >ws2.conf
	start=$SECONDS
	[ "$(https GET "/v1/site/desired?gen=$gen&wait=20" "$token")" = 200 ]
	[ $((SECONDS - start)) -lt 10 ]
	grep -q '"two"' body
	wait
	grid workspace delete two
}

@test "a new image moves the channel and reaches the sites" {
	new=$(make_repo batch 2)
	for _ in $(seq 40); do
		api GET /v1/site/desired | grep -q "$new" && break
		sleep 0.1
	done
	api GET /v1/site/desired | grep -q "$new"
	[[ $(grid workspace list) == *batch/stable*2* ]]
}

@test "a channel set back reaches the sites, a revoked version ends" {
	PATH=$bin:$PATH
	new=$(sed -n 's/.*"manifest": *"\([0-9a-f]*\)".*/\1/p' <<<"$(api GET /v1/site/desired)")
	imagerepo channel rollback batch:stable --repo repo --keys repo.keys
	await_manifest "$(cat manifest)"
	imagerepo channel set batch:stable 2 --repo repo --keys repo.keys
	await_manifest "$new"
}

@test "a revoked version is shown, and no site is told to run it" {
	PATH=$bin:$PATH
	before=$(sed -n 's/.*"manifest": *"\([0-9a-f]*\)".*/\1/p' <<<"$(api GET /v1/site/desired)")
	bad=$(make_repo batch 3)
	await_manifest "$bad"
	imagerepo revoke batch/3 --reason "a key in it" --repo repo --keys repo.keys
	await_manifest "$before"
	grid image list | grep "^batch  3 .*revoked: a key in it"
}

await_manifest()
{
	local i
	for i in $(seq 40); do
		api GET /v1/site/desired | grep -q "\"$1\"" && return 0
		sleep 0.1
	done
	return "$i"
}

@test "a tampered manifest is shown and does not reach the sites" {
	was=$(api GET /v1/site/desired)
	now=$(sed -n 's/.*"manifest": *"\([0-9a-f]*\)".*/\1/p' <<<"$was")
	file=repo/targets/batch/$now.2.json
	cp "$file" saved
	chmod u+w "$file"
	sed -i 's/"memory_min_mib": *64/"memory_min_mib":65/' "$file"
	touch repo/metadata/timestamp.json
	sleep 2
	[[ $(grid image list) == *ERROR* ]]
	grid workspace list --json | grep '"error": "[^"]'
	[ "$(api GET /v1/site/desired)" = "$was" ]
	cp saved "$file"
	touch repo/metadata/timestamp.json
	sleep 2
	listed=$(grid workspace list --json)
	[[ ! $listed =~ '"error": "'[^\"] ]]
}

@test "tokens open what they are for, and nothing else" {
	worker=$(api GET /v1/site/desired | sed -n 's/.*"token": *"\([0-9a-f]*\)".*/\1/p')
	site=$(cat site.token) operator=$(cat state/operator.token)
	[ "$(https GET /v1/nodes "")" = 401 ]
	[ "$(https GET /v1/nodes "${operator%?}x")" = 401 ]
	[ "$(https GET /v1/nodes "$operator")" = 200 ]
	[ "$(https GET /v1/nodes "$site")" = 403 ]
	[ "$(https GET /v1/nodes "$worker")" = 403 ]
	[ "$(https GET /v1/site/desired "$worker")" = 403 ]
	[ "$(https POST /v1/jobs "$worker" -d '{"command": ["x"]}')" = 403 ]
	[ "$(https POST /v1/work/lease "$site" -d '{"worker": "a"}')" = 403 ]
	[ "$(https POST /v1/work/lease "$worker" -d '{"worker": "a"}')" = 204 ]
	[ "$(https GET /v1/nodes "" -H 'X-Nightshift-Via: unix')" = 401 ]
	report | sed 's/"lab"/"other"/' >other
	[ "$(https POST /v1/site/report "$site" -d @other)" = 403 ]
	[ "$(https GET /nightshift "$operator")" = 404 ]
}

@test "nodes are shown with state, age, task and error; foreign text is escaped" {
	report >report.json
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @report.json)" = 200 ]
	grid node list >got
	golden node-list.ok
	grid node show lab/pc1 >got
	golden node-show.ok
	grid node show --json lab/pc1 | grep -q '"block_devices": *\[\]'
	[[ $(grid workspace list) == *batch/stable*2*1* ]]
	# A site says why there are fewer than asked for.
	sed '$ s/}[^}]*$/, "refusals": [{"workspace": "ll", "granted": 1, "reason": "1 of 2 domus: no \\u001b[31m more PCs"}]}/' \
		report.json >refusals.json
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @refusals.json)" = 200 ]
	grid workspace list >got
	grep -F 'lab: 1 of 2 domus: no \x1b[31m more PCs' got
	grid workspace list --json | grep -q '"segment": "lab"'
	sed 's/"granted": 1/"granted": "all"/' refusals.json >bad.json
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @bad.json)" = 400 ]
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @report.json)" = 200 ]
	[[ $(grid workspace list) != *'no more PCs'* ]]
	[[ $(grid segment list) == *lab*-* ]]
	# And who else answers DHCP there.
	sed '$ s/}[^}]*$/, "foreign": [{"address": "10.77.0.66", "mac": "m", "server": "s", "dhcp": true, "boot": true, "file": "evil\\u001b.efi", "first_ms": 1, "seen_ms": 2}]}/' \
		report.json >foreign.json
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @foreign.json)" = 200 ]
	grid segment list | grep -F 'lab ' | grep -F '10.77.0.66 boots evil\x1b.efi'
	grid segment list --json | grep -q '"address": "10.77.0.66"'
	sed 's/"file": "evil[^"]*"/"file": 7/' foreign.json >bad.json
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @bad.json)" = 400 ]
	[ "$(https POST /v1/site/report "$(cat site.token)" -d @report.json)" = 200 ]
	run grid node show lab/pc9
	[ "$status" -eq 1 ]
	[[ $output == *"no node lab/pc9"* ]]
}

@test "gridctl works over TLS with pin and token" {
	run grid --config tls.conf image list
	[ "$status" -eq 0 ]
	sed 's|sha256//....|sha256//AAAA|' tls.conf >wrong.conf
	run grid --config wrong.conf image list
	[ "$status" -eq 1 ]
	[[ $output == *pin* ]]
}

@test "a large input goes up over TLS, and comes back whole" {
	head -c 20000000 /dev/urandom >large
	id=$(grid --config tls.conf job submit --input large -- ./large)
	sum=$(sha256sum large)
	worker=$(api GET /v1/site/desired | sed -n 's/.*"token": *"\([0-9a-f]*\)".*/\1/p')
	[ "$(https GET "/v1/work/files/${sum%% *}" "$worker")" = 200 ]
	cmp large body
	head -c 70000000 /dev/zero >larger
	run grid --config tls.conf job submit --input larger -- ./larger
	[ "$status" -eq 1 ]
	[ "$output" = "gridctl: input larger: larger than 64 MiB" ]
	grid job cancel "$id"
}

@test "nginx serves the repository, immutable by digest" {
	url=http://127.0.0.1:$(($(cat port) + 1))/repo
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/metadata/1.root.json")" = 200 ]
	curl -sI "$url/targets/batch/$(cat manifest).1.json" | grep -qi 'cache-control.*immutable'
	curl -sI "$url/metadata/timestamp.json" | grep -qi 'cache-control: no-cache'
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${url%repo}etc/passwd")" = 404 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' --path-as-is "$url/blobs/../../site.token")" != 200 ]
}

@test "a job goes from submit to its results" {
	printf 'input' >in
	id=$(grid job submit --name two --count 2 --input in=data -- ./run "{index}")
	do_task "zero" 0
	do_task "one" 0
	run grid job wait --timeout 10 "$id"
	[ "$status" -eq 0 ]
	[ "$(grid job result "$id")" = zeroone ]
	[ "$(grid job result "$id" 1)" = one ]
	grid job result -o results "$id"
	[ "$(cat results/0.out)" = zero ]
	grid job list | sed 's/ [0-9]*s  *[0-9]*s$/ AGE/' >got
	grep -q "^ *$id  two  *done  *2/2" got
}

@test "a failed job is a failure for wait, with its reason in show" {
	id=$(grid job submit -- ./fails)
	do_task "no" 3
	run grid job wait "$id"
	[ "$status" -eq 1 ]
	[[ $(grid job show "$id") == *"0  failed        1     3"* ]]
	run grid job result "$id"
	[ "$status" -eq 1 ]
}

@test "wait ends by its timeout with status 3" {
	id=$(grid job submit -- ./never)
	run grid job wait --timeout 1s "$id"
	[ "$status" -eq 3 ]
	grid job cancel "$id"
	run grid job wait "$id"
	[ "$status" -eq 1 ]
	[[ $output == *cancelled* ]]
}

@test "wait lives through a restart of centrald" {
	id=$(grid job submit -- ./x)
	(run=$("$bin/gridctl" job wait --timeout 30 "$id" 2>&1) && echo "$run" >waited) 3>&- &
	waiter=$!
	sleep 0.5
	kill -KILL "$(cat centrald.pid)"
	sleep 1
	"$bin/centrald" -f central.conf >>log 2>&1 3>&- &
	echo $! >centrald.pid
	for _ in $(seq 50); do grid job list >/dev/null 2>&1 && break; sleep 0.1; done
	do_task "" 0
	wait $waiter
	grep -q "1 of 1 done" waited
}

@test "a job file is submitted as it stands" {
	cat >night.job <<-'END'
	job "night" {
		range 5-7
		command ./ll "{index}"
		args -s 2
		env MODE fast
		retries 1
		limits { memory 32M; wall 10m }
	}
	END
	grid job submit --dry-run night.job >got
	golden job-file.ok
	id=$(grid job submit night.job)
	grid job show --json "$id" | grep -q '"first": 5'
	grid job cancel "$id"
}

@test "the same key is the same job" {
	a=$(grid job submit --key k -- ./x)
	[ "$(grid job submit --key k -- ./x)" = "$a" ]
	grid job cancel "$a"
}

@test "wrong use is status 2, trouble is status 1 in one line" {
	for args in "" "job" "job frob" "job submit" "job wait" "job wait x" \
		"job submit --count 2 --range 1-2 -- x" "node show pc1" "completion fish" \
		"node boot lab/pc1 never" "job submit --count two -- x"; do
		# shellcheck disable=SC2086
		run grid $args
		[ "$status" -eq 2 ] || { echo "gridctl $args: $status"; false; }
	done
	echo 'central { url "unix:/nowhere" }' >nowhere.conf
	run grid --config nowhere.conf node list
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	run grid job show 999999
	[ "$status" -eq 1 ]
	[ "$output" = "gridctl: no job 999999" ]
}

@test "completion offers words, options and what exists" {
	grid completion bash >complete.bash
	PATH=$bin:$PATH
	# shellcheck disable=SC1091
	. ./complete.bash
	offer()
	{
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_gridctl
		echo " ${COMPREPLY[*]} "
	}
	[[ $(offer gridctl jo) == " job " ]]
	[[ $(offer gridctl job s) == " show submit " ]]
	[[ $(offer gridctl job submit --cou) == " --count " ]]
	[[ $(offer gridctl job wait "") == *" 1 "* ]]
	report | api POST /v1/site/report -d @-
	[[ $(offer gridctl node show "") == *" lab/pc1 "* ]]
	[[ $(offer gridctl workspace delete "") == *" ll "* ]]
}

@test "metrics are Prometheus' text" {
	report | api POST /v1/site/report -d @-
	api GET /v1/metrics >got
	grep -q '^nightshift_tasks{state="done"} [1-9]' got
	grep -q '^nightshift_nodes{state="running"} 1$' got
}
