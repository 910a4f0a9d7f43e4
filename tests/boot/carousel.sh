#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two PCs start one image at once and get most of its bundle by multicast, the
# rest over HTTP; and again with a carousel that is killed in mid-turn.
# shellcheck source=functions.bash
. "$(dirname "$0")/functions.bash"

# One who asks is enough, so that how far the two lie apart does not matter;
# slow, so that there is a middle.
carousel() # RATE
{
	sed -i "s/--rate [^ ]*/--rate $1/; s/--crowd [^ \"]*/--crowd 1/" "$lab/gateway/repo.env"
	lab service restart gateway-carousel
}

# from_air PC: bytes of the bundle that came to it by multicast for the disk that
# it has open.
from_air()
{
	tr -d '\r' <"$lab/$1/serial.log" | awk '
		/disk .*: closed/ { n = 0 }
		/disk .*: [0-9]+ bytes from the air/ { for (i = 1; i <= NF; i++) if ($i == "bytes") n = $(i - 1) }
		END { print n + 0 }'
}

datagrams() # that the gateway has sent
{
	scripts/lab exec cat /proc/net/snmp | awk '$1 == "Udp:" && $5 ~ /^[0-9]/ { print $5 }'
}

in_mid_turn() # BEFORE: some 300 of the bundle's 1,350 symbols have left
{
	[ "$(datagrams)" -gt $(($1 + 300)) ]
}

# over_http PC: the same, over HTTP, since access.log was emptied
over_http()
{
	awk -v pc="10.77.0.1${1#pc}" -v blob="$bundle" \
		'$2 == pc && index($4, blob) { n += $6 } END { print n + 0 }' "$lab/gateway/nginx/access.log"
}

assign() # PC...
{
	: >"$lab/gateway/nginx/access.log"
	for pc; do date +%s%3N >"$lab/$pc/on_ms"; done
	grid workspace apply "$lab/workspace.conf" || fail "workspace apply"
}

idle()
{
	for pc in pc1 pc4; do
		grid node show --json "lab/$pc" | jq -e '.domus == []' || return
	done
}

mirrored()
{
	jq -e '.images != [] and all(.images[]; .state == "complete")' \
		"$lab/gateway/mirror/mirror.json"
}

lab up --no-pcs
# The carousel sends what the gateway has.
await 60 "the gateway has the image" mirrored
grid workspace delete demo
manifest=$("$BUILD/bin/imagerepo" channel list --repo "$lab/repo" --json |
	jq -r '.channels[] | select(.image == "batch" and .channel == "stable").manifest')
manifest=$(echo "$lab/repo/targets/batch/$manifest".*.json)
bundle=$(jq -r .root.bundle.sha256 "$manifest")
size=$(jq .root.bundle.size "$manifest")
carousel 5M
grid node boot pc4 grid || fail "node boot"
lab pc on pc1 pc4
check "both PCs enrol" "$BUILD/bin/lab-watch" -u enrolled -t 900 "$lab" pc1 pc4
# On a full cable HTTP has not brought all before the second one asks.
for pc in pc1 pc4; do
	lab exec tc qdisc replace dev $pc root tbf rate 15mbit burst 64kb latency 50ms
done

assign pc1 pc4
check "both PCs' workers ask for work" "$BUILD/bin/lab-watch" -u domU -t 900 "$lab" pc1 pc4
for pc in pc1 pc4; do
	air=$(from_air $pc) http=$(over_http $pc)
	check "$pc: of $size bytes of the bundle $air came by multicast ($http were sent over HTTP)" \
		test "$air" -gt $((size / 2))
done

grid workspace delete demo
await 60 "both PCs are idle again" idle
carousel 10M
before=$(datagrams)
assign pc1 pc4
end=$((SECONDS + 60))
until in_mid_turn "$before"; do
	[ $SECONDS -lt $end ] || fail "the carousel does not send"
done
lab service kill gateway-carousel
check "killed in mid-turn: both PCs' workers ask for work" \
	"$BUILD/bin/lab-watch" -u domU -t 900 "$lab" pc1 pc4
for pc in pc1 pc4; do
	echo "   $pc: $(from_air $pc) bytes by multicast"
	check "$pc: the rest came over HTTP" test "$(over_http $pc)" -gt $((size / 10))
done
