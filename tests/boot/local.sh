#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PCs told so, and PCs that are not on the list, start their own disk's system,
# on both firmwares.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up --no-pcs
for pc in pc4 pc5 stranger-bios stranger-uefi; do
	lab pc on "$pc"
	await 240 "$pc starts its owner's system" serial_has "$pc" "OWNER-OS: started"
	check "$pc: Xen was never started" eval "! serial_has $pc 'Xen version'"
	lab pc off "$pc"
	check "$pc's disk is untouched" disk_untouched "$pc"
done
check "the gateway noted pc4" eval "grid node list | grep pc4 | grep -q local"
