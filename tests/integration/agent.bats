#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent against a gateway whose every answer the test can bend, on a
# hypervisor made of files.

: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"
load agent.bash

setup() { start_segment; }
teardown() { stop_segment; }

@test "enrols, fetches, verifies, starts a domU and reports it" {
	run_domu
	said 'nightshift: enrolled node=pc1 epoch=1'
	said 'nightshift: image name=batch version=1'
	wait_for 5 last_report '"id":"batch-1".*"state":"running".*"state":"running"'
	[ "$(cat "$T"/hv/vm-data-*/ip)" = 10.77.128.1/16 ]
	grep -q 'name batch-1' "$T"/hv/domain-1
	grep -q "vbd xvda r" "$T"/hv/domain-1
	wait_for 10 disk_read
	[ "$(asked '/repo/blobs/')" -le 30 ]
}

@test "reports go on, each in its order" {
	run_domu
	wait_for 10 eval '[ "$(grep -c . "$T/gw/reports")" -ge 6 ]'
	run ! grep 'seq does not rise' "$T/gw/log"
}

@test "a child has only the rights it needs" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	! grep -q __asan_init "$bin/gridagent" || skip "sanitizers take no filter"
	run_domu
	for role in main net verify blk air; do
		p=$(child $role)
		grep -q '^NoNewPrivs:.*1' "/proc/$p/status"
		grep -q '^Seccomp:.*2' "/proc/$p/status"
		run ! grep -q '^Uid:.*[[:space:]]0[[:space:]]' "/proc/$p/status"
		grep -q '^CapEff:.*0000000000000000' "/proc/$p/status"
		[ "$(readlink "/proc/$p/root")" = "$T/state/empty" ]
		[ -z "$(ls "/proc/$p/root/")" ]
	done
	for role in scratch hv; do
		p=$(child $role)
		grep -q '^NoNewPrivs:.*1' "/proc/$p/status"
		grep -q '^Seccomp:.*2' "/proc/$p/status"
	done
	[ -z "$(ls -l "/proc/$(child net)/fd" "/proc/$(child verify)/fd" | grep memfd)" ]
}

@test "net and verify are started anew when they die" {
	start_agent
	wait_for 10 said enrolled
	kill -9 "$(child net)"
	wait_for 10 said 'net: started anew'
	kill -9 "$(child verify)"
	wait_for 10 said 'verify: started anew'
	make_image
	desire 2 "$manifest"
	wait_for 30 said "$running"
	wait_for 10 last_report '"state":"running"'
}

@test "an agent started anew goes on with what runs, as the same boot" {
	run_domu
	kill -9 "$(child hv)"
	status=0
	agent_status || status=$?
	[ "$status" = 1 ]
	: >"$T/agent.log"
	start_agent
	wait_for 10 said 'found as domain 1, running'
	wait_for 10 said enrolled
	wait_for 10 last_report '"domid":1.*"state":"running"'
	[ "$(sort -u "$T/gw/boots" | wc -l)" = 1 ]
	run ! said created
	[ ! -e "$T/hv/domain-2" ]
}

@test "an end of the agent leaves the domU alone" {
	run_domu
	kill "$agent_pid"
	status=0
	agent_status || status=$?
	[ "$status" = 0 ]
	[ -e "$T/hv/domain-1" ]
}

@test "a domU that ends is started again, with a pause" {
	run_domu 'console=hvc0 fake-exit=1'
	wait_for 10 said 'failed domu=batch-1 .*powered off: fake domain batch-1 starts'
	wait_for 20 eval '[ "$(grep -Ec "$running" "$T/agent.log")" = 2 ]'
}

@test "a domU that crashes is reported as failed" {
	run_domu 'console=hvc0 fake-crash=1'
	wait_for 10 last_report '"error":"crashed.*"state":"failed"'
	said 'domU batch-1: console: fake domain batch-1 starts'
}

# As a PVH kernel that is lost in its first second.
@test "a domU that dies at each start is tried again, ever more slowly" {
	run_domu 'console=hvc0 fake-crash=0'
	wait_for 10 last_report 'crashed: fake domain batch-1 starts; next try in [12] s'
	wait_for 10 last_report 'crashed 2 times in a row: .*; next try in [2-4] s'
	wait_for 10 last_report 'crashed 3 times in a row: .*; next try in [4-8] s'
	wait_for 15 last_report 'crashed 4 times in a row: .*; next try in ([89]|1[0-6]) s'
	# One domain at a time, and nothing left of the dead ones.
	[ "$(grep -Ec "$running" "$T/agent.log")" = 4 ]
	[ "$(find "$T/hv" -name 'domain-*' | wc -l)" -le 1 ]
}

@test "what is no longer wanted is shut down" {
	run_domu
	desire 3
	wait_for 10 said 'batch-1: gone'
	[ ! -e "$T/hv/domain-1" ]
	wait_for 5 last_report '"state":"enrolled"'
}

@test "another configuration is another domain" {
	run_domu
	desire 3 "$manifest" 96
	wait_for 20 grep -q 'memory_mib 96' "$T/hv/domain-2"
	[ ! -e "$T/hv/domain-1" ]
}

@test "another weight needs no other domain" {
	run_domu
	sed -i 's/"weight": 256/"weight": 128/; s/"gen": 2/"gen": 3/' \
		"$T/gw/desired.json"
	wait_for 20 grep -q 'weight 128' "$T/hv/domain-1"
	[ ! -e "$T/hv/domain-2" ]
}

@test "a create that fails is tried again" {
	make_image
	desire 2 "$manifest"
	echo create >"$T/hv/fail"
	start_agent
	wait_for 15 said 'failed domu=batch-1 error="create failed: .*; next try in'
	wait_for 15 said "$running"
}

@test "less memory than the image needs is an error, not a try" {
	make_image
	desire 2 "$manifest" 16
	start_agent
	wait_for 15 last_report 'needs at least 32.*"state":"failed"'
	[ ! -e "$T/hv/domain-1" ]
}
