#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gatewayd and its protocol: a fake node (fake-node.c) at its socket, and a
# scripted central: nginx that serves one file and logs what is posted.

# shellcheck disable=SC2317,SC2119,SC2120  # functions are called by await
bats_require_minimum_version 1.5.0

setup()
{
	PATH=$PATH:/usr/sbin:/sbin
	command -v nginx >/dev/null || skip "no nginx here"
	unshare -Urn true 2>/dev/null || skip "no user namespaces here"
	bin=$(cd "${TOP:-$BATS_TEST_DIRNAME/../..}" && realpath "${BUILD:-build}")/bin
	tmp=$(mktemp -d)
	sock=$tmp/state/gatewayd.sock
	make_network
	start_central
	"$bin/fake-node" keys "$tmp"
	echo secret >"$tmp/site.token"
	mkdir "$tmp/boot"
	release 0a
	write_conf
	start_gateway
	mac1=52:54:00:77:00:11
	new_boot pc1 1 a
}

teardown()
{
	[ -z "${gw:-}" ] || kill -9 "$gw" 2>/dev/null || true
	[ -z "${ce:-}" ] || kill "$ce" 2>/dev/null || true
	[ -z "${ns:-}" ] || kill "$ns" 2>/dev/null || true
	[ -z "${tmp:-}" ] || { tail -n 20 "$tmp/log" && rm -rf "$tmp"; }
}

release()
{
	printf '{"release": "%s", "xen_cmdline": "x", "dom0_cmdline": "d"}' \
		"$1" >"$tmp/boot/new"
	mv "$tmp/boot/new" "$tmp/boot/boot.json"
}

# workspaces GEN NAME:DOMUS:MIB... : what the central wants from now on.
workspaces()
{
	local gen=$1 list="" w name domus mib
	shift
	for w; do
		IFS=: read -r name domus mib <<<"$w"
		list="$list${list:+,}{\"name\": \"$name\", \"domus\": $domus,
		\"image\": \"batch\", \"channel\": \"stable\",
		\"manifest\": \"$(printf 'a%.0s' {1..64})\",
		\"image_version\": \"1\", \"memory_mib\": $mib, \"vcpus\": 1,
		\"weight\": 256, \"cap\": 0, \"worker\":
		{\"url\": \"https://10.99.0.2:8443\", \"pin\": \"p\",
		\"token\": \"t\"}}"
	done
	echo "{\"gen\": $gen, \"workspaces\": [$list]}" >"$tmp/central/new"
	mv "$tmp/central/new" "$tmp/central/desired"
}

# A network of its own, whose walls gatewayd may build. Sockets lie in files.
make_network()
{
	port=8443
	unshare -Urn sleep 1000 3>&- &
	ns=$!
	within=(nsenter -t $ns -U -n --preserve-credentials --)
	await "${within[@]}" ip link add seg0 type bridge
	"${within[@]}" sh -c 'ip addr add 10.77.0.1/16 dev seg0
		ip link set seg0 up; ip link set lo up'
}

start_central()
{
	mkdir "$tmp/central"
	workspaces 1
	pin=$("$bin/fake-node" tls "$tmp/central")
	cat >"$tmp/central/nginx.conf" <<EOF
daemon off;
pid $tmp/central/pid;
error_log $tmp/central/error.log;
events { }
http {
	log_format body escape=none '\$request_body';
	access_log off;
	client_body_temp_path $tmp/central/b;
	client_body_buffer_size 1m;
	client_max_body_size 1m;
	proxy_temp_path $tmp/central/p;
	fastcgi_temp_path $tmp/central/f;
	uwsgi_temp_path $tmp/central/u;
	scgi_temp_path $tmp/central/s;
	server { listen unix:$tmp/central/sock; return 200 '{}'; }
	server {
		listen 127.0.0.1:$port ssl;
		ssl_certificate $tmp/central/tls.crt;
		ssl_certificate_key $tmp/central/tls.key;
		location = /v1/site/desired {
			if (\$http_authorization != "Bearer secret") {
				return 401;
			}
			# As the real one: a number or nothing.
			if (\$arg_gen !~ ^[0-9]*\$) {
				return 400;
			}
			default_type application/json;
			alias $tmp/central/desired;
		}
		location = /v1/site/report {
			access_log $tmp/central/reports body;
			proxy_pass http://unix:$tmp/central/sock;
		}
	}
}
EOF
	sed -i '1i user root;' "$tmp/central/nginx.conf"
	"${within[@]}" nginx -c "$tmp/central/nginx.conf" 2>/dev/null 3>&- &
	ce=$!
}

stop_central()
{
	kill "$ce"
	wait "$ce" || true
	ce=
}

write_conf()
{
	cat >"$tmp/nightshift.conf" <<EOF
segment lab {
	interface seg0; address 10.77.0.1/16; domu-range 10.77.128.0/17
	state $tmp/state; boot $tmp/boot; key $tmp/gateway.key
	root $tmp/root.json; lease 3s; report 1s
	central {
		url https://127.0.0.1:$port; repo http://127.0.0.1:$port
		pin "$pin"; token-file $tmp/site.token
	}
	limits { memory 1024M }
	node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; boot grid }
	node pc2 { mac 52:54:00:77:00:12; address 10.77.0.12; boot grid }
	node pc3 { mac 52:54:00:77:00:13; address 10.77.0.13; boot local }
}
EOF
}

# Ready is a byte on the pipe, not a guess.
start_gateway()
{
	mkfifo "$tmp/ready"
	"${within[@]}" ${TEST_WRAPPER:-} "$bin/gatewayd" -f "$tmp/nightshift.conf" -R 9 \
		9>"$tmp/ready" 2>>"$tmp/log" 3>&- &
	gw=$!
	read -r -t 20 <"$tmp/ready"
	rm "$tmp/ready"
}

kill_gateway()
{
	kill -9 "$gw"
	wait "$gw" || true
	gw=
}

# new_boot NODE NUMBER DIR
new_boot()
{
	"$bin/fake-node" boot "$tmp/$3" "$1" "52:54:00:77:00:1$2" "10.77.0.1$2"
}

# node DIR COMMAND [ARGS...]
node()
{
	local dir=$tmp/$1 command=$2
	shift 2
	"$bin/fake-node" "$command" "$dir" "$sock" "$tmp/root.json" "$@"
}

api() { curl -sS --unix-socket "$sock" "$@"; }
epoch_of() { sed -n 's/.*"epoch":\([0-9]*\).*/\1/p'; }
state_of()
{
	api http://x/v1/admin/nodes |
		jq_node "$1" | sed -n 's/.*"state":"\([a-z0-9]*\)".*/\1/p'
}
# The object of one node out of one line of JSON.
jq_node() { sed 's/{"id":/\n&/g' | grep "^{\"id\":\"$1\""; }

await()
{
	local i
	for i in $(seq 150); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.1
	done
	echo "await $i: $*"
	return 1
}

state_is() { [ "$(state_of "$1")" = "$2" ]; }

# A poll of boot a that waits for news, $held; its answer goes to $tmp/held.
hold_poll()
{
	node a enrol
	await node a desired 0 0
	gen=$(node a desired 0 0 | sed -n 's/.*"gen":\([0-9]*\).*/\1/p')
	node a desired "$gen" 20 >"$tmp/held" &
	held=$!
	sleep 0.5
}

@test "a second boot gets the next epoch, the first is fenced" {
	new_boot pc1 1 b
	first=$(node a enrol | epoch_of)
	second=$(node b enrol | epoch_of)
	[ "$second" -eq $((first + 1)) ]
	run node a report enrolled
	[ "${lines[0]}" = 409 ]
	node b report enrolled
	# It stays fenced, also when it tries from the front.
	run node a enrol
	[ "${lines[0]}" = 409 ]
	node b report enrolled
}

@test "a held poll of a fenced boot is answered 409" {
	hold_poll
	new_boot pc1 1 b
	node b enrol
	wait $held || true
	head -n 1 "$tmp/held" | grep -qx 409
}

@test "the first epoch is past any given before a lost memory" {
	before=$(date +%s)
	[ "$(node a enrol | epoch_of)" -ge "$before" ]
}

@test "killed and restarted, the same epoch goes on" {
	first=$(node a enrol | epoch_of)
	node a report running
	kill_gateway
	start_gateway
	node a report running
	state_is pc1 running
	[ "$(node a enrol | epoch_of)" = "$first" ]
}

@test "a request that was seen is refused, also after a restart" {
	node a enrol
	node a report enrolled
	seq=$(cat "$tmp/a/seq")
	SEQ=$seq run node a report enrolled
	[ "${lines[0]}" = 401 ]
	kill_gateway
	start_gateway
	SEQ=$seq run node a report enrolled
	[ "${lines[0]}" = 401 ]
	SEQ=$((seq - 1)) run node a report enrolled
	[ "${lines[0]}" = 401 ]
	SEQ=$((seq + 9)) node a report enrolled
}

@test "a bad signature is refused" {
	SPOIL=1 run node a enrol
	[ "${lines[0]}" = 401 ]
	node a enrol
	SPOIL=1 run node a report running
	[ "${lines[0]}" = 401 ]
	state_is pc1 enrolled
}

@test "another key cannot take a boot over" {
	node a enrol
	new_boot pc1 1 thief
	cp "$tmp/a/boot_id" "$tmp/thief/boot_id"
	run node thief enrol
	[ "${lines[0]}" = 403 ]
	node a report enrolled
}

@test "a body that is too large is refused" {
	node a enrol
	PAD=300000 run node a report enrolled
	[ "${lines[0]}" = 413 ]
	node a report enrolled
}

@test "a report of a wrong form is refused" {
	node a enrol
	for bad in unknown local lost dreaming; do
		run node a report "$bad"
		[ "${lines[0]}" = 400 ]
	done
	run node a report failed "$(printf 'x%.0s' {1..600})"
	[ "${lines[0]}" = 400 ]
	node a report failed "$(printf 'x%.0s' {1..500})"
}

@test "who is not on the list, or elsewhere, is refused" {
	new_boot pc9 9 stranger
	run node stranger enrol
	[ "${lines[0]}" = 403 ]
	run node stranger report enrolled
	[ "${lines[0]}" = 403 ]
	FROM=10.77.0.12 run node a enrol
	[ "${lines[0]}" = 403 ]
	node a enrol
	FROM=10.77.0.12 run node a report enrolled
	[ "${lines[0]}" = 403 ]
	grep -q 'pc1: a request in its name from 10.77.0.12' "$tmp/log"
}

@test "a tunnel's key must be one" {
	TUNNEL_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= run node a enrol
	[ "${lines[0]}" = 400 ]
	[[ ${lines[1]} = *"'tunnel_key' is no X25519 key"* ]]
	key=hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
	TUNNEL_KEY=$key node a enrol
	# Its packets would go to the other one.
	new_boot pc2 2 b
	TUNNEL_KEY=$key run node b enrol
	[ "${lines[0]}" = 400 ]
	[[ ${lines[1]} = *"'tunnel_key' is another node's"* ]]
	node b enrol
}

@test "a PC that its owner keeps is told to restart" {
	new_boot pc3 3 c
	run node c enrol
	[ "${lines[0]}" = 409 ]
	[[ ${lines[1]} = *"the owner called this PC back"* ]]
	api -X PUT -d '{"boot": "grid"}' http://x/v1/admin/nodes/pc3/boot
	node c enrol
}

@test "an unknown epoch is told to enrol anew" {
	run node a report enrolled
	[ "${lines[0]}" = 401 ]
	node a enrol
	EPOCH=9999999999 run node a report enrolled
	[ "${lines[0]}" = 401 ]
}

@test "a corrupt database is set aside, nodes enrol anew, epochs rise" {
	first=$(node a enrol | epoch_of)
	kill_gateway
	rm -f "$tmp"/state/gateway.db-*
	dd if=/dev/urandom of="$tmp/state/gateway.db" bs=4096 count=3 \
		status=none
	sleep 1
	start_gateway
	ls "$tmp"/state/gateway.db.bad-*
	run node a report enrolled
	[ "${lines[0]}" = 401 ]
	second=$(node a enrol | epoch_of)
	[ "$second" -gt "$first" ]
	node a report enrolled
}

@test "a desired state wakes the poll that waits for it" {
	node a enrol
	await node a desired 0 0
	gen=$(node a desired 0 0 | sed -n 's/.*"gen":\([0-9]*\).*/\1/p')
	start=$(date +%s)
	node a desired "$gen" 20 >"$tmp/held" &
	held=$!
	workspaces 2 w:1:512
	wait $held
	[ $(($(date +%s) - start)) -lt 15 ]
	grep -q '"id":"w-pc1"' "$tmp/held"
	grep -q '"ip":"10.77.128.11/16"' "$tmp/held"
	grep -q '"node":"lab/pc1"' "$tmp/held"
	grep -q "\"gen\":$((gen + 1))" "$tmp/held"
}

@test "a poll that nothing wakes ends with the same" {
	node a enrol
	await node a desired 0 0
	gen=$(node a desired 0 0 | sed -n 's/.*"gen":\([0-9]*\).*/\1/p')
	start=$(date +%s%N)
	node a desired "$gen" 1 | grep -q "\"gen\":$gen"
	[ $(($(date +%s%N) - start)) -ge 900000000 ]
}

@test "without memory and central there is no word to end what runs" {
	stop_central
	kill_gateway
	rm -rf "$tmp"/state/gateway.db*
	start_gateway
	node a enrol
	run node a desired 0 0
	[ "${lines[0]}" = 503 ]
	run node a desired 0 1
	[ "${lines[0]}" = 503 ]
}

@test "the central's outage is waited out, its last word holds" {
	workspaces 2 w:1:512
	node a enrol
	has_domu() { node a desired 0 0 | grep -q w-pc1; }
	await has_domu
	stop_central
	kill_gateway
	start_gateway
	has_domu
	node a report running
	has_domu
}

@test "a gateway killed says the same generation again" {
	workspaces 2 w:1:512
	node a enrol
	has_domu() { node a desired 0 0 | grep -q w-pc1; }
	await has_domu
	before=$(node a desired 0 0 | tail -n 1 | sed 's/"expires":"[^"]*"//')
	kill_gateway
	start_gateway
	[ "$(node a desired 0 0 | tail -n 1 | sed 's/"expires":"[^"]*"//')" = "$before" ]
}

@test "a PC that is silent is lost, its work goes to another" {
	workspaces 2 w:1:512
	new_boot pc2 2 b
	node a enrol
	node b enrol
	has_domu() { node "$1" desired 0 0 | grep -q "w-$2"; }
	await has_domu a pc1
	node a report running
	run ! has_domu b pc2
	for _ in 1 2 3 4 5 6; do
		node b report enrolled
		sleep 0.7
	done
	state_is pc1 lost
	await has_domu b pc2
}

@test "the owner's limit wins and the central hears why" {
	workspaces 2 w:1:2048
	node a enrol
	heard() {
		grep -q '"reason":"2048 MiB is more than the owner.s limit of 1024 MiB"' \
			"$tmp/central/reports"
	}
	await heard
	node a desired 0 0 | grep -q '"domus":\[\]'
}

@test "the central hears of foreign DHCP servers" {
	heard() { grep -q '"foreign":\[\]' "$tmp/central/reports"; }
	await heard
	api http://x/v1/admin/segment | grep -q '"foreign_trouble":null'
}

@test "the central hears of an error within seconds" {
	node a enrol
	node a report refused "image batch 1: signature does not match"
	heard() { grep -q 'signature does not match' "$tmp/central/reports"; }
	await heard
	jq_node pc1 <"$tmp/central/reports" | grep -q '"state":"refused"'
}

in_nft() { "${within[@]}" nft "$@"; }
# Whether the rules let that domU through.
open() { in_nft get element inet nightshift domus "{ 10.77.128.$1 }"; }

# Whether they let pc1 to the repository's port and the like.
enrolled() { in_nft get element inet nightshift enrolled '{ 10.77.0.11 . 52:54:00:77:00:11 }'; }

@test "a domU is let through while its node has a lease" {
	run ! open 11
	run ! enrolled
	node a enrol
	open 11
	enrolled
	run ! open 12
	kill_gateway
	open 11
	start_gateway
	open 11
	api -X PUT -d '{"boot": "local"}' http://x/v1/admin/nodes/pc1/boot
	run ! open 11
	run ! enrolled
}

@test "a domU of a lost node is not let through" {
	node a enrol
	open 11
	await state_is pc1 lost
	run ! open 11
	node a report enrolled
	open 11
}

@test "walls stay without gatewayd and are made right by the next" {
	node a enrol
	kill_gateway
	in_nft delete element inet nightshift domus '{ 10.77.128.11 }'
	in_nft add element inet nightshift domus '{ 10.77.128.12 }'
	start_gateway
	open 11
	run ! open 12
}

@test "walls that somebody took away are built again" {
	node a enrol
	in_nft flush ruleset
	new_boot pc2 2 b
	node b enrol
	open 11
	open 12
}

@test "a policy's mistake has its place, and the old policy stays" {
	echo 'pass proto tcp from domus to 192.0.2.1 port 80' >"$tmp/policy"
	sed -i "s|limits|acl { policy $tmp/policy }; limits|" "$tmp/nightshift.conf"
	kill -HUP "$gw"
	loaded() { in_nft list chain inet nightshift domu_forward | grep 192.0.2.1; }
	await loaded
	echo 'pass from domus to nowhere' >"$tmp/policy"
	run "$bin/gatewayd" -f "$tmp/nightshift.conf" -n
	[ "$status" = 1 ]
	[[ $output = *"/policy:1:"* ]]
	kill -HUP "$gw"
	await grep -q 'not reloaded: .*/policy:1:' "$tmp/log"
	loaded
}

# say NODE grid|local [true|false]: the owner's word
say() {
	api -X PUT -d "{\"boot\": \"$2\", \"once\": ${3:-false}}" \
		"http://x/v1/admin/nodes/$1/boot"
}

# ask N: the loader of pcN
ask() { api -H "X-Real-IP: 10.77.0.1$1" "http://x/boot/uefi/52:54:00:77:00:1$1"; }

fenced() {
	run node a "$@"
	[ "${lines[0]}" = 409 ]
	[[ ${lines[1]} = *"the owner called this PC back"* ]]
}

@test "the owner calls a PC back" {
	workspaces 2 w:1:512
	node a enrol
	has_domu() { node a desired 0 0 | grep -q w-pc1; }
	await has_domu
	node a report failed "something of this boot"
	say pc1 local | grep -q '"boot":"local"'
	state_is pc1 local
	api http://x/v1/admin/nodes | jq_node pc1 | grep -q '"error":""'
	fenced report running
	fenced desired 0 0
	fenced enrol
	# Not even after a restart, whose memory holds it.
	kill_gateway
	start_gateway
	state_is pc1 local
	fenced report running
	fenced enrol
	ask 1 | grep -q 'action local'
	# And the grid again, for another boot.
	say pc1 grid
	run node a enrol
	[ "${lines[0]}" = 409 ]
	ask 1 | grep -q 'action grid'
	new_boot pc1 1 b
	node b enrol
	has_domu() { node b desired 0 0 | grep -q w-pc1; }
	await has_domu
}

@test "a PC called back hears of it at once" {
	hold_poll
	start=$(date +%s)
	say pc1 local
	wait $held || true
	[ $(($(date +%s) - start)) -lt 5 ]
	head -n 1 "$tmp/held" | grep -qx 409
	grep -q 'the owner called this PC back' "$tmp/held"
}

@test "the owner calls a PC back for one boot" {
	node a enrol
	say pc1 local true
	fenced report running
	fenced enrol
	ask 1 | grep -q 'action local'
	kill_gateway
	sqlite3 "$tmp/state/gateway.db" \
		"UPDATE nodes SET once_used_ms = once_used_ms - 60000"
	start_gateway
	ask 1 | grep -q 'action grid'
	new_boot pc1 1 b
	node b enrol
	node b report running
}

@test "the owner calls a PC back that is on its way to the grid" {
	ask 1 | grep -q 'action grid'
	say pc1 local true
	fenced enrol
	ask 1 | grep -q 'action local'
	state_is pc1 local
}

@test "a boot for once is called back as any other" {
	say pc3 grid true
	ask 3 | grep -q 'action grid'
	rm -r "$tmp/a"
	new_boot pc3 3 a
	node a enrol
	say pc3 local true
	fenced report running
}

@test "a reload calls a PC back" {
	node a enrol
	sed -i 's/\(node pc1 .*\)boot grid/\1boot local/' "$tmp/nightshift.conf"
	kill -HUP "$gw"
	await state_is pc1 local
	fenced report running
	ask 1 | grep -q 'action local'
	# So does a start with another configuration than before.
	new_boot pc2 2 b
	node b enrol
	kill_gateway
	sed -i 's/\(node pc2 .*\)boot grid/\1boot local/' "$tmp/nightshift.conf"
	start_gateway
	state_is pc2 local
	run node b report running
	[ "${lines[0]}" = 409 ]
}

@test "a boot decision once, and then as configured" {
	ask() {
		api -H 'X-Real-IP: 10.77.0.13' \
			http://x/boot/uefi/52:54:00:77:00:13
	}
	ask | grep -q 'action local'
	state_is pc3 local
	api -X PUT -d '{"boot": "grid", "once": true}' \
		http://x/v1/admin/nodes/pc3/boot
	ask | grep -q 'action grid'
	# A retry of the loader is the same boot.
	ask | grep -q 'action grid'
	state_is pc3 asked
	new_boot pc3 3 c
	node c enrol
	node c report running
	# As if that had been half a minute ago.
	kill_gateway
	sqlite3 "$tmp/state/gateway.db" \
		"UPDATE nodes SET once_used_ms = once_used_ms - 60000"
	start_gateway
	ask | grep -q 'action local'
}

@test "a boot decision follows a new release at once" {
	ask() {
		api -H 'X-Real-IP: 10.77.0.11' \
			http://x/boot/pxelinux/pxelinux.cfg/01-52-54-00-77-00-11
	}
	ask | grep -q /boot/r/0a/xen.gz
	release 0b
	ask | grep -q /boot/r/0b/xen.gz
	state_is pc1 asked
}

@test "a boot that gets stuck is lost, with a reason" {
	api -H 'X-Real-IP: 10.77.0.11' http://x/boot/uefi/"$mac1"
	state_is pc1 asked
	kill_gateway
	sqlite3 "$tmp/state/gateway.db" \
		"UPDATE nodes SET since_ms = since_ms - 601000"
	start_gateway
	await state_is pc1 lost
	api http://x/v1/admin/nodes | jq_node pc1 |
		grep -q "did not get past 'asked'"
	node a enrol
	state_is pc1 enrolled
	api http://x/v1/admin/nodes | jq_node pc1 | grep -q '"error":""'
}

@test "a MAC from a wrong address is not that PC" {
	api -H 'X-Real-IP: 10.77.0.12' http://x/boot/uefi/"$mac1" |
		grep -q 'action local'
	api http://x/boot/uefi/"$mac1" | grep -q 'action local'
	state_is pc1 unknown
}

@test "paths that are too long or strange find nothing" {
	long=$(printf 'a%.0s' {1..7000})
	run -0 api -o /dev/null -w '%{http_code}' \
		"http://x/boot/pxelinux/pxelinux.cfg/01-$long"
	[ "$output" = 404 ]
	for path in /boot/ipxe/ /boot/ipxe/01-52-54-00-77-00-11 \
		/boot/uefi/..%2f..%2fetc /v1/node/ /; do
		run -0 api -o /dev/null -w '%{http_code}' "http://x$path"
		[[ $output = 40[04] ]]
	done
}

@test "the segment statement needs a nonce and brings a state forward" {
	run -0 api -o /dev/null -w '%{http_code}' \
		'http://x/v1/node/segment?nonce=12'
	[ "$output" = 400 ]
	node a segment | grep -q '"tls_pin":"sha256//'
	state_is pc1 dom0
	node a enrol
	node a report running
	node a segment
	state_is pc1 running
}

@test "a bad reload keeps the old, a good one adds a PC" {
	echo nonsense >>"$tmp/nightshift.conf"
	kill -HUP "$gw"
	await grep -q 'the old configuration stays' "$tmp/log"
	node a enrol
	write_conf
	sed -i 's/^}$/\tnode pc4 { mac 52:54:00:77:00:14; address 10.77.0.14; boot grid }\n}/' \
		"$tmp/nightshift.conf"
	kill -HUP "$gw"
	await state_is pc4 unknown
	node a report enrolled
	new_boot pc4 4 d
	node d enrol
}

@test "a PC taken from the list loses its poll and its rights" {
	hold_poll
	sed -i '/node pc1/d' "$tmp/nightshift.conf"
	kill -HUP "$gw"
	wait $held || true
	head -n 1 "$tmp/held" | grep -qx 403
	run node a report running
	[ "${lines[0]}" = 403 ]
	# Back again: what was known of it is in the database.
	write_conf
	kill -HUP "$gw"
	await node a report running
}

@test "a poll whose peer goes away is forgotten" {
	hold_poll
	kill -9 $held
	sleep 0.2
	workspaces 2 w:1:512
	has_domu() { node a desired 0 0 | grep -q w-pc1; }
	await has_domu
}

@test "two gatewayds do not share one state" {
	run "$bin/gatewayd" -f "$tmp/nightshift.conf"
	[ "$status" -eq 1 ]
	node a enrol
}

@test "it stops when told" {
	kill -TERM "$gw"
	wait "$gw"
	gw=
	[ ! -e "$sock" ]
}

@test "the mirror is told what this segment runs" {
	wanted=$tmp/state/mirror/wanted
	workspaces 2 day:1:64 night:2:64 off:0:64
	await grep -qx "batch 1 a\{64\}" "$wanted"
	[ "$(wc -l <"$wanted")" = 1 ]
	workspaces 3 off:0:64
	await test ! -s "$wanted"
}

@test "the statement says where images are, and what is too old" {
	node a segment | grep -q '"repo_port":8080'
	run node a segment
	[[ $output != *repo_floor* && $output != *carousel* ]]
	echo '{"floor": {"root": 2, "timestamp": 70, "snapshot": 60}}' \
		>"$tmp/state/mirror/mirror.json"
	node a segment |
		grep -q '"repo_floor":{"root":2,"snapshot":60,"timestamp":70}'
	# Half a memory is none.
	echo '{"floor": {"root": 2, "timestamp": 70}}' \
		>"$tmp/state/mirror/mirror.json"
	[[ $(node a segment) != *repo_floor* ]]
	sed -i 's/^}/carousel { group 239.1.2.3 }\n&/' "$tmp/nightshift.conf"
	kill -HUP "$gw"
	await eval "node a segment |
		grep -q '\"carousel\":{\"group\":\"239.1.2.3\",\"port\":7883}'"
}
