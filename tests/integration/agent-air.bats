#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An image's bundle from the carousel, and all that can be wrong with that.

: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"
load agent.bash

setup() { start_segment; }
teardown() { stop_segment; }

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
	run ! said 'bytes from the air'
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
	run ! said 'bytes from the air'
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
	run ! said 'bytes from the air'
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
