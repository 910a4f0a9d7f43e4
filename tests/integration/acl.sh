#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Policies in a real kernel, by aclc: what passes and what does not, with real
# packets between three network namespaces (PC - gateway - the world), counters,
# hours, rates, and changes that go back unless confirmed.
set -eu

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces nft busybox curl jq
# Half an hour off UTC: what the kernel compares is not what the owner writes.
export TZ=XST-5:30

# What must not pass is not waited for as long.
refuse() { LIMIT=0.5 check "$1" not "${@:2}"; }
not() { ! "$@"; }
aclc() { "$bin/aclc" "$@"; }

# The wires: pc --seg0-- gateway --up0-- world
namespace
pc=$ns
namespace
world=$ns
in_pc() { in_ns "$pc" "$@"; }
in_world() { in_ns "$world" "$@"; }
ip link add seg0 type veth peer name eth0 netns $pc
ip link add up0 type veth peer name eth0 netns $world
ip addr add 10.77.0.1/16 dev seg0
ip addr add 192.0.2.1/24 dev up0
ip link set seg0 up
ip link set up0 up
echo 1 >/proc/sys/net/ipv4/ip_forward
in_pc ip link set eth0 address 52:54:00:77:00:11 up
# The node (.0.11), its domU (.128.11) and a host of the office (.5.5).
for a in 10.77.0.11 10.77.128.11 10.77.5.5; do
	in_pc ip addr add $a/16 dev eth0
done
in_pc ip route add default via 10.77.0.1 src 10.77.128.11
in_world ip link set eth0 up
in_world ip addr add 192.0.2.7/24 dev eth0
in_world ip addr add 203.0.113.9/32 dev lo
ip route add 203.0.113.0/24 via 192.0.2.7
for port in 80 443; do
	in_world busybox httpd -f -p $port -h "$tmp" &
done
in_world busybox nc -ll -p 81 -e cat &
busybox httpd -f -p 2222 -h "$tmp" &
touch "$tmp/hello"

# tcp FROM TO PORT: does it answer? What should pass has time.
tcp() { in_pc curl -sf -m "${LIMIT:-20}" --interface "$1" "http://$2:$3/hello"; }
ping_from() { in_pc busybox ping -c 1 -W 1 -I "$1" "$2"; }

mkdir "$tmp/state"
cat >"$tmp/nightshift.conf" <<END
segment lab {
  interface seg0; address 10.77.0.1/16; domu-range 10.77.128.0/17
  state $tmp/state; boot /b; key /k; root /r
  central {
    url https://192.0.2.7; repo https://192.0.2.8; token-file /t
    pin sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  }
  node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; boot grid }
}
END
conf="-f $tmp/nightshift.conf"
# load POLICY [OPTION...]: text of a policy, with this segment's facts
load()
{
	printf '%s\n' "$1" >"$tmp/policy"
	# shellcheck disable=SC2086 # words
	aclc apply $conf "${@:2}" "$tmp/policy"
}
# counted PLACE FIELD: more than none
counted()
{
	[ "$(aclc show --json | jq ".lines[] | select(.place == \"$1\") | .$2")" -gt 0 ]
}
# Listeners are up before there are any walls. The world knows no way back to
# the segment: what a domU says there, the gateway says.
for at in 192.0.2.7:80 203.0.113.9:443 10.77.0.1:2222; do
	until curl -sf -m 5 "http://$at/hello"; do sleep 0.1; done
done

# Whatever the compiler is expected to make, a kernel takes.
for nft in "$TOP"/tests/golden/acl/*.nft; do
	check "$(basename "$nft") loads" nft -f "$nft"
done

# Counters go on where a rule reads the same, wherever its line stands now.
counting() { nft list table inet nightshift | grep -c "counter packets $1 "; }
export TZ=XST-5:30 # theirs
for policy in full examples order; do
	golden=$TOP/tests/golden/acl
	sed '/@dropped/!s/\<counter /&packets 7 bytes 70 /' "$golden/$policy.tunnel.nft" | nft -f -
	loaded=$(counting 7)
	refuse "$policy has few counters" [ "$loaded" -lt 20 ]
	check "$policy loads anew" aclc apply -f "$golden/tunnel.conf" "$golden/$policy.policy"
	refuse "and no counter begins anew" counting 0
	{ echo; cat "$golden/$policy.policy"; echo 'pass from domus to 192.0.2.99'; } >"$tmp/policy"
	check "with lines that moved" aclc apply -f "$golden/tunnel.conf" "$tmp/policy"
	check "they go on as well" [ "$(counting 7)" -gt $((loaded / 2)) ]
	check "and from 0 what is new" [ "$(counting 0)" -gt 0 ]
done
unset TZ

# What a segment has without a policy
# shellcheck disable=SC2086
{
check "the default policy loads" aclc apply --default $conf --domus
check "a domU reaches the central" tcp 10.77.128.11 192.0.2.7 443
refuse "and no other port of it" tcp 10.77.128.11 192.0.2.7 80
refuse "nor another host" tcp 10.77.128.11 203.0.113.9 443
refuse "nor the gateway" tcp 10.77.128.11 10.77.0.1 2222
refuse "a node is not forwarded" tcp 10.77.0.11 192.0.2.7 443
refuse "a host of the office is not forwarded" tcp 10.77.5.5 192.0.2.7 443
refuse "nor does it reach the gateway" tcp 10.77.5.5 10.77.0.1 2222
check "a node pings its gateway" ping_from 10.77.0.11 10.77.0.1
refuse "the gateway does not ping a node" busybox ping -c 1 -w 1 10.77.0.11
check "the line counted" counted default:1 packets
check "and its answers" counted default:1 reply_bytes
check "show names the line" grep -q 'default:1.*pass from domus to central' <(aclc show --default)
}

# Lines
# shellcheck disable=SC2016 # the policy's
check "addresses, ports, tables load" load 'web = { 80, 443 }
table <bad> { 203.0.113.9 }
block from domus to <bad> log
pass from domus to 192.0.2.0/24 proto tcp port $web
pass from 10.77.5.5 to gateway proto tcp port 2222'
check "what a line passes passes" tcp 10.77.128.11 192.0.2.7 80
refuse "what a line blocks does not" tcp 10.77.128.11 203.0.113.9 80
check "a host of the office reaches what it may" tcp 10.77.5.5 10.77.0.1 2222
refuse "a domU does not reach that" tcp 10.77.128.11 10.77.0.1 2222
check "the block counted" counted policy:3 packets

# A line that goes takes its connections with it.
check "one to another port loads" load 'pass from domus to central proto tcp port 81'
coproc talk { in_pc busybox nc 192.0.2.7 81; }
# shellcheck disable=SC2154 # coproc's
exec {to}>&"${talk[1]}" {from}<&"${talk[0]}"
echo one >&$to
read -r -t 5 word <&$from || word=
check "a connection runs" [ "$word" = one ]
check "its line goes" load 'pass from domus to central proto tcp port 443'
echo two >&$to
read -r -t 1 word <&$from || word=
refuse "and the connection with it" [ "$word" = two ]
exec {to}>&- {from}<&-

# Hours: of the owner's zone
hour() { date -d "$1" +%H:%M; }
check "hours load" load "pass from domus to central proto tcp port 443 \
	during $(hour '-1 hour')-$(hour '+1 hour')
pass from domus to central proto tcp port 80 \
	during $(hour '+2 hour')-$(hour '+3 hour')"
check "now is now" tcp 10.77.128.11 192.0.2.7 443
refuse "and not later" tcp 10.77.128.11 192.0.2.7 80
today=$(LC_ALL=C date +%a | tr '[:upper:]' '[:lower:]')
tomorrow=$(LC_ALL=C date -d tomorrow +%a | tr '[:upper:]' '[:lower:]')
check "days load" load "pass from domus to central proto tcp port 443 during $today
pass from domus to central proto tcp port 80 during $tomorrow"
check "today is today" tcp 10.77.128.11 192.0.2.7 443
refuse "and not tomorrow" tcp 10.77.128.11 192.0.2.7 80

# Rates
check "rates load" load 'pass from domus to central proto tcp port 443 rate 1 connections/hour burst 1
pass from domus to central proto tcp port 80 rate 1 connections/hour burst 1 each'
check "the first connection passes" tcp 10.77.128.11 192.0.2.7 443
refuse "the next does not" tcp 10.77.128.11 192.0.2.7 443
check "it was over the rate" counted policy:1 over_packets
check "and each has its own" tcp 10.77.128.11 192.0.2.7 80
refuse "but one" tcp 10.77.128.11 192.0.2.7 80

# Images: who runs what is in the comments of the set
nft delete element inet nightshift domus '{ 10.77.128.11 }'
nft add element inet nightshift domus '{ 10.77.128.11 comment "x.conf:3 pc1 batch/stable" }'
check "images load" load 'pass from domus of image "batch/*" on node "pc?" to central proto tcp port 443
pass from domus of image "debian/*" to central proto tcp port 80'
check "an image that is named passes" tcp 10.77.128.11 192.0.2.7 443
refuse "another's line is not its own" tcp 10.77.128.11 192.0.2.7 80

# Who is not enrolled is not made so.
elements() { nft -j list set inet nightshift enrolled | jq -r '.nftables[].set.elem // [] | length' | tail -n 1; }
check "an enrolled node stays so" [ "$(elements)" = 1 ]
nft flush set inet nightshift enrolled
check "another policy loads" load 'pass from domus to central proto tcp port 80'
check "and enrols nobody" [ "$(elements)" = 0 ]

# Nothing half done
nft list ruleset >"$tmp/before"
refuse "a policy with an error is refused" load 'pass from domus to nowhere'
refuse "one against a floor too" load 'pass from nodes to central'
check "a dry run loads nothing" load 'block from any to any' -n
# Numbers of what was counted meanwhile do not matter.
# But for what packets change: counters, and whom they were dropped of.
rules_of() { sed -e 's/packets [0-9]* bytes [0-9]*//' -e '/set dropped {/,/^\t}/d' "$@"; }
same_rules() { diff <(rules_of "$tmp/before") <(nft list ruleset | rules_of); }
check "all is as it was" same_rules

# Until confirmed
refuse "what nobody confirms is not for good" load 'block from any to any' -c 1
check "the old rules are back" same_rules
# shellcheck disable=SC2086
{
load 'block from any to any' -c 60 2>"$tmp/said" &
pending=$!
until grep -qs loaded "$tmp/said"; do sleep 0.05; done
refuse "only one change waits" load 'block from any to any' -c 60
check "one may go back at once" aclc revert $conf
refuse "which is no confirmation" wait $pending
check "the old rules are back again" same_rules
load 'pass from domus to central proto tcp port 80' -c 60 2>"$tmp/said2" &
pending=$!
until grep -qs loaded "$tmp/said2"; do sleep 0.05; done
check "confirmed" aclc confirm $conf
check "and told" wait $pending
refuse "nothing waits any more" aclc confirm $conf
}
check "the new rules are there" tcp 10.77.128.11 192.0.2.7 80

# The configuration's own policy
sed -i "s|^  node|  acl { policy $tmp/own.policy }\n&|" "$tmp/nightshift.conf"
echo 'pass from domus to central proto tcp port 80 log' >"$tmp/own.policy"
# shellcheck disable=SC2086
{
check "it loads without a name" aclc apply $conf
check "and is shown" grep -q 'own.policy:1.*pass from domus' <(aclc show $conf)
check "and compared with" grep -q '^- *1: .* log$' <(aclc diff $conf "$tmp/policy")
check "and proved" aclc prove $conf --live
}
check "nothing is left behind" [ -z "$(ls "$tmp/state")" ]
