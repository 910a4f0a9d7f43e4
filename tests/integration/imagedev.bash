# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of imagedev share: two images, a place for each test whose
# processes end with it, and web servers that do as they are told.
# shellcheck disable=SC2034 # the tests use what is set here
bats_require_minimum_version 1.5.0

imagedev_setup_file() { # PROGRAM... that it needs
	local need
	export LC_ALL=C
	PATH=$(cd "${BUILD:-build}/bin" && pwd):$PATH
	export PATH
	for need; do
		command -v "$need" >/dev/null || skip "no $need"
	done
	lazy-image "$BATS_FILE_TMPDIR/image" 24
	lazy-image "$BATS_FILE_TMPDIR/small" 6 2
}

imagedev_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	image=$BATS_FILE_TMPDIR/image
	uri="nbd+unix:///?socket=$BATS_TEST_TMPDIR/sock"
	pids=()
}

imagedev_teardown() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
}

# web FAULT [DIR [PORT]]: a server; sets url and web.
web() {
	rm -f port
	bad-http "${2:-$image/repo}" port "$1" "${3:-}" 3>&- &
	web=$!
	pids+=("$web")
	for _ in $(seq 200); do
		[ ! -s port ] || break
		sleep 0.05
	done
	url=http://127.0.0.1:$(cat port)
}
