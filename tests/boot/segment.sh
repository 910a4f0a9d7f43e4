#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A BIOS and a UEFI PC boot and compute; gateway and central are killed and one
# PC loses its power in mid-job: every task still ends exactly once, the answer
# is right, and no disk was touched.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up
check "both PCs' workers ask for work" "$BUILD/bin/lab-watch" -u domU -t 900 "$lab" pc1 pc2
# Each task takes its time, so that what happens below happens in mid-job.
id=$(grid job submit --name ll --count 12 --memory 64M --wall 600 \
	--input "$BUILD/bin/lucas-lehmer" -- \
	/bin/sh -c 'sleep 4; exec ./lucas-lehmer -s "{index}/12" 2 2300') ||
	fail "job submit"
check "both PCs run a task" "$BUILD/bin/lab-watch" -t 300 "$lab" pc1 pc2
for pc in pc1 pc2; do
	check "$pc: no block driver is bound in dom0" \
		eval "grid node show --json lab/$pc | grep -q '\"block_devices\": *\[\]'"
done

lab service restart gatewayd
lab service restart centrald
echo "ok: gatewayd and centrald were killed and restarted"
check "the job still runs" eval "grid job list | grep -q running"
lab pc off pc1
echo "ok: pc1 lost its power"

check "the job is done" grid job wait --timeout 900 "$id"
check "results are whole" grid job result -o "$lab/results" "$id"
check "each task has one result" test "$(find "$lab/results" -type f | wc -l)" = 12
found=$(cat "$lab"/results/* | sed -n 's/^M\([0-9]*\) is prime$/\1/p' | sort -n | tr '\n' ' ')
check "the exponents are the known ones: $found" \
	test "$found" = "2 3 5 7 13 17 19 31 61 89 107 127 521 607 1279 2203 2281 "
await 60 "the central sees that pc1 is lost" \
	eval "grid node list | grep pc1 | grep -q lost"
lab pc off pc2
check "pc1's disk is untouched" disk_untouched pc1
check "pc2's disk is untouched" disk_untouched pc2
