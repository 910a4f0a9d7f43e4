#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What docs/security.md says of Xen, of dom0's kernel and of an agent that hangs,
# asked of the running machine.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"
mkdir -p "$dir/dom0/etc/nightshift"

# Runs in the agent's place; each line is "PROBE key value".
cat >"$dir/dom0/etc/nightshift/run" <<'END'
#!/bin/sh
busybox --install -s /bin
sysctl() { echo "PROBE $1 $(cat "/proc/sys/$1")"; }
sysctl kernel/modules_disabled
sysctl kernel/modprobe
sysctl kernel/kexec_load_disabled
sysctl kernel/sysrq
sysctl kernel/panic
sysctl kernel/panic_on_oops
sysctl kernel/unprivileged_bpf_disabled
sysctl kernel/unprivileged_userns_clone
sysctl kernel/yama/ptrace_scope
sysctl kernel/core_pattern
sysctl kernel/dmesg_restrict
sysctl kernel/kptr_restrict
sysctl user/max_user_namespaces
sysctl vm/unprivileged_userfaultfd
sysctl net/core/bpf_jit_harden
sysctl dev/tty/ldisc_autoload
echo "PROBE debugfs $(mount -t debugfs none /sys/kernel/debug 2>/dev/null && echo there)"
echo "PROBE vsyscall $(grep -c vsyscall /proc/self/maps)"
echo "PROBE insmod $(insmod /lib/modules/*/kernel/drivers/net/ethernet/intel/igb/igb.ko 2>&1 | grep -c 'not permitted')"
echo "PROBE udp $(netstat -lun | tail -n +3 | wc -l)"
echo "PROBE shells $(ps | grep -c '[0-9] *-*\(sh\|bash\|login\|getty\)$')"
hvctl info | sed -n 's/^xen_cmdline */PROBE xen_cmdline /p'
echo "PROBE dom0_cmdline $(cat /proc/cmdline)"

agent() {
	gridagent -g 10.0.2.2 -m 52:54:00:12:34:56 -r /etc/nightshift/root.json \
		-B /etc/nightshift/build.json "$@"
}
# Started in another way than the image says, the agent does nothing.
mkdir /tmp/other
cp /etc/nightshift/cmdline.* /tmp/other
sed -i 's/ oops=panic//' /tmp/other/cmdline.dom0
agent --cmdlines /tmp/other --state /tmp/s1 2>&1 |
	sed -n 's/.*host facts: /PROBE dom0_odd /p'
cp /etc/nightshift/cmdline.dom0 /tmp/other
sed -i 's/$/ noreboot/' /tmp/other/cmdline.xen
agent --cmdlines /tmp/other --state /tmp/s1 2>&1 |
	sed -n 's/.*host facts: /PROBE xen_odd /p'

# Fed while the agent lives: the time that is left goes up again.
agent --cmdlines /etc/nightshift --watchdog 15 --state /tmp/s2 &
left=/sys/class/watchdog/watchdog0/timeleft
until [ "$(cat /sys/class/watchdog/watchdog0/state)" = active ]; do sleep 1; done
last=$(cat $left)
while now=$(cat $left) && [ "$now" -le "$last" ]; do
	last=$now
	sleep 1
done
echo "PROBE fed $last $now"
main=$(grep -l grid:main /proc/[0-9]*/comm)
main=${main%/comm}
echo "PROBE hangs $main"
kill -STOP "${main#/proc/}"
sleep 300
echo "PROBE outlived"
END
chmod 755 "$dir/dom0/etc/nightshift/run"

fired='Watchdog timer fired for domain 0'
boot_direct -t 600 -o "$dir/dom0" -w "$fired"

# As a pattern that stands for itself.
line() {
	dom0-image/cmdline "$1" | sed 's/[].[*^$+?{|]/\\&/g'
}

check "Xen was started as its image says" "xen_cmdline $(line xen) *"
check "dom0 was started as its image says" "dom0_cmdline $(line dom0) *"
check "modules are closed" "kernel/modules_disabled 1"
check "none loads" "insmod 1"
check "the kernel does not even ask for one" "kernel/modprobe *"
check "no second kernel" "kernel/kexec_load_disabled 1"
check "no magic keys" "kernel/sysrq 0"
check "a panic restarts the machine" "kernel/panic 10"
check "an oops is a panic" "kernel/panic_on_oops 1"
check "no BPF without rights" "kernel/unprivileged_bpf_disabled [12]"
check "no user namespaces without rights" "kernel/unprivileged_userns_clone 0"
check "no user namespaces at all" "user/max_user_namespaces 0"
check "no page faults handled without rights" "vm/unprivileged_userfaultfd 0"
check "nobody traces anybody" "kernel/yama/ptrace_scope 3"
check "the dead leave nothing" "kernel/core_pattern \|/bin/false"
check "kernel messages are root's" "kernel/dmesg_restrict 1"
check "kernel addresses are nobody's" "kernel/kptr_restrict 2"
check "compiled filters are blinded" "net/core/bpf_jit_harden 2"
check "no line discipline by itself" "dev/tty/ldisc_autoload 0"
check "no debugfs" "debugfs *"
check "no vsyscall page" "vsyscall 0"
check "no UDP port is open" "udp 0"
check "there is no shell but this one" "shells 0"
check "dom0 started otherwise: the agent does nothing" \
	"dom0_odd dom0's command line has 'oops=panic' where its image says 'ipv6.disable=1'"
check "Xen started otherwise: the agent does nothing" \
	"xen_odd Xen's command line has '' where its image says 'noreboot'"
check "the agent feeds the watchdog" "fed [0-9]+ [0-9]+"
check "the agent was made to hang" "hangs /proc/[0-9]+"
if grep -q 'PROBE outlived' "$dir/probes" || [ $status -ne 0 ]; then
	not_ok "Xen restarts a machine whose agent hangs: $status"
	tail -n 30 "$log"
else
	ok "Xen restarts a machine whose agent hangs"
fi
# Xen would say how to switch if there were a way.
if grep -aq 'Serial input to DOM0' "$log" && ! grep -aq 'to switch input' "$log"; then
	ok "no key on the serial line speaks to Xen"
else
	not_ok "the serial line can be switched to Xen"
fi
exit $failed
