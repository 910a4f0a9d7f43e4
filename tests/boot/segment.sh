#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A BIOS and a UEFI PC boot and compute; gateway and central are killed and one
# PC loses its power in mid-job: every task still ends exactly once, the answer
# is right, and no disk was touched.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up
id=$(grid job submit --name ll --count 16 --memory 64M --wall 600 \
	--input "$BUILD/bin/lucas-lehmer" -- ./lucas-lehmer -s "{index}/16" 2 4500) ||
	fail "job submit"
check "both PCs reach a running job" "$BUILD/bin/lab-watch" -t 420 "$lab" pc1 pc2
for pc in pc1 pc2; do
	check "$pc: no block driver is bound in dom0" \
		eval "grid node show --json lab/$pc | grep -q '\"block_devices\": *\[\]'"
done

lab service restart gatewayd
lab service restart centrald
echo "ok: gatewayd and centrald were killed and restarted"
lab pc off pc1
echo "ok: pc1 lost its power"

check "the job is done" grid job wait --timeout 420 "$id"
check "results are whole" grid job result -o "$lab/results" "$id"
check "each task has one result" test "$(find "$lab/results" -type f | wc -l)" = 16
found=$(cat "$lab"/results/* | sed -n 's/^M\([0-9]*\) is prime$/\1/p' | sort -n | tr '\n' ' ')
check "the exponents are the known ones: $found" \
	test "$found" = "2 3 5 7 13 17 19 31 61 89 107 127 521 607 1279 2203 2281 3217 4253 4423 "
await 60 "the central sees that pc1 is lost" \
	eval "grid node list | grep pc1 | grep -q lost"
lab pc off pc2
check "pc1's disk is untouched" disk_untouched pc1
check "pc2's disk is untouched" disk_untouched pc2
