#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagedev: whatever a server does, what is read is right, or waits.
# shellcheck disable=SC2030,SC2031 # each test has its own subshell

load imagedev.bash
setup_file() { imagedev_setup_file nbdcopy nbdinfo qemu-img; }
setup() { imagedev_setup; }
teardown() { imagedev_teardown; }

# device OPTION...: an imagedev that is ready when this returns.
device() {
	mkfifo ready
	imagedev serve --socket sock --ready-fd 8 "$@" 8>ready 3>&- &
	pids+=($!)
	read -r -t 20 <ready
	rm ready
}

read_all() {
	timeout 60 nbdcopy "$uri" out
	cmp out "$image/disk"
}

stat() { # of a device that has ended
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" stats
}

finish() {
	kill "${pids[0]}"
	wait "${pids[0]}"
}

@test "a plain disk, with a trace of first reads" {
	device --disk "$image/disk" --trace trace
	nbdinfo --size "$uri"
	qemu-io -r -f raw -c 'read 8k 4k' -c 'read 0 12k' -c 'read 4k 1k' "$uri"
	finish
	# qemu itself looks at the first sectors
	[ "$(sort -n trace | uniq -d)" = "" ]
	grep -qx 2 trace
	grep -qx 0 trace
	[ ! -e sock ]
}

@test "an image in a directory, and over HTTP, without a wrong byte" {
	device --repo "$image/repo" --manifest "$image/manifest.json"
	read_all
	qemu-img compare -f raw -F raw "$uri" "$image/disk"
	nbdinfo "$uri" | grep -q 'is_read_only: true'
	finish
	web none
	pids=()
	device --url "$url" --manifest "$image/manifest.json" --stats-json stats
	read_all
	finish
	[ "$(stat bad)" = 0 ]
	[ "$(stat retries)" = 0 ]
	kill "$web"
}

@test "each way of a server to lie or to fail is survived" {
	image=$BATS_FILE_TMPDIR/small
	for fault in truncate flip long short range swap 404 500 close endless \
		whole all; do
		web $fault
		server=$web pids=()
		device --url "$url" --manifest "$image/manifest.json" \
			--stats-json stats
		read_all
		finish
		kill "$server"
		echo "$fault: $(cat stats)"
		case $fault in
		flip | swap) [ "$(stat bad)" -gt 0 ] ;;
		long | endless | whole) ;;
		*) [ "$(stat retries)" -gt 0 ] ;;
		esac
	done
	pids=()
}

@test "a server that stalls, or gives a byte a second, is left" {
	for fault in stall slow; do
		web $fault
		server=$web pids=()
		device --url "$url" --manifest "$image/manifest.json" \
			--low-speed-sec 1 --stats-json stats
		timeout 60 nbdcopy "$uri" out &
		copy=$!
		sleep 4
		# the first of the faults is behind us; no need for them all
		kill "$server"
		pids+=("$copy")
		web none "$image/repo" "${url##*:}"
		wait "$copy"
		cmp out "$image/disk"
		kill "$web"
		finish
		[ "$(stat retries)" -gt 0 ]
	done
	pids=()
}

@test "an outage makes reads wait, and they go on after it" {
	web none
	device --url "$url" --manifest "$image/manifest.json" --no-bundle
	kill "$web"
	pids=("${pids[1]}")
	wait "$web" || true
	timeout 60 nbdcopy "$uri" out 3>&- &
	copy=$!
	sleep 1.5
	kill -0 "$copy"
	web none "$image/repo" "${url##*:}"
	wait "$copy"
	cmp out "$image/disk"
}

@test "a blob that is missing behind file:// is read once it is there" {
	cp -r "$image/repo" slow
	pack=$(find slow/blobs -type f -printf '%s %p\n' | sort -rn | sed -n '2s/.* //p')
	mv "$pack" pack
	device --url "file://$PWD/slow" --manifest "$image/manifest.json" \
		--stats-json stats
	timeout 60 nbdcopy "$uri" out 3>&- &
	copy=$!
	sleep 1
	kill -0 "$copy"
	mv pack "$pack"
	wait "$copy"
	cmp out "$image/disk"
	finish
	[ "$(stat retries)" -gt 0 ]
}

@test "over HTTP/2 with prior knowledge, on few connections, without a retry" {
	load imagerepo.bash
	serve "$image/repo" '' http2
	pids=()
	device --url "$url" --h2 --no-bundle --manifest "$image/manifest.json" \
		--stats-json stats
	read_all
	finish
	[ "$(stat retries)" = 0 ]
	[ "$(stat requests)" -gt 20 ]
	run ! grep -v 'HTTP/2.0"' nginx/access.log
	unserve
}

@test "a thousand flipped bytes in a repository: none gets out" {
	cp -r "$image/repo" bad
	find bad -type f | sort >files
	index=$(sed -n 's/.*"index":{"sha256":"\([0-9a-f]*\)".*/\1/p' \
		"$image/manifest.json")
	grep -v "$index" files | xargs flip-bytes 1000 7
	device --repo bad --manifest "$image/manifest.json" --stats-json stats
	timeout 60 nbdcopy "$uri" out 3>&- &
	copy=$!
	sleep 1
	kill -0 "$copy" # it waits for what does not verify
	mv bad/blobs bad/damaged
	cp -r "$image/repo/blobs" bad/new
	mv bad/new bad/blobs
	wait "$copy"
	cmp out "$image/disk"
	finish
	[ "$(stat bad)" -gt 100 ]
}

@test "a manifest's index that is damaged is refused in one line" {
	cp -r "$image/repo" bad
	index=$(sed -n 's/.*"index":{"sha256":"\([0-9a-f]*\)".*/\1/p' \
		"$image/manifest.json")
	flip-bytes 1 1 "bad/blobs/${index:0:2}/$index"
	run imagedev serve --repo bad --manifest "$image/manifest.json" --socket s
	[ "$status" -eq 1 ]
	[[ $output == *"not the index that the manifest names"* ]]
	rm "bad/blobs/${index:0:2}/$index"
	run imagedev serve --repo bad --manifest "$image/manifest.json" --socket s
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
}

@test "wrong use is told apart" {
	run imagedev serve
	[ "$status" -eq 2 ]
	run imagedev serve --socket s --disk a --repo b
	[ "$status" -eq 2 ]
	run imagedev serve --socket s --repo b batch
	[ "$status" -eq 2 ]
	[[ $output == *--root* ]]
	run imagedev serve --socket s --disk "$image/disk" --cache lots
	[ "$status" -eq 2 ]
	run imagedev serve --socket s --disk "$image/manifest.json"
	[ "$status" -eq 1 ]
	run imagedev serve --socket "$(printf 'x%.0s' {1..200})" \
		--disk "$image/disk"
	[ "$status" -eq 1 ]
}
