#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# netdom on a machine without a gateway, but with a DHCP server: it comes up, has
# the node's one address and dom0 none; killed, or with the agent killed, both
# find each other again.
# shellcheck source=direct.bash
. "$(dirname "$0")/direct.bash"

cat >"$dir/look" <<'END'
# Each line is "PROBE key value".
agent() {
	gridagent -N /netdom -m 52:54:00:12:34:56 -r /etc/nightshift/root.json \
		-B /etc/nightshift/build.json >>/tmp/log 2>&1 &
	agent=$!
}
# come N: N times netdom has said who it is, within some minutes.
come() {
	i=0
	while [ "$(grep -c '^nightshift: net ' /tmp/log)" -lt "$1" ]; do
		[ $i -lt 400 ] || { cat /tmp/log; exit 9; }
		i=$((i + 1))
		sleep 0.5
	done
}
netdom() { hvctl list | grep ' netdom '; }
up() { cut -d' ' -f1 /proc/uptime; }

: >/tmp/log
before=$(up)
agent
come 1
echo "PROBE seconds $before $(up)"
echo "PROBE hello $(grep -m 1 '^nightshift: net ' /tmp/log)"
echo "PROBE addresses $(ip address | grep -c inet) $(ip route | wc -l)"
echo "PROBE domains $(hvctl list | grep -c running)"
echo "PROBE memory $(netdom | sed 's/.*running *\([0-9]*\) .*/\1/')"
first=$(netdom | sed 's/^ *\([0-9]*\) .*/\1/')

kill -9 "$(sed -n 's/^Pid:[^0-9]*//p' $(grep -l 'Name:[^a-z]*grid:chan' /proc/[0-9]*/status))"
come 2
kill $agent
wait
agent
come 3
second=$(netdom | sed 's/^ *\([0-9]*\) .*/\1/')
echo "PROBE same $first $second"

hvctl destroy netdom
come 4
third=$(netdom | sed 's/^ *\([0-9]*\) .*/\1/')
echo "PROBE anew $second $third $(hvctl list | grep -c netdom)"
hvctl console netdom 1 | grep -c 'does not' | sed 's/^/PROBE complaints /'
kill $agent
wait
cat /tmp/log
END

boot_direct -t 580 -c "$(cat "$dir/look")"
booted

check "netdom has the address that DHCP gives to the PC's MAC" \
	"hello .*address=10.0.2.15 gateway=10.0.2.2"
check "dom0 has none, and no route" "addresses 0 0"
check "it is one domain" "domains 1"
check "its memory is bounded" "memory (1[01][0-9]|12[0-8]|[0-9][0-9])"
check "an agent started anew goes on with it" "same ([0-9]+) \1"
check "destroyed, it is there again, once" "anew [0-9]+ [0-9]+ 1"
check "its init has no complaint" "complaints 0"
sed -n 's/^PROBE seconds \(.*\) \(.*\)/from the agent to the address: \1 s to \2 s of uptime/p' "$dir/probes"
exit $failed
