#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The walls around a PC that works. Root in its domU sends everything to
# everybody: none of it is seen on the segment, only honest packets come out of
# the tunnel, only the policy's pass the gateway. The PC is scanned from its own
# segment, by an office host and in its gateway's name: no port is open, nothing
# answers but ARP for its address. Office and world attack as well. At the end
# its power goes, and its disk is as it was.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

bin=$(realpath "$BUILD/bin")
here=tests/boot/isolation
read -ra hosts <<<"$(tr '\n' ' ' <$here/hosts)"
node=52:54:00:77:00:11 gateway=52:54:00:77:00:01
tunnel=nightshift0

# --- the segment's other machines, and those beyond it -----------------------------

# machine NAME ADDRESS/MAC: a network of its own on the segment; prints who holds
# it. It answers as any machine does.
machine()
{
	# shellcheck disable=SC2016  # for the inner shell
	scripts/lab exec sh -eu -c '
		setsid unshare --net -- sleep infinity </dev/null >/dev/null 2>&1 &
		until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
			sleep 0.05
		done
		ip link add "$1" type veth peer name eth0 netns $!
		ip link set "$1" master seg0 up
		nsenter -t $! -n ip link set eth0 address "${2#*/}" up
		nsenter -t $! -n ip address add "${2%/*}/16" dev eth0
		echo $!' sh "$1" "$2"
}

host() # NAME: its ADDRESS/MAC
{
	sed -n "s/^$1=//p" $here/hosts
}

# Where what the walls let through would go.
world()
{
	lab exec ip route add default via 10.99.0.2
	lab exec-central ip address add 198.51.100.7/32 dev lo
}

# --- recording ----------------------------------------------------------------------

recorders=() recordings=()
record() # NAME WAY WHERE... IFACE
{
	local name=$1 way=$2
	shift 2
	recordings+=("$lab/$name.pcap")
	"${@:1:$#-1}" "$bin/isolation-pcap" record "${!#}" "$lab/$name.pcap" "$way" \
		<"$lab/go" >"$lab/log/record-$name.log" 2>&1 &
	recorders+=($!)
}

all_listen()
{
	local file
	for file in "${recordings[@]}"; do
		[ -s "$file" ] || return
	done
}

record_all()
{
	mkfifo "$lab/go"
	record cable in scripts/lab exec pc1
	record second in scripts/lab exec nsenter -t "$second" -n eth0
	record office in scripts/lab exec nsenter -t "$office" -n eth0
	record segment-in in scripts/lab exec seg0
	record segment-out out scripts/lab exec seg0
	record tunnel-in in scripts/lab exec $tunnel
	record tunnel-out out scripts/lab exec $tunnel
	record uplink-in in scripts/lab exec uplink
	record uplink-out out scripts/lab exec uplink
	exec 9>"$lab/go"
	await 60 "nine recorders listen" all_listen
}

# None has lost a frame, or it ends with 1.
record_end()
{
	local pid
	echo >&9
	for pid in "${recorders[@]}"; do
		wait "$pid" || return
	done
}

# --- the attackers -------------------------------------------------------------------

# The image's root attacks instead of working; published as the next version of
# what the lab's workspace names.
publish_attacker()
{
	"$bin/imagerepo" build $here -o "$lab/attacker" --from "$BUILD/debian/root" \
		--from / --bin "$bin" >"$lab/log/attacker.log" 2>&1 &&
		"$bin/imagerepo" publish "$lab/attacker" --repo "$lab/repo" \
			--keys "$BUILD/keys" >>"$lab/log/attacker.log" 2>&1
}

# As far as it is wanted: the rest follows the workspace.
mirrored()
{
	cmp "$lab/repo/metadata/timestamp.json" "$lab/gateway/mirror/metadata/timestamp.json"
}

said() # POINT BASE: what isolation-send's last end told
{
	"$bin/isolation-pcap" end "$lab/$1.pcap" "$2"
}

rounds() # that root in the domU has ended
{
	local n _
	read -r n _ < <(said tunnel-in 0)
	echo "${n:-0}"
}

has_ended() # ROUNDS
{
	[ "$(rounds)" -ge "$1" ]
}

# From the segment and from beyond the gateway, by the gateway's MAC there.
domu=domU=10.77.128.11
from_office=(me=10.77.0.200 next="$(host gateway)" "${hosts[@]}" "$domu")
attack_from_office()
{
	scripts/lab exec nsenter -t "$office" -n "$bin/isolation-send" -b 10000 eth0 \
		"${from_office[@]}" >"$lab/log/attack-office.log" 2>&1
}

attack_from_world()
{
	local mac
	mac=$(scripts/lab exec ip -j link show uplink | jq -r '.[0].address')
	from_world=(me=198.51.100.7 next="10.99.0.1/$mac" "${hosts[@]}" "$domu")
	scripts/lab exec-central "$bin/isolation-send" -b 20000 uplink-c "${from_world[@]}" \
		>"$lab/log/attack-world.log" 2>&1
}

answers_scan()
{
	local found mac
	mac=$(host second)
	found=$("$bin/isolation-pcap" answers "$lab/segment-in.pcap" node="${mac#*/}")
	grep -Eq '^tcp 200[0-9] icmp [1-9][0-9]* arp [1-9]' <<<"$found"
}

# scan NAME WORDS...: of the PC, at whose cable each port was knocked at
scan()
{
	local name=$1
	shift
	record "scan-$name" out scripts/lab exec pc1
	await 60 "its cable is listened to" all_listen
	check "the PC is scanned by its $name" scripts/lab exec "$bin/isolation-scan" \
		-c pc1 "$@" node=10.77.0.11/$node
	await 60 "each of its ports was knocked at" eval \
		"[ \$($bin/isolation-pcap scanned $lab/scan-$name.pcap node=$node) = 65535 ]"
}

judge_cable()
{
	"$bin/isolation-pcap" judge "$lab/cable.pcap" node=$node gateway=$gateway \
		address=10.77.0.11
}

report() # WHO BASE POINT... -- WORDS...
{
	local who=$1 base=$2 points=()
	shift 2
	while [ "$1" != -- ]; do
		points+=("$1=$lab/$1.pcap")
		shift
	done
	shift
	"$bin/isolation-report" "$who" "$base" "$@" -- "${points[@]}"
}

# --- the evening ------------------------------------------------------------------------

lab up --no-pcs
world
second=$(machine second "$(host second)")
office=$(machine office "$(host office)")
grid workspace delete demo
lab pc on pc1
check "the attacker's image is published" publish_attacker
await 120 "the gateway has it" mirrored
check "the PC enrols" "$bin/lab-watch" -u enrolled -t 500 "$lab" pc1
record_all
check "its domU is asked for" grid workspace apply "$lab/workspace.conf"
await 600 "root in the domU has sent everything once" has_ended 1

# --- scans -----------------------------------------------------------------------------

# So that a scan can find something: a machine that has no walls.
check "a machine without walls is scanned" scripts/lab exec "$bin/isolation-scan" \
	-t 2000 seg0 me=10.77.0.1 node="$(host second)"
await 60 "it answers" answers_scan
scan office -n "$office" eth0 me=10.77.0.200
scan gateway -s 443 seg0 me=10.77.0.1

# --- others attack; the gateway's daemon dies ----------------------------------------------

check "everything is sent from beyond the gateway" attack_from_world
await 60 "it came to the gateway" said uplink-in 20000
lab service kill gatewayd
n=$(rounds)
await 400 "gatewayd is dead, and root in the domU has sent everything again" has_ended $((n + 2))
lab service start gatewayd
# Last, for it may take the gateway's ARP in.
check "everything is sent from the office" attack_from_office
await 60 "it came to the gateway" said segment-in 10000
n=$(rounds)
await 400 "root in the domU has sent everything again" has_ended $((n + 2))
read -r n refused told answered strange first < <(said tunnel-in 0)
lab pc off pc1
check "none has lost a frame" record_end

# --- what came of it -------------------------------------------------------------------

beyond=(second office segment-out tunnel-in tunnel-out uplink-out)
check "domU: what must not, did not arrive" report domU 0 cable "${beyond[@]}" -- \
	me=10.77.128.11 next=169.254.1.1 "${hosts[@]}"
echo "   domU: $n rounds, $refused frames refused by its card; heard $told of its next hop's," \
	"$answered answers of the central, $strange others ($first)"
check "the central's answers came, and nobody else's" test "$answered" -gt 0 -a "$strange" = 0
check "office: what must not, did not arrive" report office 10000 segment-in cable \
	tunnel-in tunnel-out uplink-out -- "${from_office[@]}"
check "world: what must not, did not arrive" report world 20000 uplink-in cable second office \
	segment-out tunnel-in tunnel-out -- "${from_world[@]}"
check "the PC spoke with its gateway alone, and answered no scan" judge_cable
check "its disk is untouched" disk_untouched pc1
