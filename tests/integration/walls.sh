#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The node's walls with real frames: dom0's bridge, netdom's stack and a domU's
# vif, in namespaces of an unprivileged user. Each dropped frame is followed by
# one that passes; at the end each rule must have counted.
#
# usage: walls.sh [dom0_dark|dom0_boot|dom0|netdom]...
# shellcheck disable=SC2086,SC2317 # words are meant; functions run by name
set -u
# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces nft jq

me=52:54:00:77:00:11 gw=52:54:00:77:00:01 other=52:54:00:77:00:66
a=10.77.0.11 g=10.77.0.1 x=10.77.0.66 all=ff:ff:ff:ff:ff:ff
group=239.77.0.1 gmac=01:00:5e:4d:00:01
domu=00:16:3e:00:00:01 d=10.78.0.11 end=169.254.1.1
lan="nic=eth0 mac=$me"
known="address=$a gateway=$g gateway-mac=$gw carousel=$group:6900"

# Another namespace, where the far ends of all cables are.
namespace
far=$ns
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
# /sys shows another namespace's.
mac_of() { ip -j link show "$1" | jq -r '.[0].address'; }
at_far() { in_ns "$far" "$@"; }
at_far sysctl -qw net.ipv6.conf.default.disable_ipv6=1

cable() { # HERE THERE
	ip link add "$1" type veth peer name "$2" netns $far
	ip link set "$1" up
	at_far ip link set "$2" arp off
	at_far ip link set "$2" up
}

# Every rule that a person can read a counter of has counted something.
all_counted() { # FAMILY
	local silent
	silent=$(nft -j list table "$1" nightshift | jq -r '.nftables[].rule |
		select(. != null and .comment != null) |
		select([.expr[] | .counter.packets // empty] | add == 0) |
		"\(.chain): \(.comment)"' | grep -vxF -f <(printf '%s\n' "${@:2}"))
	if [ -n "$silent" ]; then
		echo "FAILED: rules that no frame met: $silent"
		failed=1
	else
		echo "ok: each rule of table $1 has counted"
	fi
}

counted() { # FAMILY COMMENT
	nft -j list table "$1" nightshift | jq --arg c "$2" '[.nftables[].rule |
		select(. != null and .comment == $c) | .expr[] |
		.counter.packets // empty] | add'
}

tun="udp=51820>51820"
out="es=$me ed=$gw ip=$a>$g"
in="es=$gw ed=$me ip=$g>$a"

lay_bridge() {
	cable eth0 lan
	cable vif1.0 dom
	ip link add xenbr0 type bridge forward_delay 0 mcast_snooping 0
	ip link set eth0 master xenbr0
	ip link set vif1.0 master xenbr0
	ip link set xenbr0 up
}

# Before a fact is known nothing passes, whoever sends what.
dom0_dark() {
	lay_bridge
	# Without walls all of it would, so this test can fail.
	at_far "$bin/frames" lan dom <<-END || failed=1
	pass dom lan $out $tun # before the walls
	pass lan dom $in $tun # before the walls
	END
	"$bin/wallsctl" dom0 || failed=1
	local frames
	at_far "$bin/frames" lan dom <<-END || failed=1
	send dom lan es=$me ed=$all ip=0.0.0.0>255.255.255.255 udp=68>67
	send lan dom $in $tun
	END
	frames=$(counted bridge "from others")
	[ "$frames" -ge 2 ] || { echo "FAILED: nothing was dropped"; failed=1; }
	echo "ok: without a fact, dark ($frames dropped)"
}

dom0_boot() {
	lay_bridge
	"$bin/wallsctl" dom0 $lan vif=vif1.0 || failed=1
	at_far "$bin/frames" lan dom <<-END || failed=1
	control dom lan es=$me ed=$gw ip=$a>$g tcp=40000>80:a
	control lan dom es=$gw ed=$me ip=$g>$a tcp=80>40000:a
	pass dom lan es=$me ed=$all ip=0.0.0.0>255.255.255.255 udp=68>67 # DHCP asks
	pass lan dom es=$gw ed=$me ip=$g>$a udp=67>68 # DHCP answers
	pass lan dom es=$gw ed=$all ip=$g>255.255.255.255 udp=67>68 # DHCP answers all
	pass dom lan es=$me ed=$all arp=1,$me,$a,$g # who has the gateway
	pass lan dom es=$gw ed=$me arp=2,$gw,$g,$a # it has
	pass dom lan es=$me ed=$gw ip=$a>$g tcp=40000>443:s # control
	pass lan dom es=$gw ed=$me ip=$g>$a tcp=443>40000:sa # control answers
	drop dom lan $out $tun # no tunnel yet
	drop lan dom $in $tun # no tunnel yet
	drop dom lan es=$other ed=$gw ip=$a>$g tcp=40000>80:s # another MAC
	drop dom lan es=$me ed=$gw ip=$a>$g tcp=40000>22:s # another port
	drop dom lan es=$me ed=$all type=0x86dd # IPv6
	drop lan dom es=$gw ed=$me ip=$g>$a tcp=80>40000:s # a connection to us
	drop lan dom es=$me ed=$gw ip=$g>$a tcp=80>40000:a # in our name: the bridge must not learn it
	drop dom lan es=$me ed=$all arp=1,$other,$a,$g # ARP for another MAC
	END
}

dom0() {
	lay_bridge
	# dom0 would answer here if it could.
	ip address add 10.77.0.99/16 dev xenbr0
	local br
	br=$(mac_of xenbr0)
	"$bin/wallsctl" dom0 $lan vif=vif1.0 $known || failed=1
	at_far "$bin/frames" lan dom <<-END || failed=1
	control dom lan $out $tun
	control lan dom $in $tun
	pass dom lan $out $tun # tunnel
	pass dom lan $out $tun len=1400 # tunnel, full
	pass dom lan $out tcp=40000>80:s # repository
	pass dom lan $out tcp=40000>443:s # control
	pass dom lan $out tcp=40000>8080:pa # repository, HTTP/2
	pass dom lan $out udp=40000>6900 # a word to the carousel
	pass dom lan $out udp=68>67 # DHCP renewal
	pass dom lan es=$me ed=$all ip=0.0.0.0>255.255.255.255 udp=68>67 # DHCP
	pass dom lan es=$me ed=$all arp=1,$me,$a,$g # who has the gateway
	pass dom lan es=$me ed=$gw arp=2,$me,$a,$g # we have
	pass dom lan es=$me ed=$gmac ip=$a>$group ihl=6 igmp=0x16,$group ttl=1 # join the carousel
	pass dom lan es=$me ed=01:00:5e:00:00:02 ip=$a>224.0.0.2 ihl=6 igmp=0x17,$group # leave it
	pass lan dom $in $tun # tunnel
	pass lan dom $in tcp=80>40000:sa # repository
	pass lan dom $in tcp=443>40000:pa # control
	pass lan dom $in tcp=443>40000:r # control, refused
	pass lan dom $in tcp=8080>40000:fa # repository
	pass lan dom $in udp=67>68 # DHCP
	pass lan dom es=$gw ed=$all ip=$g>255.255.255.255 udp=67>68 # DHCP to all
	pass lan dom es=$gw ed=$gmac ip=$g>$group udp=40000>6900 # carousel
	pass lan dom es=$gw ed=$me arp=2,$gw,$g,$a # the gateway is there
	pass lan dom es=$gw ed=$all arp=1,$gw,$g,$a # are we
	drop dom lan es=$other ed=$gw ip=$a>$g $tun # another MAC
	drop dom lan es=$gw ed=$gw ip=$a>$g $tun # the gateway's MAC
	drop dom lan es=$me ed=$gw ip=$x>$g $tun # another address
	drop dom lan es=$me ed=$gw ip=$g>$g $tun # the gateway's address
	drop dom lan es=$me ed=$gw ip=127.0.0.1>$g $tun # loopback
	drop dom lan es=$me ed=$other ip=$a>$x $tun # another host
	drop dom lan es=$me ed=$other ip=$a>$g $tun # the gateway's address, another MAC
	drop dom lan es=$me ed=$gw ip=$a>$x $tun # through the gateway
	drop dom lan es=$me ed=$gw ip=$a>8.8.8.8 tcp=40000>443:s # the Internet
	drop dom lan es=$me ed=$all ip=$a>10.77.255.255 udp=137>137 # broadcast
	drop dom lan es=$me ed=$all ip=$a>$g $tun # to the gateway, by broadcast
	drop dom lan es=$me ed=$all ip=$a>255.255.255.255 udp=68>69 # broadcast, no DHCP
	drop dom lan es=$me ed=$all ip=$a>255.255.255.255 udp=67>68 # plays a DHCP server
	drop dom lan es=$me ed=$gmac ip=$a>$group udp=40000>6900 # plays the carousel
	drop dom lan es=$me ed=01:00:5e:00:00:fb ip=$a>224.0.0.251 udp=5353>5353 # mDNS
	drop dom lan es=$me ed=$gmac ip=$a>$group igmp=0x22,$group # IGMP, version 3
	drop dom lan es=$me ed=01:00:5e:00:00:05 ip=$a>$group igmp=0x16,239.9.9.9 # another group
	drop dom lan es=$me ed=01:00:5e:00:00:01 ip=$a>224.0.0.1 igmp=0x11,0.0.0.0 # plays a querier
	drop dom lan $out tcp=40000>22:s # SSH
	drop dom lan $out tcp=40000>445:s # SMB
	drop dom lan $out udp=40000>53 # DNS
	drop dom lan $out udp=40000>69 # TFTP
	drop dom lan $out icmp=8 # ping
	drop dom lan $out proto=47 # GRE
	drop dom lan $out proto=4 # IP in IP
	drop dom lan $out proto=132 # SCTP
	drop dom lan $out $tun frag=0x2000 # first fragment
	drop dom lan $out $tun frag=0x0010 # another fragment
	drop dom lan es=$me ed=$gw vlan=7 ip=$a>$g $tun # VLAN
	drop dom lan es=$me ed=$gw vlan=0 ip=$a>$g $tun # priority tag
	drop dom lan es=$me ed=$gw qinq=7 vlan=7 ip=$a>$g $tun # two tags
	drop dom lan es=$me ed=$gw type=0x86dd # IPv6
	drop dom lan es=$me ed=33:33:00:00:00:02 type=0x86dd # IPv6, router solicitation
	drop dom lan es=$me ed=$gw type=0x8863 # PPPoE
	drop dom lan es=$me ed=$all type=0x88b5 # an experiment
	drop dom lan es=$me ed=$gw type=0x8035 # RARP
	drop dom lan es=$me ed=$all llc # LLC
	drop dom lan es=$me ed=01:80:c2:00:00:00 llc # STP
	drop dom lan es=$me ed=01:80:c2:00:00:0e type=0x88cc # LLDP
	drop dom lan es=$me ed=01:80:c2:00:00:03 type=0x888e # 802.1X
	drop dom lan es=$me ed=$gw type=0x0800 ver=6 ip=$a>$g $tun # no IPv4 in it
	drop dom lan es=$me ed=$all arp=1,$me,$a,$x # ARP for another host
	drop dom lan es=$me ed=$all arp=1,$other,$a,$g # ARP with another MAC
	drop dom lan es=$me ed=$all arp=1,$me,$x,$g # ARP with another address
	drop dom lan es=$me ed=$all arp=2,$me,$g,$g # we are the gateway
	drop dom lan es=$me ed=$all arp=1,$me,$a,$a # announcement
	drop dom lan es=$me ed=$gw arp=3,$me,$a,$g # reverse ARP
	drop dom lan es=$me ed=$gw arp=1,$me,$a,$g,6 # ARP of another hardware
	drop dom lan es=$me ed=$gw arp=1,$me,$a,$g,1,8 # ARP of another length
	drop lan dom es=$other ed=$me ip=$g>$a $tun # another MAC
	drop lan dom es=$other ed=$me ip=$x>$a $tun # another host
	drop lan dom es=$gw ed=$me ip=$x>$a $tun # routed by the gateway
	drop lan dom es=$gw ed=$me ip=8.8.8.8>$a tcp=443>40000:a # the Internet
	drop lan dom es=$gw ed=$other ip=$g>$x $tun # for another host
	drop lan dom es=$gw ed=$me ip=$g>$x tcp=80>40000:a # for another address
	drop lan dom es=$gw ed=$me ip=$g>$x $tun # tunnel of another address
	drop lan dom es=$me ed=$gw ip=$a>$g $tun # in our name: the bridge must not learn it
	drop lan dom $in tcp=443>40000:s # a connection to us
	drop lan dom $in tcp=40000>22:s # SSH
	drop lan dom $in tcp=40000>443:s # plays a client
	drop lan dom $in udp=40000>51820 # the tunnel from another port
	drop lan dom $in udp=53>40000 # DNS
	drop lan dom $in icmp=8 # ping
	drop lan dom $in icmp=5 # redirect
	drop lan dom $in $tun frag=0x2000 # fragment
	drop lan dom $in $tun frag=0x0010 # fragment
	drop lan dom es=$gw ed=$me vlan=7 ip=$g>$a $tun # VLAN
	drop lan dom es=$gw ed=$me type=0x86dd # IPv6
	drop lan dom es=$gw ed=33:33:00:00:00:01 type=0x86dd # router advertisement
	drop lan dom es=$other ed=33:33:00:00:00:01 type=0x86dd # from another host
	drop lan dom es=$other ed=$all ip=$x>255.255.255.255 udp=67>68 # another DHCP server
	drop lan dom es=$other ed=$all ip=$g>255.255.255.255 udp=67>68 # that says it is ours
	drop lan dom es=$other ed=$gmac ip=$g>$group udp=40000>6900 # another carousel
	drop lan dom es=$gw ed=01:00:5e:00:00:fb ip=$g>224.0.0.251 udp=5353>5353 # mDNS
	drop lan dom es=$other ed=01:00:5e:00:00:01 ip=$x>224.0.0.1 igmp=0x11,0.0.0.0 # a querier
	drop lan dom es=$other ed=$me arp=2,$other,$g,$a # ARP spoofing
	drop lan dom es=$gw ed=$me arp=2,$other,$g,$a # ARP spoofing, the gateway's frame
	drop lan dom es=$gw ed=$me arp=2,$gw,$x,$a # another address
	drop lan dom es=$gw ed=$me arp=4,$gw,$g,$a # reverse ARP
	drop lan dom es=$gw ed=$all arp=1,$gw,$g,$x # for another host
	drop lan dom es=$gw ed=$me arp=1,$gw,$g,$a,6 # ARP of another hardware
	drop lan dom es=$gw ed=$me arp=1,$gw,$g,$a,1,8 # ARP of another length
	drop lan dom es=$other ed=01:80:c2:00:00:00 llc # STP
	drop lan dom es=$gw ed=$br ip=$g>10.77.0.99 icmp=8 # ping dom0
	drop lan dom es=$gw ed=$br arp=1,$gw,$g,10.77.0.99 # ARP dom0
	drop lan dom es=$gw ed=$br ip=$g>10.77.0.99 tcp=40000>22:s # SSH to dom0
	drop dom lan es=$me ed=$br ip=$a>10.77.0.99 icmp=8 # netdom pings dom0
	drop dom lan es=$me ed=$br ip=$a>10.77.0.99 tcp=40000>22:s # SSH to dom0
	END
	# dom0 itself has nothing to say, whoever asks it to.
	ip neigh add $g lladdr $gw dev xenbr0
	echo hello >/dev/udp/$g/51820
	# Four rules stand for what a later change must not let through.
	all_counted bridge "prerouting: from others" "forward: between others" \
		"arp_out: too much ARP" "arp_in: too much ARP"
}

lay_netdom() {
	cable eth0 lan
	cable vif3.0 domu
	cable vif4.0 domu4
	cable wg0 tun
	ip link set eth0 address $me
	ip address add $a/16 dev eth0
	ip address add $end/32 dev vif3.0
	ip address add $end/32 dev vif4.0
	ip route add $d/32 dev vif3.0
	ip route add 10.78.0.12/32 dev vif4.0
	ip route add default dev wg0 table 7
	ip rule add iif vif3.0 lookup 7
	ip rule add iif vif4.0 lookup 7
	ip link set wg0 arp off
	ip link set eth0 arp off
	ip neigh add $g lladdr $gw dev eth0
	ip neigh add $d lladdr $domu dev vif3.0
	ip neigh add 10.78.0.12 lladdr 00:16:3e:00:00:02 dev vif4.0
	sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
}

netdom() {
	local v v4 w vif="name=vif3.0 mac=$domu address=$d"
	lay_netdom
	v=$(mac_of vif3.0)
	v4=$(mac_of vif4.0)
	w=$(mac_of wg0)
	"$bin/wallsctl" netdom $lan $known || failed=1
	"$bin/wallsctl" vif $vif || failed=1
	"$bin/wallsctl" vif name=vif4.0 mac=00:16:3e:00:00:02 address=10.78.0.12 || failed=1
	at_far "$bin/frames" lan domu domu4 tun <<-END || failed=1
	control domu tun es=$domu ed=$v ip=$d>192.0.2.1 udp=4000>4000
	control tun domu es=$other ed=$w ip=192.0.2.1>$d udp=4000>4000
	control lan tun via=domu es=$domu ed=$v ip=$d>192.0.2.1 udp=4000>4000
	pass domu tun es=$domu ed=$v ip=$d>192.0.2.1 udp=4000>4000 # into the tunnel
	pass domu tun es=$domu ed=$v ip=$d>192.0.2.1 tcp=4000>443:s # TCP
	pass domu tun es=$domu ed=$v ip=$d>192.0.2.1 icmp=8 # ping
	pass domu tun es=$domu ed=$v ip=$d>10.77.0.1 tcp=4000>443:s # the gateway's LAN address, through the tunnel
	pass domu tun es=$domu ed=$v ip=$d>$x tcp=4000>445:s # the LAN, through the tunnel
	pass tun domu es=$other ed=$w ip=192.0.2.1>$d udp=4000>4000 # back
	pass domu4 tun es=00:16:3e:00:00:02 ed=$v4 ip=10.78.0.12>192.0.2.1 udp=1>2 # the other domU
	drop domu tun es=$other ed=$v ip=$d>192.0.2.1 udp=4000>4000 # another MAC
	drop domu tun es=$domu ed=$v ip=10.78.0.12>192.0.2.1 udp=4000>4000 # the other domU's address
	drop domu tun es=$domu ed=$v ip=$a>192.0.2.1 udp=4000>4000 # netdom's address
	drop domu tun es=$domu ed=$v ip=$end>192.0.2.1 udp=4000>4000 # the vif's address
	drop domu tun es=$domu ed=$v ip=0.0.0.0>192.0.2.1 udp=4000>4000 # no address
	drop domu tun es=$domu ed=$v vlan=7 ip=$d>192.0.2.1 udp=4000>4000 # VLAN
	drop domu tun es=$domu ed=$v type=0x86dd # IPv6
	drop domu tun es=$domu ed=33:33:00:00:00:01 type=0x86dd # router advertisement
	drop domu tun es=$domu ed=33:33:00:00:00:16 type=0x86dd # MLD
	drop domu tun es=$domu ed=$v type=0x88b5 # odd EtherType
	drop domu tun es=$domu ed=01:80:c2:00:00:00 llc # STP
	drop domu lan es=$domu ed=$v ip=$d>$a tcp=4000>22:s # netdom's LAN address
	drop domu lan es=$domu ed=$v ip=$d>$a udp=4000>51820 # the tunnel's port
	drop domu lan es=$domu ed=$v ip=$d>$a icmp=8 # ping netdom
	drop domu lan es=$domu ed=$v ip=$d>$end icmp=8 # ping its next hop
	drop domu lan es=$domu ed=$v ip=$d>$end tcp=4000>80:s # a port of it
	pass domu tun es=$domu ed=$v ip=$d>10.78.0.12 udp=4000>4000 # the other domU, through the tunnel
	drop domu lan es=$domu ed=$v ip=$d>224.0.0.251 udp=5353>5353 # multicast
	drop domu lan es=$domu ed=$all ip=$d>255.255.255.255 udp=68>67 # DHCP
	drop domu lan es=$domu ed=$all ip=0.0.0.0>255.255.255.255 udp=68>67 # DHCP, first
	drop domu tun es=$domu ed=$v ip=$d>192.0.2.1 udp=68>67 # DHCP to a server
	drop domu tun es=$domu ed=$v ip=$d>192.0.2.1 udp=67>68 # plays a DHCP server
	drop domu tun es=$domu ed=$all ip=$d>192.0.2.1 udp=4000>4000 # by broadcast
	drop domu lan es=$domu ed=$all arp=1,$domu,$d,$a # ARP for netdom's LAN address
	drop domu lan es=$domu ed=$all arp=1,$domu,10.78.0.12,$end # ARP with another address
	drop domu lan es=$domu ed=$all arp=1,$other,$d,$end # ARP with another MAC
	drop domu lan es=$domu ed=$all arp=2,$domu,$end,$end # it is the next hop
	drop domu lan es=$domu ed=$v arp=1,$domu,$d,$end,6 # ARP of another hardware
	drop lan domu es=$gw ed=$me ip=$g>$d udp=4000>4000 # from the LAN to a domU
	drop lan domu es=$gw ed=$me ip=192.0.2.1>$d udp=4000>4000 # routed to a domU
	drop lan tun es=$gw ed=$me ip=$g>192.0.2.1 udp=4000>4000 # from the LAN into the tunnel
	drop tun lan es=$other ed=$w ip=192.0.2.1>$x udp=4000>4000 # from the tunnel to the LAN
	drop tun lan es=$other ed=$w ip=192.0.2.1>$a tcp=4000>22:s # from the tunnel to netdom
	drop tun lan es=$other ed=$w ip=192.0.2.1>$end tcp=4000>22:s # the same
	drop tun domu4 es=$other ed=$w ip=192.0.2.1>10.78.0.13 udp=1>2 # nobody's address
	END
	# A domU that is gone has no way left, and its address may come again.
	"$bin/wallsctl" gone $vif || failed=1
	at_far "$bin/frames" lan domu domu4 tun <<-END || failed=1
	control domu4 tun es=00:16:3e:00:00:02 ed=$v4 ip=10.78.0.12>192.0.2.1 udp=1>2
	control tun domu4 es=$other ed=$w ip=192.0.2.1>10.78.0.12 udp=1>2
	pass domu4 tun es=00:16:3e:00:00:02 ed=$v4 ip=10.78.0.12>192.0.2.1 udp=1>2 # the other domU still may
	drop tun domu es=$other ed=$w ip=192.0.2.1>$d udp=1>2 # the one that is gone may not
	END
	"$bin/wallsctl" vif $vif || failed=1
	at_far "$bin/frames" domu tun <<-END || failed=1
	pass domu tun es=$domu ed=$v ip=$d>192.0.2.1 udp=4000>4000 # and here it is again
	END
	too_fast
}

# Whatever a domU sends, no more than its rate leaves netdom.
too_fast() {
	"$bin/wallsctl" vif name=vif3.0 mac=$domu address=$d rate-kbps=800 || failed=1
	local n v
	v=$(mac_of vif3.0)
	for n in $(seq 300); do
		echo "send domu tun es=$domu ed=$v ip=$d>192.0.2.1 udp=1>2 len=1400"
	done | at_far "$bin/frames" domu tun
	n=$(nft -j list table netdev nightshift | jq '[.nftables[].rule |
		select(. != null and .comment == "too many bytes") | .expr[] |
		.counter.packets // empty] | add')
	if [ "$n" -ge 50 ]; then
		echo "ok: of 300 frames at once $n were too many"
	else
		echo "FAILED: of 300 frames at once $n were too many"
		failed=1
	fi
}

if [ $# -eq 0 ]; then
	for test in dom0_dark dom0_boot dom0 netdom; do
		INSIDE='' "$0" $test || failed=1
	done
else
	for test; do
		echo "--- $test"
		"$test"
	done
fi
