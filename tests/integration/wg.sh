#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tunnels that carry packets: a gateway and two nodes, each in a network
# namespace of its own. The kernel's WireGuard where it has one, else wireguard-go.
set -eu

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces busybox
try=$bin/try-wg

ip link add br0 type bridge
ip addr add 10.77.0.1/16 dev br0
ip link set br0 up
for n in 1 2; do
	namespace
	pc[n]=$ns
	ip link add "p$n" type veth peer name eth0 netns "$ns"
	ip link set "p$n" master br0 up
	in_ns "$ns" sh -c "ip addr add 10.77.0.1$n/16 dev eth0; ip link set eth0 up
		ip addr add 10.77.128.1$n/32 dev lo"
done
ip addr add 10.99.0.2/32 dev lo

[ -w /dev/net/tun ] || skip "no /dev/net/tun here"

gateway_key=$($try key "$tmp/gw.key")

gw() { $try "$1" wgs "$tmp/gw.sock" "${@:2}"; }
check "the gateway's end comes up" gw up "$tmp/gw.key" 51820 1420
check "twice is fine" gw up "$tmp/gw.key" 51820 1420
check "it has a route" gw route 10.77.128.0/17
check "twice is fine as well" gw route 10.77.128.0/17
for n in 1 2; do
	key[n]=$($try key "$tmp/pc$n.key")
	node() { in_ns "${pc[n]}" "$try" "$1" wg0 "$tmp/pc$n.sock" "${@:2}"; }
	check "node $n comes up" node up "$tmp/pc$n.key" 0 1420
	gw peer "${key[n]}" "10.77.128.1$n/32" - 0
	node peer "$gateway_key" 0.0.0.0/0 10.77.0.1:51820 25
	node route 10.99.0.2/32
done

reach() # N [FROM]: the central from node N
{
	in_ns "${pc[$1]}" busybox ping -c 1 -W 5 -I "${2:-10.77.128.1$1}" 10.99.0.2
}

check "packets go through from node 1" reach 1
check "and from node 2" reach 2
check "a handshake is seen" eval "gw show | grep -q '^${key[1]} 10.77.128.11/32 1[0-9]\{12\} [1-9]'"
in_ns "${pc[1]}" ip addr add 10.77.128.12/32 dev lo
refuse "node 1 cannot speak as node 2" \
	in_ns "${pc[1]}" busybox ping -c 1 -W 1 -I 10.77.128.12 10.99.0.2

gw peer "${key[1]}" 10.77.128.12/32 - 0
check "an address moves to the peer it was given to last" \
	in_ns "${pc[1]}" busybox ping -c 1 -W 5 -I 10.77.128.12 10.99.0.2
refuse "and is taken from the other" in_ns "${pc[2]}" \
	busybox ping -c 1 -W 1 -I 10.77.128.12 10.99.0.2
gw unpeer "${key[1]}"
refuse "a peer that was ended is heard no more" in_ns "${pc[1]}" \
	busybox ping -c 1 -W 1 -I 10.77.128.12 10.99.0.2
check "ended twice is fine" gw unpeer "${key[1]}"
check "one peer is left" test "$(gw show | wc -l)" = 1

check "the gateway's end goes" gw down
refuse "with its interface" eval "for i in 1 2 3 4 5 6 7 8 9 10; do
	ip link show wgs || break; sleep 0.1; done; ip link show wgs"
check "and comes again" gw up "$tmp/gw.key" 51820 1420
check "without peers" test -z "$(gw show)"
