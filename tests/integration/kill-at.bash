# SPDX-License-Identifier: Apache-2.0
# kill_at N COMMAND...: killed before its N-th change of a file system, each
# write before that cut in two (kill-at.c). With AddressSanitizer as well.

kill_at() {
	local lib=$BATS_TEST_TMPDIR/kill-at.so at=$1
	shift
	[ -e "$lib" ] || cc -shared -fPIC -O1 -D_GNU_SOURCE -o "$lib" \
		"$BATS_TEST_DIRNAME/kill-at.c" -ldl
	KILL_AT=$at KILL_TORN=1 LD_PRELOAD=$lib \
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 \
		"$@"
}
