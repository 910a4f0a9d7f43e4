#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What gatewayd gives nodes to do, and tells the central of them.
# shellcheck disable=SC2317  # functions are called by await

load gateway.bash
setup() { gateway_setup; }
teardown() { gateway_teardown; }

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

@test "a poll whose peer goes away is forgotten" {
	hold_poll
	kill -9 $held
	sleep 0.2
	workspaces 2 w:1:512
	has_domu() { node a desired 0 0 | grep -q w-pc1; }
	await has_domu
}

@test "the mirror is told what this segment runs" {
	wanted=$tmp/state/mirror/wanted
	workspaces 2 day:1:64 night:2:64 off:0:64
	await grep -qx "batch 1 a\{64\}" "$wanted"
	[ "$(wc -l <"$wanted")" = 1 ]
	workspaces 3 off:0:64
	await test ! -s "$wanted"
}
