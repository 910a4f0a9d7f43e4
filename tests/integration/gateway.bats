#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gatewayd itself: its statement, its configuration, its end.
# shellcheck disable=SC2317  # functions are called by await

load gateway.bash
setup() { gateway_setup; }
teardown() { gateway_teardown; }

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
