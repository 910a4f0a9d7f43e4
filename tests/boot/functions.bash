# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the boot tests share. Each starts a lab of its own and ends it, whatever
# happens; a check that fails says what and ends the test.

set -u
name=$(basename "$0" .sh)
TOP=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-build}
cd "$TOP" || exit 1
NIGHTSHIFT_LAB=$(realpath -m "$BUILD/lab-test/$name")
export BUILD NIGHTSHIFT_LAB
lab=$NIGHTSHIFT_LAB

lab()
{
	scripts/lab "$@" || fail "lab $*"
}

grid()
{
	scripts/lab gridctl "$@"
}

fail()
{
	echo "FAILED: $*"
	for log in "$lab"/log/*.log "$lab"/*/serial.log; do
		[ -s "$log" ] && echo "--- end of $log" && tail -n 15 "$log"
	done
	exit 1
}

# check WHAT COMMAND...
check()
{
	local what=$1
	shift
	"$@" || fail "$what"
	echo "ok: $what"
}

# await SECONDS WHAT COMMAND...: until it succeeds. The seconds are those of an
# idle machine; a busy one with two cores may take three times as long.
await()
{
	local end=$((SECONDS + 3 * $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "$what: not within the time given"
		sleep 0.5
	done
	echo "ok: $what"
}

serial_has()
{
	grep -aq "$2" "$lab/$1/serial.log"
}

# The disk is bit for bit what its owner left.
disk_untouched()
{
	[ "$(sha256sum <"$lab/$1/disk.img")" = "$(cat "$lab/$1/disk.sha256")" ]
}

scripts/lab down
trap 'scripts/lab down' EXIT
trap 'exit 1' INT TERM
