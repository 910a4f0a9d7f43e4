#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a PC's loader is told, and the owner's word about it.
# shellcheck disable=SC2317  # functions are called by await

load gateway.bash
setup() { gateway_setup; }
teardown() { gateway_teardown; }

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
