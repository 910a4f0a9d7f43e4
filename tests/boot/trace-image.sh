#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The batch image started twice by imagerepo trace: both starts read the same
# blocks, but for one in a hundred, and the image's own files stay as they are.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"
cp "$BUILD"/images/batch/{image.json,kernel,initrd,root} "$dir/" || exit 1
before=$(sha256sum "$dir"/{image.json,kernel,initrd,root})

for run in one two; do
	"$BUILD/bin/imagerepo" trace "$dir" --from "$BUILD/debian/root" || exit 1
	sort "$dir/root.trace" >"$dir/$run"
done
[ "$before" = "$(sha256sum "$dir"/{image.json,kernel,initrd,root})" ] || {
	echo "FAILED: tracing changed the image"
	exit 1
}
both=$(comm -12 "$dir/one" "$dir/two" | wc -l)
all=$(cat "$dir/one" "$dir/two" | sort -u | wc -l)
rm -rf "$dir"
echo "$both of $all blocks in both traces"
[ "$all" -gt 100 ] && [ $((both * 100)) -ge $((all * 99)) ]
