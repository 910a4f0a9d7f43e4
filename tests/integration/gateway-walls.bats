#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The walls follow the nodes' states, whatever happens to gatewayd.
# shellcheck disable=SC2317  # functions are called by await

load gateway.bash
setup() { gateway_setup; }
teardown() { gateway_teardown; }

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
