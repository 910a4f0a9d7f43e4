#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two owners lend a partition by the gateway's policy. A job on the first PC
# computes on it; the partition of the second one holds a file system and is
# refused, the PC works without. The domU ends, another comes, and the power
# goes while it writes: everything but the partition is bit for bit the same.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"
PATH=$PATH:/usr/sbin:/sbin

type=7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3
MIB=1048576 first=75 len=96 # of the partition, in MiB

owner_disk() # PC FIRMWARE: as always, and a partition to lend
{
	local disk=$lab/$1/disk.img
	mkdir -p "$lab/$1"
	OWNER_OS=$BUILD/lab tests/lab/owner-disk/make-owner-disk "$disk" "$2"
	truncate -s $((first + len + 1))M "$disk"
	sgdisk -e -n 4:${first}M:+${len}M -t 4:$type -c 4:"for the night" "$disk" >/dev/null
}

others() # PC: digest of all that is not the partition
{
	{
		head -c $((first * MIB)) "$lab/$1/disk.img"
		tail -c +$(((first + len) * MIB + 1)) "$lab/$1/disk.img"
	} | sha256sum
}

marked() # PC PATTERN...: the marks are on its console in this order
{
	local pc=$1 line=0 next
	shift
	for pattern; do
		next=$(grep -an "nightshift: $pattern" "$lab/$pc/serial.log" |
			cut -d: -f1 | awk -v after="$line" '$1 > after { print; exit }')
		[ -n "$next" ] || return 1
		line=$next
	done
}

lab up --no-pcs
sed -i "s/^segment .*/&\n\tscratch { type $type; label \"for the night\"; size 64M }/" \
	"$lab/nightshift.conf"
lab service restart gatewayd
owner_disk pc1 BIOS
owner_disk pc2 UEFI
mkfs.ext4 -q -F -E offset=$((first * MIB)) "$lab/pc2/disk.img" 64M
sha256sum <"$lab/pc2/disk.img" >"$lab/pc2/disk.sha256"
before=$(others pc1)
lab pc on pc1 pc2
check "both PCs' workers ask for work" "$BUILD/bin/lab-watch" -u domU -t 600 "$lab" pc1 pc2

check "pc1: drivers, modules closed, partition, domU: in this order" marked pc1 \
	"modules closed scratch=ready" "scratch open mib=64" "domu .*state=running"
check "pc2: modules closed, refused, domU" marked pc2 \
	"modules closed scratch=ready" "scratch refused: .*it holds something" "domu .*state=running"
await 30 "the operator sees that pc1's is used" \
	eval "grid node show lab/pc1 | grep -q '^scratch *used, 64'"
await 30 "and why pc2's is not" eval \
	"grid node show lab/pc2 | grep -q '^scratch *refused: scratch partition nvme0n1p4: it holds something'"

# On the partition there is more room than in a task's memory, half of which is
# what /work has without.
cat >"$lab/job" <<'END'
grep ' /work ' /proc/self/mounts
grep -q ' /work ext4 ' /proc/self/mounts || { sleep 3; exit 0; }
yes 'secret of a job' | head -c 12582912 >big && sync && echo "wrote $(sha256sum <big | cut -c1-16)"
END
id=$(grid job submit --name work --count 6 --memory 16M --wall 300 --input "$lab/job" -- /bin/sh job) ||
	fail "job submit"
check "the job is done" grid job wait --timeout 300 "$id"
check "results are whole" grid job result -o "$lab/results" "$id"
sum=$(yes 'secret of a job' | head -c 12582912 | sha256sum | cut -c1-16)
check "tasks on pc1 wrote and read 12 MiB" grep -rq "^wrote $sum" "$lab/results"
check "tasks on pc2 worked in memory" grep -rq ' /work tmpfs ' "$lab/results"
check "no other result" test "$(grep -rLE "^wrote $sum|/work tmpfs" "$lab/results" | wc -l)" = 0
check "nothing of it can be read on pc1's disk" \
	eval "! grep -aq 'secret of a job' '$lab/pc1/disk.img'"

check "the workspace ends" grid workspace delete demo
await 120 "pc1's key is forgotten" serial_has pc1 "nightshift: scratch closed"
check "another begins" grid workspace apply "$lab/workspace.conf"
await 240 "pc1's next domU has another key" marked pc1 "scratch closed" "scratch open" "domu .*state=running"
id=$(grid job submit --name cut --count 8 --memory 24M --wall 300 -- /bin/sh -c \
	'while :; do yes noise | head -c 20000000 >big; sync; done') || fail "job submit"
at=$(stat -c %y "$lab/pc1/disk.img")
await 120 "it writes" eval "[ '$at' != \"\$(stat -c %y '$lab/pc1/disk.img')\" ] && grid node show lab/pc1 | grep -q ^task"
sleep 2
lab pc off pc1 pc2
echo "ok: both PCs lost their power"
check "pc1: all but the partition is untouched" test "$(others pc1)" = "$before"
check "pc1: the partition is not" \
	eval "! tail -c +$((first * MIB + 1)) '$lab/pc1/disk.img' | head -c $((len * MIB)) | cmp -s -n $((len * MIB)) - /dev/zero"
check "pc2's disk is untouched" disk_untouched pc2
