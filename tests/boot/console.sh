#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest that prints without end does not fill dom0's memory: no log grows,
# and xenconsoled keeps no more than its buffer.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"
mkdir -p "$dir/guest/bin" "$dir/over/guest"

# The guest: a busybox that prints, and nothing else.
cp "$BUILD/debian/root/bin/busybox" "$dir/guest/bin/"
printf '#!/bin/busybox sh\n%s\n' 'exec /bin/busybox yes "all work and no play" >/dev/console' \
	>"$dir/guest/init"
chmod 755 "$dir/guest/init"
(cd "$dir/guest" && find . | cpio --quiet -o -H newc) >"$dir/over/guest/initrd"
cp "$BUILD/dom0/vmlinuz" "$dir/over/guest/kernel"
cat >"$dir/over/guest/flood.conf" <<'END'
domain "flood" {
  kind pv
  memory 96M
  kernel /guest/kernel
  initrd /guest/initrd
  cmdline "console=hvc0 quiet"
}
END

cat >"$dir/look" <<'END'
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$(cat /run/xen/xenconsoled.pid)/status; }
files() { du -skx / | cut -f1; }
before=$(rss) files_before=$(files)
hvctl create /guest/flood.conf || exit 1
for i in $(seq 90); do
	timeout 2 hvctl console flood 2>/dev/null | head -c 100000 >/run/seen
	grep -q 'no play' /run/seen && break
	sleep 1
done
grep -q 'no play' /run/seen || exit 2
# Somebody reads for a while, then nobody does.
timeout 10 hvctl console flood | wc -c | sed 's/^/PROBE read /'
sleep 10
hvctl list
echo "PROBE consoled $((before)) $(rss)"
echo "PROBE files $files_before $(files)"
hvctl destroy flood
END

boot_direct -t 900 -o "$dir/over" -c "$(cat "$dir/look")"
probe() { sed -n "s/^PROBE $1 //p" "$dir/probes"; }

booted
echo "the guest's console gave $(probe read) bytes in 10 s"
read -r before after < <(probe consoled)
echo "xenconsoled: $before KiB before, $after KiB after"
if [ "$after" -gt $((before + 2048)) ]; then
	echo "FAILED: xenconsoled grew by more than 2 MiB"
	exit 1
fi
read -r before after < <(probe files)
echo "files in dom0: $before KiB before, $after KiB after"
if [ "$after" -gt $((before + 1024)) ]; then
	echo "FAILED: dom0's files grew by more than 1 MiB"
	exit 1
fi
