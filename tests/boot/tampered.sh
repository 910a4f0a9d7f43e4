#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# iPXE path; the image's root was changed in the repository: the node refuses
# it, says why to the operator, and starts nothing.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up --no-pcs
manifest=$(sed 's/.*"manifest":"\([0-9a-f]*\)".*/\1/' "$lab/repo/channels/batch/stable.json")
blob=$(sed 's/.*"role":"root","sha256":"\([0-9a-f]*\)".*/\1/' "$lab/repo/manifests/$manifest.json")
root=$lab/repo/blobs/$(echo "$blob" | cut -c1-2)/$blob
check "the image has a root" test -s "$root"
chmod u+w "$root"
printf X | dd of="$root" bs=1 seek=100000 conv=notrunc status=none
lab pc on pc3
await 180 "pc3 refuses the image" serial_has pc3 "nightshift: refused"
await 20 "pc3 is shown as refused" \
	eval "grid node list | grep pc3 | grep -q refused"
check "the operator reads which blob, and both digests" \
	eval "grid node show lab/pc3 | grep -q 'root .*sha256 [0-9a-f]* instead of'"
check "no domU was started" eval "! serial_has pc3 'nightshift: domu'"
