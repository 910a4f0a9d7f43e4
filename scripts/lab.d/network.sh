# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154,SC2016
# The lab's networks:
#
#   pc1 pc2 ... ── seg0 (bridge, 10.77.0.1/16) gateway ── uplink ══ central 10.99.0.2
#
# The gateway's services run in the namespace's own network, the central in a
# second one that it reaches through a veth pair, as a site reaches the grid.

network_up()
{
	# sleep is process 1 of the namespace: when it dies, everything does.
	# A subshell of its own starts it, so that ours does not tell its death.
	(
		setsid unshare --user --map-root-user --net --mount --pid --fork \
			--kill-child --mount-proc -- sleep infinity \
			>"$lab/log/namespace.log" 2>&1 </dev/null &
		echo $! >"$lab/run/unshare"
	)
	unshare_pid=$(cat "$lab/run/unshare")
	await 5 children_of "$unshare_pid" || {
		cat "$lab/log/namespace.log" >&2
		die "no user namespaces here; as root: sysctl kernel.unprivileged_userns_clone=1"
	}
	children_of "$unshare_pid" >"$lab/run/init.pid"
	await 5 lab_running || die "the namespace does not start"
	await 5 in_lab ip link set lo up || die "the namespace cannot be entered"
	in_lab sh -eu -c '
		sysctl -qw net.ipv4.ip_forward=1 net.ipv4.ip_unprivileged_port_start=0
		# seg0 stands for a switch: what passes it does not pass the gateway.
		for call in iptables ip6tables arptables; do
			[ ! -e /proc/sys/net/bridge ] ||
				sysctl -qw net.bridge.bridge-nf-call-$call=0
		done
		# A MAC of its own: else it is the lowest of its ports, and moves.
		ip link add seg0 address 52:54:00:77:00:01 type bridge
		ip address add 10.77.0.1/16 dev seg0
		setsid unshare --net -- sleep infinity </dev/null >/dev/null 2>&1 &
		echo $! >"$1"
		tries=100
		while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do
			tries=$((tries - 1))
			[ $tries -gt 0 ] || exit 1
			sleep 0.05
		done
		ip link add uplink type veth peer name uplink-c
		ip link set uplink-c netns $!
		ip address add 10.99.0.1/24 dev uplink
		ip link set uplink up
	' sh "$lab/run/central-net.pid"
	in_central sh -eu -c '
		sysctl -qw net.ipv4.ip_unprivileged_port_start=0
		ip link set lo up
		ip address add 10.99.0.2/24 dev uplink-c
		ip link set uplink-c up
	'
}

children_of()
{
	pgrep -P "$1"
}

# The PC's cable; it is plugged in before the PC is powered on.
network_plug()
{
	in_lab sh -eu -c '
		ip link show "$1" >/dev/null 2>&1 && exit 0
		ip tuntap add "$1" mode tap
		ip link set "$1" master seg0 up
	' sh "$1" || die "no cable for $1; does everybody have access to /dev/net/tun?"
}
