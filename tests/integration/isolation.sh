#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The packet matrix, everybody to everybody through the compiled rules, against
# the contract and against what `aclc prove` judges by; then holes cut into the
# rules, each of which the proof must find, with a packet that gets through it.
# Real packets, a namespace of its own for each. `make test-isolation` prints
# the table.
set -u

: "${BUILD:=build}" "${TOP:=$(cd "$(dirname "$0")/../.." && pwd)}"
isolation=$(cd "$TOP" && realpath "$BUILD")/bin/isolation
[ -c /dev/net/tun ] || {
	echo "no /dev/net/tun here"
	exit 77
}
"$isolation"
status=$?
[ $status -eq 0 ] || exit $status

# They wait for the kernel more than they compute.
for part in 1 2 3; do
	"$isolation" mutants $part/3 &
	pids[part]=$!
done
for pid in "${pids[@]}"; do
	wait "$pid" || status=1
done
exit $status
