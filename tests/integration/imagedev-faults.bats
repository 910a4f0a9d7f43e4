#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagedev as a plugin of nbdkit, whose filters make reads fail, come late, and
# come from all sides at once.
# shellcheck disable=SC2030,SC2031 # each test has its own subshell

load imagedev.bash
setup_file() {
	imagedev_setup_file nbdkit nbdcopy nbdinfo
	PLUGIN=$(command -v nbdkit-imagedev-plugin.so)
	export PLUGIN
	nbdkit --dump-plugin "$PLUGIN" >/dev/null ||
		skip "nbdkit cannot load what was compiled with a sanitizer"
}
setup() { imagedev_setup; }
teardown() { imagedev_teardown; }

# kit WORD...: an nbdkit in whose words PLUGIN stands for ours; sets kit.
kit() {
	rm -f sock
	nbdkit -f -U sock "$@" 2>kit.log 3>&- &
	kit=$!
	pids+=("$kit")
	for _ in $(seq 200); do
		[ ! -S sock ] || ! timeout 20 nbdinfo --size "$uri" >/dev/null 2>&1 ||
			return 0
		kill -0 "$kit" || break
		sleep 0.05
	done
	cat kit.log
	return 1
}

ours() { # of the image's repository, for most tests
	echo "repo=$image/repo manifest=$image/manifest.json decoded=8M"
}

read_all() {
	timeout 60 nbdcopy --connections=4 --requests=16 "$uri" out 3>&-
	cmp out "$image/disk"
}

finish() { # it ends in order, soon
	kill "$kit"
	wait "$kit"
	pids=()
}

@test "the whole disk, by four connections at once" {
	# shellcheck disable=SC2046 # words
	kit "$PLUGIN" $(ours)
	nbdinfo "$uri" | grep -q 'is_read_only: true'
	nbdinfo "$uri" | grep -q 'can_multi_conn: true'
	[ "$(nbdinfo --size "$uri")" = "$(stat -c %s "$image/disk")" ]
	read_all
	finish
}

@test "reads that fail and are tried again are right in the end" {
	# shellcheck disable=SC2046 # words
	kit --filter=retry-request --filter=error "$PLUGIN" $(ours) \
		error-pread-rate=10% retry-request-retries=100 retry-request-delay=1
	read_all
	finish
	grep -q 'injecting EIO' kit.log
}

@test "late and reordered reads are right" {
	# shellcheck disable=SC2046 # words
	kit --filter=delay "$PLUGIN" $(ours) delay-read=15ms
	read_all
	finish
}

@test "behind a server that damages, cuts and refuses, nothing wrong gets out" {
	image=$BATS_FILE_TMPDIR/small
	for fault in flip truncate 500; do
		web $fault
		kit "$PLUGIN" url="$url" manifest="$image/manifest.json"
		read_all
		finish
		kill "$web"
		wait "$web" || true
	done
}

@test "who waits for an outage can be ended" {
	web none
	kit -v "$PLUGIN" url="$url" no-bundle=1 manifest="$image/manifest.json"
	kill "$web"
	wait "$web" || true
	timeout 60 nbdcopy "$uri" out 3>&- 2>/dev/null &
	copy=$!
	pids+=("$copy")
	for _ in $(seq 400); do # until its reads wait
		! grep -q 'debug: .*pread count' kit.log || break
		sleep 0.05
	done
	grep -q 'debug: .*pread count' kit.log
	kill -0 "$copy"
	# It ends; nbdkit 1.32 now and then by its own assertion about a socket
	# that another of its threads has closed (connections.c).
	kill "$kit"
	wait "$kit" || [ "$?" -eq 134 ]
	kill "$copy" 2>/dev/null || true # nbdcopy may wait for who is gone
	! wait "$copy"
}

@test "parameters that are wrong are refused in words" {
	run nbdkit "$PLUGIN" repo=/nowhere
	[ "$status" -ne 0 ]
	run nbdkit "$PLUGIN" disk="$image/disk" cache=lots
	[ "$status" -ne 0 ]
	[[ $output == *"not a size"* ]]
	run nbdkit "$PLUGIN" disk="$image/disk" taste=sweet
	[ "$status" -ne 0 ]
	[[ $output == *"taste"* ]]
	run nbdkit "$PLUGIN" image=a:b url=http://127.0.0.1:1
	[ "$status" -ne 0 ]
	[[ $output == *"root document"* ]]
}
