#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# iPXE path; the bytes of an image were changed. An index that is not the signed
# one, at the gateway: the node refuses the image, says why to the operator, and
# starts nothing. Packs and bundle, at the central and thus in the gateway's cache: the
# domU waits for bytes that are right and gets none of the others; when the
# central's are repaired the gateway mends its own, and the domU goes on.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

lab up --no-pcs
mirror=$lab/gateway/mirror
await 30 "the gateway has mirrored the image" \
	grep -q '"state": "complete"' "$mirror/mirror.json"
# It is to mend nothing before its time.
lab service kill gateway-mirror

manifest=("$lab"/repo/targets/batch/*.json)
check "there is one manifest" test ${#manifest[@]} = 1 -a -s "${manifest[0]}"

# blob ROLE: its path in a repository
blob()
{
	local hex
	hex=$(sed 's/.*"'"$1"'":{[^{}]*"sha256":"\([0-9a-f]\{64\}\)".*/\1/' "${manifest[0]}")
	echo "blobs/${hex:0:2}/$hex"
}

# A byte in the middle of each.
damage()
{
	local file was
	for file; do
		was=$(tail -c +$(($(stat -c %s "$file") / 2 + 1)) "$file" | head -c 1 | od -An -tu1)
		mkdir -p "$lab/saved"
		cp "$file" "$lab/saved/"
		chmod u+w "$file"
		printf '%b' "\\0$(printf %o $((was ^ 1)))" | dd of="$file" bs=1 \
			seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
		[ "$(sha256sum <"$file")" != "${file##*/}  -" ] || fail "$file is not damaged"
	done
}

repair()
{
	local file
	for file; do
		cp "$lab/saved/${file##*/}" "$file"
	done
}

index=$mirror/$(blob index)
check "the gateway has the index" test -s "$index"
damage "$index"
# A PV domU: QEMU's SVM ends a PVH one at times, which here would look like the
# work of a wrong byte.
LAB_PC_ARGS="-cpu max,-smap,-rdtscp,-xsave,-svm" lab pc on pc3
await 180 "pc3 refuses the image" serial_has pc3 "nightshift: refused"
await 20 "pc3 is shown as refused" \
	eval "grid node list | grep pc3 | grep -q refused"
check "the operator reads which blob, and both digests" \
	eval "grid node show lab/pc3 | grep -q 'index.*sha256 [0-9a-f]* instead of'"
check "no domU was started" eval "! serial_has pc3 'nightshift: domu'"
repair "$index"

# What the disk's bytes come from is no longer at the gateway, and wrong at the
# central.
whole=" $(blob kernel) $(blob initrd) $(blob index) $(blob contents) "
parts=()
for file in "$lab"/repo/blobs/*/*; do
	[[ $whole == *" ${file#"$lab"/repo/} "* ]] || parts+=("$file")
done
check "the disk is in ${#parts[@]} packs and bundles" test ${#parts[@]} -gt 4
damage "${parts[@]}"
rm -rf "${parts[@]/#$lab\/repo/$mirror}" "$lab"/gateway/nginx/cache/*

# Something else is desired: the image is tried again.
sed -i 's/memory 256M/memory 224M/' "$lab/workspace.conf"
check "the workspace is changed" grid workspace apply "$lab/workspace.conf"
await 60 "pc3 starts its domU" serial_has pc3 "nightshift: domu .*state=running"
await 30 "wrong bytes come, and are told from right ones" \
	serial_has pc3 "chunks were wrong and are fetched again"
check "its worker does not come up meanwhile" \
	eval "! $BUILD/bin/lab-watch -u domU -t 5 $lab pc3 >/dev/null 2>&1"
check "the domU lives, and waits" eval "grid node list | grep pc3 | grep -q running"

repair "${parts[@]}"
lab service start gateway-mirror
check "its worker comes up" "$BUILD/bin/lab-watch" -u domU -t 600 "$lab" pc3
check "the domU never failed" eval "! serial_has pc3 'nightshift: failed'"
for file in "${parts[@]}"; do
	cmp -s "$file" "${file/#$lab\/repo/$mirror}" || fail "$mirror has no good ${file##*/}"
done
echo "ok: the gateway's copies are good again"
