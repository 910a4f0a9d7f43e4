#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PCs told so, and PCs that are not on the list, start their own disk's system,
# on both firmwares.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

pcs="pc4 pc5 stranger-bios stranger-uefi"
lab up --no-pcs
# All at once: they mostly wait for answers that do not come.
for pc in $pcs; do
	lab pc on "$pc"
done
for pc in $pcs; do
	await 400 "$pc starts its owner's system" serial_has "$pc" "OWNER-OS: started"
	check "$pc: Xen was never started" eval "! serial_has $pc 'Xen version'"
	lab pc off "$pc"
	check "$pc's disk is untouched" disk_untouched "$pc"
done
check "the gateway noted pc4" eval "grid node list | grep pc4 | grep -q local"
