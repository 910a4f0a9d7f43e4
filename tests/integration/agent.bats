#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent against a gateway whose every answer the test can bend, on a
# hypervisor made of files.

: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"
load agent.bash

setup() { start_segment; }
teardown() { stop_segment; }

running='domu id=batch-1 domid=[0-9]+ state=running'

run_domu() { # [CMDLINE]
	make_image "${1:-console=hvc0}"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
}

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
	! grep 'seq does not rise' "$T/gw/log"
}

@test "a child has only the rights it needs" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	! grep -q __asan_init "$bin/gridagent" || skip "sanitizers take no filter"
	run_domu
	for role in main net verify blk air; do
		p=$(child $role)
		grep -q '^NoNewPrivs:.*1' "/proc/$p/status"
		grep -q '^Seccomp:.*2' "/proc/$p/status"
		! grep -q '^Uid:.*[[:space:]]0[[:space:]]' "/proc/$p/status"
		grep -q '^CapEff:.*0000000000000000' "/proc/$p/status"
		[ "$(readlink "/proc/$p/root")" = "$T/state/empty" ]
		[ -z "$(ls "/proc/$p/root/")" ]
	done
	! ls -l "/proc/$(child net)/fd" "/proc/$(child verify)/fd" | grep memfd
}

damage() { # BLOB OFFSET
	blob_path "$1"
	cp "$path" "$T/good"
	printf X | dd of="$path" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

@test "a tampered kernel is refused and reported, after three tries" {
	make_image
	damage kernel 12345
	desire 2 "$manifest"
	start_agent
	wait_for 30 said 'nightshift: refused image=batch .*kernel .*sha256 .* instead of'
	wait_for 5 last_report "\"error\":\"kernel ${kernel:0:12}: sha256 [0-9a-f]* instead of $kernel\".*\"state\":\"refused\""
	[ "$(asked "/repo/blobs/.*/$kernel")" = 3 ]
	[ ! -e "$T/hv/domain-1" ]
}

@test "a tampered index is refused" {
	make_image
	damage index 100
	desire 2 "$manifest"
	start_agent
	wait_for 30 last_report '"error":"disk index: sha256 .*"state":"refused"'
	[ ! -e "$T/hv/domain-1" ]
}

@test "a kernel that is fetched wrong once is fetched again" {
	make_image
	damage kernel 5
	desire 2 "$manifest"
	start_agent
	wait_for 10 said 'try 1 of 3'
	cp "$T/good" "$path"
	wait_for 15 said "$running"
}

@test "a tampered chunk is never used, and fetched again" {
	make_image
	blob_path pack
	# At its end: what a boot reads lies first, and comes in the bundle.
	damage pack $(($(stat -c %s "$path") - 1000))
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	wait_for 10 said 'chunks were wrong and are fetched again'
	! disk_read
	cp "$T/good" "$path"
	wait_for 40 disk_read
}

@test "a tampered bundle costs time, and nothing else" {
	make_image
	damage bundle 50000
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	wait_for 40 disk_read
}

@test "a truncated kernel is refused and reported" {
	make_image
	truncate -s 100000 "$path"
	desire 2 "$manifest"
	start_agent
	wait_for 30 last_report '100000 bytes instead of 300000.*"state":"refused"'
	[ ! -e "$T/hv/domain-1" ]
}

@test "an endless kernel is cut" {
	make_image
	truncate -s 10G "$path"
	desire 2 "$manifest"
	start_agent
	wait_for 30 last_report 'more than 300000 bytes.*"state":"refused"'
}

@test "a missing kernel is waited for, and told of" {
	make_image
	mv "$path" "$T/away"
	desire 2 "$manifest"
	start_agent
	wait_for 10 last_report 'HTTP 404.*"state":"fetching"'
	mv "$T/away" "$path"
	wait_for 30 said "$running"
}

@test "reads wait while the repository is away, and go on" {
	make_image
	blob_path pack
	mv "$path" "$T/away"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	sleep 3
	! disk_read
	mv "$T/away" "$path"
	wait_for 40 disk_read
}

@test "blk is started anew when it dies, and reads go on" {
	make_image
	blob_path pack
	mv "$path" "$T/away"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	kill -9 "$(child blk)"
	wait_for 10 said 'blk: started anew'
	wait_for 10 eval '[ "$(grep -c "nightshift: disk" "$T/agent.log")" = 2 ]'
	mv "$T/away" "$path"
	wait_for 40 disk_read
	[ "$(grep -Ec "$running" "$T/agent.log")" = 1 ]
}

@test "wanted whole, a disk is here before its domU runs" {
	make_image
	blob_path pack
	mv "$path" "$T/away"
	desire 2 "$manifest"
	start_agent --image-whole
	wait_for 15 said 'opening -> filling'
	wait_for 10 last_report '"state":"fetching"'
	! said "$running"
	mv "$T/away" "$path"
	wait_for 15 said "$running"
	[ "$(asked "$(jq -r .root.bundle.sha256 "$manifest_path")")" = 0 ]
	rm -r "$T/gw/repo/blobs"
	kill -9 "$(child net)"
	wait_for 10 disk_read
}

@test "a bundle comes from the carousel, and not over HTTP" {
	announce_carousel
	make_image
	cp -r "$T/gw/repo" "$T/air"
	start_carousel -c 1 -d "$T/air"
	# Over HTTP there is no more than its head, which is asked for at once.
	blob_path bundle
	head=$(jq .root.bundle.head "$manifest_path")
	truncate -s "$head" "$path"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	wait_for 20 said "disk .*: [0-9]{6,} bytes from the air"
	wait_for 20 disk_read
	grep -q "${blob:0:32}" "$T/carousel.log"
	[ "$(sent_of "$blob")" -le "$head" ]
}

@test "a carousel that is silent costs a moment, and the boot goes on" {
	announce_carousel
	run_domu
	wait_for 10 said 'nothing from the air|carousel: '
	wait_for 10 disk_read
	blob_path bundle
	[ "$(sent_of "$blob")" -ge "$(stat -c %s "$path")" ]
	! said 'bytes from the air'
}

@test "a carousel that waits for others does not hold a node" {
	announce_carousel
	make_image
	start_carousel -c 3
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	wait_for 10 said 'carousel: Resource temporarily unavailable'
	wait_for 10 disk_read
}

@test "a carousel that begins later is heard, HTTP or not" {
	announce_carousel
	make_image
	cp -r "$T/gw/repo" "$T/air"
	start_carousel -c 2 -d "$T/air"
	# Over HTTP there is no more than its head.
	blob_path bundle
	size=$(stat -c %s "$path")
	truncate -s "$(jq .root.bundle.head "$manifest_path")" "$path"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said 'carousel: Resource temporarily unavailable'
	! said 'bytes from the air'
	"$bin/carouseld" receive -i 127.0.0.1 -s 127.0.0.1 -p "$air" \
		-S "$size" -o "$T/other" "$blob" 3>&-
	wait_for 15 said 'on the air again'
	wait_for 20 said "disk .*: [0-9]{6,} bytes from the air"
	wait_for 20 disk_read
}

@test "false bytes from the air are thrown away" {
	announce_carousel
	make_image
	blob_path bundle
	mkdir -p "$T/false/blobs/${blob:0:2}"
	head -c "$(stat -c %s "$path")" /dev/urandom \
		>"$T/false/blobs/${blob:0:2}/$blob"
	start_carousel -c 1 -d "$T/false"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	wait_for 10 said 'false bytes at'
	wait_for 10 disk_read
	! said 'bytes from the air'
}

@test "air is started anew when it dies, and joins again" {
	announce_carousel
	run_domu
	wait_for 10 said 'carousel: joined'
	kill -9 "$(child air)"
	wait_for 10 said 'air: started anew'
	wait_for 10 eval '[ "$(grep -c "carousel: joined" "$T/agent.log")" = 2 ]'
	wait_for 10 disk_read
}

@test "an image signed by strangers is refused" {
	"$bin/imagerepo" init "$T/stranger" >/dev/null
	make_image console=hvc0 "$T/stranger"
	desire 2 "$manifest"
	start_agent
	wait_for 15 last_report '"state":"refused"'
	said 'refused: manifest'
	[ "$(asked /repo/blobs/)" = 0 ]
}

@test "expired metadata are refused" {
	make_image console=hvc0 "$T/gw" --timestamp-expires 1s
	sleep 2
	desire 2 "$manifest"
	start_agent
	wait_for 15 last_report 'expired.*"state":"refused"'
	[ "$(asked /repo/blobs/)" = 0 ]
}

@test "a revoked image is refused" {
	make_image
	cp -r "$T/image" "$T/other"
	sed -i 's/"version": "1"/"version": "2"/' "$T/other/image.json"
	"$bin/imagerepo" publish "$T/other" --repo "$T/gw/repo" \
		--keys "$T/gw" --quiet
	"$bin/imagerepo" revoke batch/1 --reason "a hole" \
		--repo "$T/gw/repo" --keys "$T/gw"
	desire 2 "$manifest"
	start_agent
	wait_for 15 last_report 'revoked.*"state":"refused"'
}

@test "one flipped byte in a manifest is refused" {
	make_image
	sed -i 's/hvc0/hvc1/' "$manifest_path"
	desire 2 "$manifest"
	start_agent
	wait_for 15 last_report '"state":"refused"'
}

@test "a refused image gets another chance when desired changes" {
	make_image
	cp "$manifest_path" "$T/good"
	sed -i 's/hvc0/hvc1/' "$manifest_path"
	desire 2 "$manifest"
	start_agent
	wait_for 15 last_report '"state":"refused"'
	cp "$T/good" "$manifest_path"
	desire 3 "$manifest"
	wait_for 15 said "$running"
}

@test "expired statements of the gateway are refused" {
	touch "$T/gw/expired"
	start_agent
	wait_for 10 said 'segment statement: .*expired'
	! said enrolled
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
	! said enrolled
}

@test "another TLS key than the signed one is refused" {
	pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	stop_gateway
	start_gateway
	start_agent
	wait_for 10 said 'enrol: .*pinned'
	! said enrolled
	! grep -q enrol "$T/gw/log"
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
	! said created
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
