#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Root in a domU sends whatever there is (isolation-send) into a node's walls:
# its frames are seen at its vif, honest ones behind the tunnel, none on the
# LAN. tests/boot/isolation.sh does it in the emulated segment.
set -u

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces nft jq

domu_mac=00:16:3e:00:00:01 lan_mac=52:54:00:77:00:11 gateway_mac=52:54:00:77:00:01

namespace
domu=$ns
namespace
lan=$ns
in_domu() { in_ns "$domu" "$@"; }
in_lan() { in_ns "$lan" "$@"; }

# netdom, between a domU, the LAN, and what stands for the tunnel.
ip link add vif3.0 type veth peer name eth0 netns "$domu"
ip link add eth0 type veth peer name lan netns "$lan"
ip link add wg0 type veth peer name far netns "$lan"
in_domu ip link set eth0 address $domu_mac up
ip link set eth0 address $lan_mac
in_lan ip link set lan address $gateway_mac up
in_lan ip link set far up
echo 1 >/proc/sys/net/ipv4/ip_forward
"$bin/wallsctl" netdom nic=eth0 mac=$lan_mac address=10.77.0.11 gateway=10.77.0.1 \
	gateway-mac=$gateway_mac || exit 1
"$bin/wallsctl" vif name=vif3.0 mac=$domu_mac address=10.77.128.11 || exit 1
for link in eth0 wg0 vif3.0; do ip link set $link up; done
ip addr add 10.77.0.11/16 dev eth0
ip addr add 169.254.1.1/32 dev vif3.0
ip route add 10.77.128.11 dev vif3.0
# As the agent does it: what is forwarded goes into the tunnel.
ip link set wg0 arp off
ip route add default dev wg0 table 51820
ip rule add priority 99 iif wg0 lookup main
ip rule add priority 100 not iif lo lookup 51820
ip neigh add 10.77.0.12 lladdr 52:54:00:77:00:12 dev eth0
ip neigh add 10.77.0.1 lladdr $gateway_mac dev eth0
vif_mac=$(ip -o link show vif3.0 | sed 's/.*ether \([^ ]*\).*/\1/')

# listen WHERE IFACE FILE: ends when its file of words does
mkfifo "$tmp/go"
recorders=()
listen()
{
	"$1" "$bin/isolation-pcap" record "$2" "$tmp/$3" <"$tmp/go" &
	recorders+=($!)
}
listen in_lan lan lan
listen in_lan far far
exec 9>"$tmp/go"
for file in lan far; do
	until [ -s "$tmp/$file" ]; do sleep 0.05; done
done

words=(me=10.77.128.11 next=169.254.1.1/"$vif_mac" netdom="10.77.0.11/$lan_mac"
	gateway="10.77.0.1/$gateway_mac" second=10.77.0.12/52:54:00:77:00:12 world=198.51.100.7)
in_domu "$bin/isolation-send" eth0 "${words[@]}" |
	tee "$tmp/said" || failed=1
sent=$(sed -n 's/ probes sent.*//p' "$tmp/said")

# The interface counts a frame when the walls have it.
at_vif() { ip -s -j link show vif3.0 | jq '.[0].stats64.rx.packets'; }
for _ in $(seq 200); do
	[ "$(at_vif)" -ge "$sent" ] && break
	sleep 0.05
done
exec 9>&-
wait "${recorders[@]}"

vif=$(at_vif)
echo "$sent sent, $vif at the vif"
[ "$vif" -ge "$sent" ] || { echo "FAILED: not all were sent"; failed=1; }
"$bin/isolation-report" domU 0 "${words[@]}" -- lan="$tmp/lan" tunnel-in="$tmp/far" || failed=1
"$bin/isolation-pcap" judge "$tmp/lan" || failed=1
