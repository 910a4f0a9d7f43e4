# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the boot tests share that start one machine directly, without a lab: an
# empty folder $dir, and probes. What runs on the machine prints a line
# "PROBE key value" for each of its answers.
# shellcheck disable=SC2034 # the tests use what is set here

set -u
name=$(basename "$0" .sh)
TOP=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-build}
cd "$TOP" || exit 1
dir=$BUILD/lab-test/$name
log=$dir/serial.log
failed=0
rm -rf "$dir"
mkdir -p "$dir"

# boot_direct OPTION... of tests/lab/boot-direct; sets $status.
boot_direct()
{
	status=0
	tests/lab/boot-direct -b "$BUILD" -q -l "$log" "$@" || status=$?
	grep -a '^PROBE' "$log" | tr -d '\r' >"$dir/probes"
}

# For a machine that must have done all it was told.
booted()
{
	[ "$status" -eq 0 ] && return
	echo "FAILED: boot-direct: $status"
	tail -n 30 "$log"
	exit 1
}

ok()
{
	echo "ok: $1"
}

not_ok()
{
	echo "FAILED: $1"
	failed=1
}

# check WHAT PATTERN: of a probe, "key value"
check()
{
	if grep -Eq "^PROBE $2\$" "$dir/probes"; then
		ok "$1"
	else
		not_ok "$1: want '$2', have: $(grep "^PROBE ${2%% *} " "$dir/probes")"
	fi
}
