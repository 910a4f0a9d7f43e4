#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images that are damaged, missing, late or not signed as they should be: the agent
# starts what verifies, or nothing.

: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"
load agent.bash

setup() { start_segment; }
teardown() { stop_segment; }

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
	run ! disk_read
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
	run ! disk_read
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
	run ! said "$running"
	mv "$T/away" "$path"
	wait_for 15 said "$running"
	[ "$(asked "$(jq -r .root.bundle.sha256 "$manifest_path")")" = 0 ]
	rm -r "$T/gw/repo/blobs"
	kill -9 "$(child net)"
	wait_for 10 disk_read
}

# Of packs, by all disks: a bundle is each disk's own.
pack_bytes() {
	awk -v bundles="$(jq -r .root.bundle.sha256 "$T"/gw/repo/targets/batch/*.[12].json | tr '\n' ' ')" '
		{ split($7, p, "/") }
		$9 == 206 && !index(bundles, p[5]) { n += $10 }
		END { print n + 0 }' "$T/nginx/access.log"
}

@test "what two versions have in common is fetched once" {
	make_image
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
	wait_for 10 disk_read
	one=$(pack_bytes)
	next_version
	desire 3 "$manifest" 64 2
	# The first disk is there until its domU has ended.
	wait_for 30 said 'disk .*: [0-9]+ bytes fetched, 0 had of other disks'
	wait_for 30 eval 'grep -Eqs " 2048000 2048000 $disk" "$T"/hv/nbd-[01]'
	two=$(($(pack_bytes) - one))
	echo "packs: $one bytes for the first, $two for the second"
	[ "$one" -gt 1000000 ]
	[ "$two" -gt 200000 ]
	[ "$two" -lt $((one / 2)) ]
	desire 4
	wait_for 30 said 'disk .*: [0-9]+ bytes fetched, [1-9][0-9]{5,} had'
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
