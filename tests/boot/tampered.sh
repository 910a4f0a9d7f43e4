#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# iPXE path; the image's root was changed in the repository: the node refuses
# it, says why to the operator, and starts nothing.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up --no-pcs
root=$(find "$lab/repo/blobs" -type f -size +100k -exec sh -c \
	'head -c 4 "$1" | grep -q hsqs && echo "$1"' sh {} \; | head -n 1)
check "the image has a squashfs root" test -n "$root"
chmod u+w "$root"
printf X | dd of="$root" bs=1 seek=100000 conv=notrunc status=none
lab pc on pc3
await 180 "pc3 refuses the image" serial_has pc3 "nightshift: refused"
await 20 "the operator reads why" \
	eval "grid node list --json | grep -q 'sha256\|digest'"
check "pc3 is shown as refused" eval "grid node list | grep pc3 | grep -q refused"
check "no domU was started" eval "! serial_has pc3 'nightshift: domu'"
