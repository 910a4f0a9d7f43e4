#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The batch image as a domU, started by hvctl in place of the agent: it comes
# up, takes its address from xenstore, runs the worker, powers off when told;
# and with a root that is no file system it crashes at once, which the node
# sees, instead of hanging.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"
mkdir -p "$dir/o/img"

cp "$BUILD"/images/batch/{kernel,initrd,root} "$dir/o/img/" || exit 1
head -c 1000000 /dev/zero >"$dir/o/img/zeros"
# PV: QEMU's SVM now and then gives a PVH domU the hypervisor's own registers
# ("Triple fault" with an address of Xen), which is not what is tested here.
cmdline=$(sed -n 's/^ *"cmdline": \(".*"\),$/\1/p' "$BUILD/images/batch/image.json")
domain() { # NAME ROOT MAC IP
	cat >"$dir/o/img/$1.conf" <<-END
		domain "$1" {
			kind pv
			memory 128M
			kernel /img/kernel
			initrd /img/initrd
			cmdline $cmdline
			vbd xvda /img/$2 ro
			vif $3 xenbr0
			key node lab/pc1
			key domu $1
			key ip $4/24
			key gateway 10.0.2.2
			key url https://10.0.2.2:1
			key token none
		}
	END
}
domain good root 00:16:3e:00:00:01 10.0.2.77
domain bad zeros 00:16:3e:00:00:02 10.0.2.78

cat >"$dir/look" <<'END'
hvctl create /img/good.conf
(hvctl console good 600 | tee /run/console | sed 's/^/DOMU /') &
# The bridge lets it ask for its gateway, and hear the answer.
vif=$(cd /sys/class/net && echo vif*)
wallsctl dom0 nic=$(cd /sys/class/net/xenbr0/brif && echo eth*) vif=$vif mac=00:16:3e:00:00:01 \
	address=10.0.2.77 gateway=10.0.2.2 gateway-mac=52:55:0a:00:02:02
for i in $(seq 200); do grep -q ^worker: /run/console && break; sleep 1; done
heard=/sys/class/net/$vif/statistics/tx_packets
for i in $(seq 60); do [ $(cat $heard) -gt 0 ] && echo PROBE network up && break; sleep 1; done
hvctl shutdown good 200 && echo PROBE shutdown ok
hvctl destroy good
rm /img/root # all of this lies in memory
hvctl create /img/bad.conf
echo "PROBE bad $(hvctl wait bad 300)"
END
# The whole disk lies in dom0's memory here, which it does not with the agent.
boot_direct -o "$dir/o" -t 900 -x "dom0_mem=320M,max:320M" -c "$(cat "$dir/look")"
tr -d '\r' <"$log" >"$dir/text"

# Of the whole serial line.
check() { # WHAT PATTERN
	if grep -aEq "$2" "$dir/text"; then
		ok "$1"
	else
		not_ok "$1: no '$2' on the serial line"
	fi
}
check "it takes its address from xenstore" "^DOMU .*MARK domu-up domu=good ip=10.0.2.77/24"
check "the worker runs with its configuration" "^DOMU worker: lab/pc1/good"
check "its network is up" "^PROBE network up"
check "it powers off when told" "^PROBE shutdown ok"
check "and in order" "^DOMU .*MARK domu-down"
check "with a broken root it crashes at once" "^PROBE bad .*crash"
[ $failed -eq 0 ] || tail -n 40 "$dir/text"
[ $status -eq 0 ] || [ $failed -ne 0 ] || echo "boot-direct: status $status"
exit $failed
