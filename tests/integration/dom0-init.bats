#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# dom0's init and netdom's, run by busybox in an empty root with everything that touches a
# machine mocked, in namespaces of its own: what it would do, in which order.

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	command -v busybox >/dev/null || skip "no busybox"
	unshare -rmpf true 2>/dev/null || skip "no user namespaces here"
	export ROOT=$BATS_TEST_TMPDIR/root
	export CALLS=$BATS_TEST_TMPDIR/calls
	export MOCK=$BATS_TEST_TMPDIR/mock
	mkdir -p "$ROOT"/etc/nightshift "$ROOT"/proc/sys/kernel \
		"$ROOT"/proc/sys/vm "$ROOT"/sys/class/net "$ROOT"/bin \
		"$ROOT/sys/bus/pci/devices"
	echo "7.25 3.00" >"$ROOT/proc/uptime"
	echo "console=hvc0" >"$ROOT/proc/cmdline"
	printf 'load bridge\ntry nothing-here\n' >"$ROOT/etc/nightshift/modules"
	printf '# why\nvm/panic_on_oom 1\n' >"$ROOT/etc/nightshift/sysctl"
	export FENCED_AFTER=1 DHCP_NICS="eth0 eth1" DHCP_AFTER=1
	export INIT=dom0-image/init
	write_mock
}

# Notes every call; plays DHCP server, agent, and the end of the machine.
write_mock() {
	cat >"$MOCK" <<-'END'
	#!/bin/busybox sh
	echo "$*" >>"$CALLS"
	count() { busybox grep -c "^$1" "$CALLS"; }
	case $1 in
	udhcpc)
		[ -z "$LEASE" ] || echo "$LEASE" | busybox tr ' ' '\n' \
			>"$ROOT/run/nightshift/net" ;;
	gridagent)
		nic=$(busybox sed -n 's/^ip link set \(.*\) master .*/\1/p' \
			"$CALLS" | busybox tail -n 1)
		case " $DHCP_NICS " in *" $nic "*) ;; *) exit 4 ;; esac
		[ "$(count gridagent)" -ge "$DHCP_AFTER" ] || exit 4
		echo "nightshift: net address=10.77.0.11 gateway=10.77.0.1"
		echo "nightshift: enrolled node=pc1 epoch=7"
		echo "nightshift: image name=batch version=1 manifest=00"
		echo "nightshift: domu id=ll-pc1 domid=1 state=running type=pv"
		echo "nightshift: failed domu=ll-pc1 domid=1 error=\"crashed\""
		[ "$(count gridagent)" -lt "$FENCED_AFTER" ] && exit 1
		exit 3 ;;
	gridnet)
		# The end of the machine, as seen from here.
		[ "$(count gridnet)" -lt 3 ] || busybox reboot -f ;;
	modprobe)
		[ "$3" != nothing-here ] ;;
	*xenstored)
		[ -z "$XENSTORED_FAILS" ] ;;
	wallsctl)
		[ -z "$WALLS_FAIL" ] ;;
	esac
	END
	chmod +x "$MOCK"
}

add_nic() { # NAME MAC DRIVER
	mkdir -p "$ROOT/sys/class/net/$1/device" "$ROOT/drivers/$3"
	echo "$2" >"$ROOT/sys/class/net/$1/address"
	ln -s "$ROOT/drivers/$3" "$ROOT/sys/class/net/$1/device/driver"
}

add_pci() { # SLOT CLASS VENDOR DEVICE
	mkdir -p "$ROOT/sys/bus/pci/devices/$1"
	echo "$2" >"$ROOT/sys/bus/pci/devices/$1/class"
	echo "$3" >"$ROOT/sys/bus/pci/devices/$1/vendor"
	echo "$4" >"$ROOT/sys/bus/pci/devices/$1/device"
	echo "pci:v$3d$4" >"$ROOT/sys/bus/pci/devices/$1/modalias"
}

# busybox's own commands stand in for dom0's; PATH is init's.
run_init() {
	run timeout -k 1 20 unshare -rmpf --kill-child busybox sh "$TOP/$INIT"
	echo "$output"
	cat "$CALLS"
}

line_of() { grep -n -- "$1" "$CALLS" | head -n 1 | cut -d: -f1; }

before() {
	[ -n "$(line_of "$1")" ] && [ -n "$(line_of "$2")" ] &&
		[ "$(line_of "$1")" -lt "$(line_of "$2")" ]
}

# bats does not notice a failed "! grep" that is not a test's last line.
never() {
	if grep -q -- "$1" "$CALLS"; then
		return 1
	fi
}

@test "Xen's daemons, then the network, then the agent, then reboot" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	[ "$status" -eq 0 ]
	before "mount -t proc" "modprobe"
	before "mount -t devpts" "xenconsoled"
	before "modprobe" "xenstored"
	before "xenstored" "xen-init-dom0"
	before "xen-init-dom0" "xenconsoled"
	before "xenconsoled" "ip link set eth0 master xenbr0"
	before "ip link set eth0 master" "gridagent -N $ROOT/netdom -m 52:54:00:77:00:11 -r"
	before "gridagent" "reboot -f"
}

@test "dom0 has no address: neither IP nor the card's own MAC" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	before "ip link set eth0 address fe:ff:ff:ff:ff:ff" "ip link set eth0 master"
	never "ip address"
	never "ip route"
	never "udhcpc"
	never "ip link set lo"
}

@test "the dom0 mark names card, driver, MAC and time" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	[[ "$output" == *"nightshift: MARK dom0 nic=eth0 driver=e1000e mac=52:54:00:77:00:11 ms=7250"* ]]
}

@test "xenconsoled logs nothing: a guest cannot fill the memory" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	grep -q "xenconsoled --log=none" "$CALLS"
}

@test "the kernel loads no module by itself once the network is up" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	[ "$(cat "$ROOT/proc/sys/kernel/modprobe")" = "" ]
}

@test "sysctls are written, comments are not" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	[ "$(cat "$ROOT/proc/sys/vm/panic_on_oom")" = 1 ]
}

@test "drivers are asked for by PCI modalias" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	add_pci 0000:00:03.0 0x020000 0x8086 0x10d3
	run_init
	grep -q "modprobe -q pci:v0x8086d0x10d3" "$CALLS"
}

@test "a module that is only tried may be missing in silence" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	[[ "$output" != *nothing-here*does\ not\ load* ]]
}

@test "the card that the firmware booted from comes first" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	add_nic eth1 52:54:00:77:00:AA igb
	echo 52:54:00:77:00:aa >"$ROOT/sys/class/net/eth1/address"
	echo "x BOOTIF=01-52-54-00-77-00-AA y" >"$ROOT/proc/cmdline"
	run_init
	[[ "$output" == *"MARK dom0 nic=eth1 driver=igb"* ]]
	never "ip link set eth0 master"
	# The gateway knows the node by the card that the bridge took.
	grep -q "gridagent .*-m 52:54:00:77:00:aa" "$CALLS"
}

@test "never two cards in the bridge: the silent one leaves it first" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	add_nic eth1 52:54:00:77:00:12 igb
	DHCP_NICS=eth1 run_init
	[[ "$output" == *"MARK failed reason=no-dhcp nic=eth0 driver=e1000e"* ]]
	before "ip link set eth0 nomaster" "ip link set eth1 master xenbr0"
	before "ip link set eth0 address 52:54:00:77:00:11" "ip link set eth1 master xenbr0"
	# netdom has the silent card's MAC.
	before "hvctl destroy netdom" "gridagent .*-m 52:54:00:77:00:12"
}

@test "no DHCP answer: it says so, waits longer each time, goes on trying" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	DHCP_AFTER=8 run_init
	[ "$(echo "$output" | grep -c reason=no-dhcp)" -eq 7 ]
	[ "$(grep '^sleep' "$CALLS" | head -n 7 | xargs)" = \
		"sleep 1 sleep 2 sleep 4 sleep 8 sleep 16 sleep 30 sleep 30" ]
	never "hvctl destroy"
}

@test "no card: it names what has no driver, and sees one that comes later" {
	add_pci 0000:02:00.0 0x028000 0x8086 0x2723
	add_pci 0000:00:1f.2 0x010601 0x8086 0x2922
	(sleep 1; add_nic eth0 52:54:00:77:00:11 e1000e) &
	run_init
	[[ "$output" == *"MARK failed reason=no-nic"* ]]
	[[ "$output" == *"no driver for network card 0000:02:00.0 8086:2723"* ]]
	[[ "$output" != *0000:00:1f.2* ]]
	[[ "$output" == *"MARK dom0 nic=eth0"* ]]
}

@test "the agent is started anew when it ends, with waits between" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	FENCED_AFTER=4 run_init
	[ "$(grep -c ^gridagent "$CALLS")" -eq 4 ]
	[[ "$output" == *"MARK failed reason=agent status=1"* ]]
	[[ "$output" == *"MARK failed reason=agent status=3"* ]]
}

@test "who stands before the PC reads what it does and how to have it back" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	mkdir "$ROOT/dev"
	: >"$ROOT/dev/tty0"
	run_init
	screen=$(cat "$ROOT/dev/tty0")
	echo "$screen"
	[[ "$screen" == *"This PC works for the grid"*"Ctrl-Alt-Del"* ]]
	[[ "$screen" == *"the address 52:54:00:77:00:11"* ]]
	[[ "$screen" == *"on the network: address=10.77.0.11 gateway=10.77.0.1"* ]]
	[[ "$screen" == *"  enrolled as pc1"*"  image batch: fetched"*"  at work: ll-pc1 runs"* ]]
	[[ "$screen" == *'  failed domu=ll-pc1 domid=1 error="crashed"'* ]]
	[ "$(grep -v MARK <<<"$screen" | wc -L)" -lt 80 ]
	# The marks themselves go on as they were.
	[[ "$output" == *"nightshift: enrolled node=pc1 epoch=7"* ]]
}

@test "nothing passes before the first card is there" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	run_init
	before "wallsctl dom0" "ip link add xenbr0"
	before "wallsctl dom0" "ip link set eth0 up"
}

@test "without walls it does not go on, and reboots" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	WALLS_FAIL=1 run_init
	[[ "$output" == *"MARK failed reason=walls"* ]]
	never "ip link set"
	never "gridagent"
	grep -q "reboot -f" "$CALLS"
}

@test "netdom: its walls stand before its vif is up" {
	export INIT=dom0-image/netdom/init
	mkdir -p "$ROOT/sys/class/net/eth0"
	echo 52:54:00:77:00:11 >"$ROOT/sys/class/net/eth0/address"
	run_init
	before "wallsctl netdom nic=eth0 mac=52:54:00:77:00:11" \
		"ip link set eth0 up"
}

@test "without a xenstore it does not go on, and reboots" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	XENSTORED_FAILS=1 run_init
	[[ "$output" == *"MARK failed reason=xenstore"* ]]
	never "udhcpc"
	grep -q "reboot -f" "$CALLS"
}

@test "the lab's own command takes the agent's place" {
	add_nic eth0 52:54:00:77:00:11 e1000e
	printf '#!/bin/busybox sh\necho lab was here\nexit 5\n' \
		>"$ROOT/etc/nightshift/run"
	chmod +x "$ROOT/etc/nightshift/run"
	run_init
	[[ "$output" == *"lab was here"*"MARK run status=5"* ]]
	never "gridagent"
	grep -q "poweroff -f" "$CALLS"
}

@test "netdom: its vif, modules closed, DHCP, then the agent's part, for ever" {
	export INIT=dom0-image/netdom/init
	LEASE="ip=10.77.0.11/16 router= gateway=10.77.0.1" run_init
	before "mount -t proc" "modprobe -q bridge"
	before "modprobe" "rm -rf $ROOT/lib/modules"
	[ "$(cat "$ROOT/proc/sys/kernel/modules_disabled")" = 1 ]
	[ "$(cat "$ROOT/proc/sys/vm/panic_on_oom")" = 1 ]
	before "rm -rf" "ip link set eth0 up"
	before "ip link set eth0 up" "udhcpc -i eth0"
	before "udhcpc" "gridnet -a 10.77.0.11 -g 10.77.0.1"
	[ "$(grep -c '^gridnet' "$CALLS")" -eq 3 ]
}

@test "netdom: without a lease dom0 is told" {
	export INIT=dom0-image/netdom/init
	run_init
	[ "$(grep -c '^gridnet$' "$CALLS")" -eq 3 ]
}

@test "udhcpc's script: address, route, and what the server said" {
	mkdir -p "$ROOT/run"
	interface=eth0 ip=10.77.0.11 mask=16 router="10.77.0.1 10.77.0.2" \
		serverid=10.77.0.1 run busybox sh \
		"$TOP/dom0-image/netdom/etc/udhcpc-script" bound
	[ "$status" -eq 0 ]
	grep -q "ip address replace 10.77.0.11/16 dev eth0" "$CALLS"
	grep -q "ip route replace default via 10.77.0.1 dev eth0" "$CALLS"
	[ "$(xargs <"$ROOT/run/nightshift/net")" = \
		"ip=10.77.0.11/16 router=10.77.0.1 gateway=10.77.0.1" ]
}

@test "udhcpc's script takes nothing that is not an address" {
	mkdir -p "$ROOT/run"
	interface=eth0 ip=10.77.0.11 mask=16 router='$(reboot)' \
		serverid='10.77.0.1; reboot' run busybox sh \
		"$TOP/dom0-image/netdom/etc/udhcpc-script" bound
	[ ! -e "$ROOT/run/nightshift/net" ]
}
