#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The owner calls a PC back that works for the grid: its domU ends, it restarts
# by itself and starts its owner's system, from an untouched disk.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up --no-pcs
lab pc on pc3
await 240 "pc3 works for the grid" serial_has pc3 "nightshift: domu .*state=running"
await 20 "the operator sees it running" eval "grid node list | grep pc3 | grep -q running"
await 20 "its domU is PVH, as its CPU allows" eval "grid node show lab/pc3 | grep -q '^domu .*, pvh, '"
check "the owner calls it back" grid node boot lab/pc3 local
await 20 "its agent hears why" serial_has pc3 "the owner called this PC back"
await 20 "it has ended the domU" serial_has pc3 "domain .*: destroyed"
await 20 "the operator sees it at its own disk" \
	eval "grid node list | grep pc3 | grep -q 'local .*local'"
await 120 "it starts its owner's system" serial_has pc3 "OWNER-OS: started"
lab pc off pc3
check "pc3's disk is untouched" disk_untouched pc3
