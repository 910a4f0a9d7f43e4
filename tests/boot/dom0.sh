#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dom0 alone, started directly: what it promises holds on the running machine,
# looked at from inside by a command in the agent's place. The PC has an AHCI
# and an NVMe disk; boot-direct itself compares them before and after.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"

cat >"$dir/look" <<'END'
# Each line is "PROBE key value".
for dev in /sys/bus/pci/devices/*; do
	case $(cat "$dev/class") in
	0x01*)
		driver=$(readlink "$dev/driver")
		echo "PROBE disk-controller ${dev##*/} ${driver:-none}" ;;
	esac
done
echo "PROBE partitions $(tail -n +3 /proc/partitions | wc -l)"
echo "PROBE filesystems $(grep -v ^nodev /proc/filesystems | xargs)"
echo "PROBE sig_enforce $(cat /sys/module/module/parameters/sig_enforce)"
echo "PROBE modules_disabled $(cat /proc/sys/kernel/modules_disabled)"
mount -t securityfs none /sys/kernel/security
echo "PROBE lockdown $(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/security/lockdown)"
echo "PROBE devmem $(dd if=/dev/mem bs=1 count=1 2>&1 | grep -c 'not permitted')"
echo "PROBE ipv6 $(ls /proc/net/if_inet6 2>/dev/null | wc -l)"
echo "PROBE addresses $(ip address | grep -c 'inet') $(ip route | wc -l)"
echo "PROBE mac $(cat /sys/class/net/eth0/address)"
echo "PROBE listening $(netstat -ltn | tail -n +3 | wc -l)"
echo "PROBE getty $(ps | grep -c '[g]etty')"
echo "PROBE memory $(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)"
echo "PROBE bridge $(ls /sys/class/net/xenbr0/brif | xargs)"
echo "PROBE xen $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)"
hvctl info | sed -n 's/^xen_cmdline */PROBE xen_cmdline /p'
END

boot_direct -t 600 -c "$(cat "$dir/look")"
booted
check "the IDE controller has no driver" "disk-controller 0000:00:01.1 none"
check "the AHCI controller has no driver" "disk-controller 0000:00:04.0 none"
check "the NVMe disk has no driver" "disk-controller 0000:00:05.0 none"
check "there is no partition and no disk" "partitions 0"
check "there is no file system for disks" "filesystems *"
check "only signed modules load" "sig_enforce Y"
check "and from now on none" "modules_disabled 1"
check "the kernel is locked down" "lockdown integrity"
check "memory cannot be read" "devmem 1"
check "there is no IPv6" "ipv6 0"
check "there is no address and no route, not even of the loopback" "addresses 0 0"
check "the card's own MAC is left to netdom" "mac fe:ff:ff:ff:ff:ff"
check "nothing listens" "listening 0"
check "nobody can log in" "getty 0"
check "at least 100 MB are free in 320" "memory [1-9][0-9]{5,}"
check "the one card is in the bridge" "bridge eth0"
check "this is Xen 4.17" "xen 4.17"
check "grant tables are version 1 only" "xen_cmdline .*gnttab=max-ver:1,no-transitive.*"
exit $failed
