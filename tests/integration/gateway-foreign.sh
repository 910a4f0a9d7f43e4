#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Foreign DHCP servers: a second dnsmasq on the segment is found, named with
# what it offers, and forgotten when it is gone; one that belongs there is not.
set -eu

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces dnsmasq curl

namespace
other=$ns
in_other() { in_ns $other "$@"; }
ip link add seg0 type bridge
ip addr add 10.77.0.1/16 dev seg0
ip link add p1 type veth peer name eth0 netns $other
ip link set p1 master seg0 up
ip link set seg0 up
in_other ip addr add 10.77.0.66/16 dev eth0
in_other ip link set eth0 address 52:54:00:77:00:66 up

mkdir -p "$tmp/boot"
"$bin/fake-node" keys "$tmp"
echo secret >"$tmp/site.token"
write_conf() # WORDS of the block dhcp
{
	cat >"$tmp/nightshift.conf" <<-END
		segment lab {
			interface seg0; address 10.77.0.1/16
			domu-range 10.77.128.0/17
			state $tmp/state; boot $tmp/boot
			key $tmp/gateway.key; root $tmp/root.json
			central {
				url https://127.0.0.1:8443
				repo http://127.0.0.1:8080
				pin sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
				token-file $tmp/site.token
			}
			dhcp { watch 1s; $1 }
			node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; boot grid }
		}
	END
}
write_conf ""
"$bin/gatewayd" -f "$tmp/nightshift.conf" -g "$tmp/gen"
dnsmasq --keep-in-foreground --conf-file="$tmp/gen/dnsmasq.conf" 2>"$tmp/ours.log" &
"$bin/gatewayd" -f "$tmp/nightshift.conf" 2>"$tmp/gatewayd.log" &
gw=$!

segment() { curl -sS --unix-socket "$tmp/state/gatewayd.sock" http://x/v1/admin/segment; }
says() { segment | grep -q -- "$1"; }
foreign() # [ARGS...]
{
	nsenter -t "$other" -n -- dnsmasq --keep-in-foreground --port=0 --no-resolv --no-hosts \
		--conf-file=/dev/null --user=root --no-daemon --interface=eth0 \
		--bind-interfaces --leasefile-ro "$@" 2>>"$tmp/foreign.log" &
	dnsmasq=$!
}

expect "our own dnsmasq is not foreign" says '"foreign":\[\],"foreign_trouble":null'
sleep 1.5
expect "nor a second later" says '"foreign":\[\],"foreign_trouble":null'

foreign --dhcp-range=10.77.200.1,10.77.200.9 --dhcp-boot=evil.efi
expect "another server is found" says \
	'"address":"10.77.0.66","mac":"52:54:00:77:00:66"'
expect "with what it offers" says '"dhcp":true,"boot":true,"file":"evil.efi"'
expect "the log says so" grep -q \
	'seg0: a foreign DHCP server: 10.77.0.66 (52:54:00:77:00:66), offers addresses' \
	"$tmp/gatewayd.log"
kill $dnsmasq
expect "it is forgotten when it is gone" says '"foreign":\[\]'
expect "the log says that as well" grep -q \
	'a foreign DHCP server is gone: 10.77.0.66' "$tmp/gatewayd.log"

foreign --dhcp-range=10.77.0.0,proxy --pxe-service=x86PC,other,pxelinux \
	--pxe-service=X86-64_EFI,other,other.efi
expect "a server that only boots is found" says '"dhcp":false,"boot":true'
write_conf "other 10.77.0.66"
kill -HUP $gw
expect "one that belongs there is not foreign" says '"foreign":\[\]'
sleep 1.5
expect "nor a second later" says '"foreign":\[\]'

write_conf ""
kill -HUP $gw
expect "without leave it is" says '"address":"10.77.0.66"'
listener() { pgrep -P $gw gatewayd-dhcp; }
probe=$(listener)
kill -KILL "$probe"
again() { listener && [ "$(listener)" != "$probe" ]; }
expect "the listener is started again" again
powerless() { grep -q 'CapEff:[[:space:]]*0000000000000000' "/proc/$(listener)/status"; }
expect "it has no right but its socket" powerless
kill -KILL $gw
gone() { ! pgrep gatewayd-dhcp; }
expect "it ends with gatewayd" gone
