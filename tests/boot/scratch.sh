#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Scratch partitions on real drivers (AHCI, NVMe, dm-crypt) in an emulated PC:
# the one that the owner gave away is used, everything else stays bit for bit,
# also when the power goes. Linux alone, without Xen: that is quicker.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"
PATH=$PATH:/usr/sbin:/sbin
debian=$BUILD/debian/root
type=7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3
windows=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7
mkdir -p "$dir/root"/{bin,dev,proc,sys,mod}

fail() { echo "FAILED: $*"; tail -n 20 "$dir"/*.log; exit 1; }

# --- the PC ------------------------------------------------------------------

drivers() {
	local version
	version=$(basename "$debian"/lib/modules/*)
	for m in ahci sd_mod nvme dm_crypt xts aes_generic; do
		modprobe -d "$debian" -S "$version" --show-depends "$m"
	done | sed -n 's/^insmod //p' | awk '!seen[$1]++ { print $1 }'
}

fixed_part() { # of its root
	local prog=$BUILD/bin/scratch-try lib n=0 module
	cp "$debian/bin/busybox" "$prog" "$dir/root/bin"
	ldd "$prog" | grep -o '/[^ ]*' | while read -r lib; do
		cp -L --parents "$lib" "$dir/root"
	done
	for module in $(drivers); do
		n=$((n + 1))
		cp "$module" "$dir/root/mod/$(printf %02d $n)-${module##*/}"
	done
}

script() { # what the PC does, from stdin
	cat - >"$dir/script"
	cat >"$dir/root/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
for m in /mod/*; do insmod "$m" 2>/dev/null; done
for i in $(seq 100); do [ -e /dev/sda3 ] && [ -e /dev/nvme0n1p1 ] && break; sleep 0.1; done
try() { scratch-try "$@" 2>&1 | sed "s/^/TRY $n /"; }
END
	cat "$dir/script" >>"$dir/root/init"
	chmod 755 "$dir/root/init"
	(cd "$dir/root" && find . | cpio --quiet -o -H newc -R +0:+0) >"$dir/initrd"
}

boot() { # NAME: until the PC is off, or says that it shall be cut off
	local log=$dir/$1.log pid
	qemu-system-x86_64 -machine q35 -accel tcg,thread=multi \
		-cpu max,-smap,-rdtscp,-xsave -smp 2 -m 512 -display none \
		-monitor none -no-reboot -nic none -serial "file:$log" \
		-kernel "$debian"/boot/vmlinuz-* -initrd "$dir/initrd" \
		-append 'console=ttyS0 quiet panic=-1' \
		-drive "file=$dir/sda,format=raw,if=none,id=a,discard=unmap" \
		-device ide-hd,drive=a \
		-drive "file=$dir/nvme,format=raw,if=none,id=n" \
		-device nvme,serial=1,drive=n &
	pid=$!
	for _ in $(seq 1000); do
		kill -0 $pid 2>/dev/null || return 0
		grep -aq 'CUT ME OFF' "$log" 2>/dev/null && break
		sleep 0.2
	done
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
}

said() { # NAME PATTERN
	grep -aq "$2" "$dir/$1.log" || fail "$1: want '$2'"
	ok "$1: $2"
}

# --- its disks ------------------------------------------------------------------

MIB=1048576
first=$((21 * MIB)) len=$((64 * MIB))

disks() {
	truncate -s 128M "$dir/sda" "$dir/nvme"
	sgdisk -n 1:2048:+20M -t 1:$windows -c 1:Windows \
		-n 2:0:+64M -t 2:$type -c 2:night \
		-n 3:0:0 -t 3:$type -c 3:other "$dir/sda" >/dev/null
	sgdisk -n 1:0:0 -t 1:$windows -c 1:night "$dir/nvme" >/dev/null
	for at in 1 90; do
		dd if=/dev/urandom of="$dir/sda" bs=1M seek=$at count=20 \
			conv=notrunc status=none
	done
	dd if=/dev/urandom of="$dir/nvme" bs=1M seek=2 count=50 conv=notrunc status=none
}

others() { # all that is not the partition
	{
		head -c $first "$dir/sda"
		tail -c +$((first + len + 1)) "$dir/sda"
		cat "$dir/nvme"
	} | sha256sum
}

whole() {
	cat "$dir/sda" "$dir/nvme" | sha256sum
}

[ -x "$BUILD/bin/scratch-try" ] || fail "no $BUILD/bin/scratch-try: make check"
fixed_part
disks
before=$(others)

# --- a night, and the power goes ---------------------------------------------------

script <<END
n=open; try open $type night 40
n=again; try open $type night 40
yes 'secret of a job' | dd of=/dev/dm-0 bs=1M count=40 iflag=fullblock 2>/dev/null
sync; echo 3 >/proc/sys/vm/drop_caches
echo "SUM \$(sha256sum </dev/dm-0 | cut -c1-16)"
for d in sda1 sda3 nvme0n1 nvme0n1p1; do
	dd if=/dev/zero of=/dev/\$d bs=512 count=1 2>&1 | grep -q 'not permitted' && echo "GUARDED \$d."
done
exec 5</dev/dm-0
n=busy; try close
exec 5<&-
n=end; try close
n=none; try close
[ -e /dev/dm-0 ] || echo "GONE"
n=reopen; try open $type night 40
echo "NEW \$(head -c 65536 /dev/dm-0 | grep -c 'secret of a job')"
sh -c 'while :; do yes noise | dd of=/dev/dm-0 bs=64k count=500 conv=fsync 2>/dev/null; done' &
sleep 2
echo "CUT ME OFF"
sleep 100
END
boot night
said night 'TRY open opened: /dev/dm-0 41943040'
said night 'TRY again opened: /dev/dm-0 41943040'
said night "SUM $(yes 'secret of a job' | head -c $((40 * MIB)) | sha256sum | cut -c1-16)"
for device in sda1 sda3 nvme0n1 nvme0n1p1; do
	said night "GUARDED $device\."
done
said night 'TRY busy closed: .*Device or resource busy'
said night 'TRY end closed: ok'
said night 'TRY none closed: ok'
said night 'GONE'
said night 'TRY reopen opened'
said night 'NEW 0'
[ "$(others)" = "$before" ] || fail "something else has changed"
ok "the power went, and the rest of the disks is bit for bit what it was"
! grep -aq 'secret of a job' "$dir/sda" || fail "plain text on the disk"
ok "nothing of the job can be read from the disk"

# --- another night, and what is refused ------------------------------------------

script <<END
n=after; try open $type night 40
n=end; try close
n=label; try open $type nobody 40
n=type; try open ${type%3}4 other 40
n=windows; try open $windows other 40
n=small; try open $type night 1
poweroff -f
END
boot after
said after 'TRY after opened'
said after 'TRY end closed: ok'
said after 'TRY label refused: no partition has type .* and label "nobody"'
said after 'TRY type refused: no partition'
said after 'TRY windows refused: a scratch partition has a type of its own'
said after 'TRY small refused: .*at least 16 MiB'
[ "$(others)" = "$before" ] || fail "something else has changed"

script <<END
n=fs; try open $type night 40
poweroff -f
END
mkfs.ext4 -q -F -E offset=$first "$dir/sda" 60M
was=$(whole)
boot fs
said fs 'TRY fs refused: scratch partition sda2: it holds something'
[ "$(whole)" = "$was" ] || fail "a refused disk has changed"
sgdisk -c 3:night "$dir/sda" >/dev/null
was=$(whole)
boot two
said two 'TRY fs refused: 2 partitions have type'
[ "$(whole)" = "$was" ] || fail "a refused disk has changed"
ok "disks that are refused stay bit for bit what they were"
rm -rf "$dir"
