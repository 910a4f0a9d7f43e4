#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent against a gateway that lies, forgets it, goes away, or says no.

: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"
load agent.bash

setup() { start_segment; }
teardown() { stop_segment; }

@test "expired statements of the gateway are refused" {
	touch "$T/gw/expired"
	start_agent
	wait_for 10 said 'segment statement: .*expired'
	run ! said enrolled
	rm "$T/gw/expired"
	wait_for 10 said enrolled
}

@test "a gateway whose clock is set back is believed again" {
	run_domu
	touch "$T/gw/expired"
	wait_for 20 said 'node: leased -> segment'
	rm "$T/gw/expired"
	wait_for 20 eval '[ "$(grep -c "nightshift: enrolled" "$T/agent.log")" = 2 ]'
	[ -e "$T/hv/domain-1" ]
}

@test "a gateway with another root is refused" {
	"$bin/imagerepo" init "$T/other" >/dev/null
	cp "$T/other/gateway.key" "$T/gw/gateway.key"
	stop_gateway
	start_gateway
	start_agent
	wait_for 10 said 'segment statement: '
	sleep 1
	run ! said enrolled
}

@test "another TLS key than the signed one is refused" {
	pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	stop_gateway
	start_gateway
	start_agent
	wait_for 10 said 'enrol: .*pinned'
	run ! said enrolled
	run ! grep -q enrol "$T/gw/log"
}

@test "oversized documents are cut" {
	touch "$T/gw/endless-segment"
	start_agent
	wait_for 10 said 'segment statement: reply longer than 65536 bytes'
	rm "$T/gw/endless-segment"
	touch "$T/gw/endless-enrol"
	wait_for 10 said 'enrol: reply longer'
	rm "$T/gw/endless-enrol"
	touch "$T/gw/endless-desired"
	wait_for 20 said 'desired: reply longer'
	rm "$T/gw/endless-desired"
	make_image
	desire 2 "$manifest"
	wait_for 20 said "$running"
}

@test "a gateway that forgets us is enrolled with again, the domU goes on" {
	run_domu
	stop_gateway
	wait_for 10 said 'report: HTTP 502'
	start_gateway
	n=$(grep -c . "$T/gw/reports")
	wait_for 30 eval '[ "$(grep -c "nightshift: enrolled" "$T/agent.log")" = 2 ]'
	wait_for 10 eval '[ "$(grep -c . "$T/gw/reports")" -gt '"$n"' ]'
	[ "$(sort -u "$T/gw/boots" | wc -l)" = 1 ]
	[ "$(grep -Ec "$running" "$T/agent.log")" = 1 ]
	[ -e "$T/hv/domain-1" ]
}

@test "a lost lease changes nothing on the node" {
	run_domu
	stop_gateway
	wait_for 15 said 'lease: over'
	[ -e "$T/hv/domain-1" ]
	start_gateway
	wait_for 40 last_report '"state":"running"'
}

@test "fenced: destroys its domUs and exits with 3" {
	run_domu
	echo 409 >"$T/gw/answer-report"
	status=0
	agent_status || status=$?
	[ "$status" = 3 ]
	[ ! -e "$T/hv/domain-1" ]
	said 'nightshift: fenced'
}

@test "not on the list: asks again, slowly" {
	echo 403 >"$T/gw/answer-enrol"
	start_agent
	wait_for 10 said 'enrol: HTTP 403'
	sleep 3
	[ "$(grep -c 'POST /v1/node/enrol' "$T/gw/log")" -le 2 ]
}
