#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A partition that the owner lends, as the agent sees to it; and modules, which
# are closed before anything starts. The partition is made of files
# (gridagent/fake-scratch.h).

: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"
load agent.bash
bats_require_minimum_version 1.5.0

setup() {
	start_segment
	drivers=$T/boot/r/0123456789abcdef/drivers.img
	mkdir -p "${drivers%/*}"
	printf 'nightshift-drivers 1\n4 sd_mod\n\nabcd' >"$drivers"
	jq -c --arg d "$(sha256sum <"$drivers" | cut -d' ' -f1)" \
		--argjson n "$(stat -c %s "$drivers")" \
		'.drivers = {sha256: $d, size: $n}' "$T/build.json" >"$T/build.new"
	mv "$T/build.new" "$T/build.json"
	: >"$T/hv/scratch"
	make_image console=hvc0
	desire 2 "$manifest"
}
teardown() { stop_segment; }

lend() {
	echo '{"type": "7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3", "label": "night", "size_mib": 64}' \
		>"$T/gw/scratch"
}
has() { [ -e "$T/hv/$1" ]; }
lacks() { [ ! -e "$T/hv/$1" ]; }
runs() { wait_for 20 said 'domu id=batch-1 domid=[0-9]+ state=running'; }
line_of() { grep -nE -m 1 -- "$1" "$T/agent.log" | cut -d: -f1; }
before() { [ "$(line_of "$1")" -lt "$(line_of "$2")" ]; }
no_disk() { run -1 grep -q xvdb "$T/hv/domain-$1"; }

@test "nothing is lent: modules are closed, then domUs start, no driver is asked for" {
	start_agent
	runs
	before 'modules closed scratch=none' 'domu id=batch-1 .*running'
	has modules-closed
	lacks drivers
	[ "$(asked drivers.img)" = 0 ]
	no_disk 1
	wait_for 10 last_report '"state":"running"'
	run -1 last_report '"scratch"'
}

@test "what is lent is a domU's second disk, and its key ends with it" {
	lend
	start_agent
	runs
	before 'modules closed scratch=ready' 'scratch open mib=64'
	before 'scratch open mib=64' 'domu id=batch-1 .*running'
	has drivers
	grep -q 'vbd xvdb' "$T/hv/domain-1"
	wait_for 10 last_report '"scratch":\{.*"size_mib":64,"state":"used"'
	desire 3
	wait_for 40 said 'scratch closed'
	lacks scratch-open
	desire 4 "$manifest"
	wait_for 20 has domain-2
	grep -q 'vbd xvdb' "$T/hv/domain-2"
	[ "$(grep -c 'scratch open mib' "$T/agent.log")" = 2 ]
}

@test "a partition that holds something is refused, the node works without" {
	lend
	echo 'it holds something, perhaps a file system' >"$T/hv/scratch"
	start_agent
	runs
	has modules-closed
	no_disk 1
	wait_for 10 last_report '"scratch":\{"error":"it holds something.*"state":"refused"'
	wait_for 10 last_report '"state":"running"'
}

@test "tampered drivers are refused, the node works without" {
	lend
	printf 'nightshift-drivers 1\n4 sd_mod\n\nabcX' >"$drivers"
	start_agent
	wait_for 30 said 'modules closed scratch=refused'
	runs
	lacks drivers
	has modules-closed
	no_disk 1
	wait_for 10 last_report '"scratch":\{"error":"drivers for disks: sha256 '
}

@test "a gateway that has no drivers keeps no node from working" {
	lend
	rm "$drivers"
	start_agent
	wait_for 60 said 'modules closed scratch=refused'
	runs
	lacks drivers
	wait_for 10 last_report '"scratch":\{"error":"drivers for disks: '
}

@test "the owner takes it back in mid-boot: the domU goes on without" {
	lend
	start_agent
	runs
	rm "$T/gw/scratch"
	wait_for 60 said 'scratch closed'
	wait_for 20 has domain-2
	no_disk 2
	lacks scratch-open
}

@test "a policy that is newer than the boot waits for the next one" {
	start_agent
	runs
	lend
	wait_for 10 eval '[ "$(grep -c . "$T/gw/reports")" -ge 4 ]'
	lacks drivers
	has domain-1
	lacks domain-2
}

@test "fenced: the key is gone before the node restarts" {
	lend
	start_agent
	runs
	echo 409 >"$T/gw/answer-report"
	wait_for 30 gone "$agent_pid"
	said 'scratch closed'
	lacks scratch-open
}

@test "an agent that starts anew leaves the domU its disk" {
	lend
	start_agent
	runs
	kill -9 "$agent_pid"
	wait "$agent_pid" || :
	start_agent
	wait_for 20 said 'scratch: unknown -> used'
	wait_for 10 eval '[ "$(grep -c . "$T/gw/reports")" -ge 3 ]'
	has domain-1
	has scratch-open
	desire 3
	wait_for 40 said 'scratch closed'
	lacks scratch-open
}
