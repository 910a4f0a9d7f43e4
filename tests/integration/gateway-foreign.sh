#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Foreign DHCP servers: a second dnsmasq on the segment is found, named with
# what it offers, and forgotten when it is gone; one that belongs there is not.
# shellcheck disable=SC2317  # functions are called by check
set -eu

: "${BUILD:=build}" "${TOP:=$(cd "$(dirname "$0")/../.." && pwd)}"
if [ -z "${INSIDE:-}" ]; then
	bin=$(cd "$TOP" && realpath "$BUILD")/bin
	for need in dnsmasq ip unshare nsenter curl; do
		PATH=$PATH:/usr/sbin:/sbin command -v $need >/dev/null || {
			echo "no $need here"
			exit 77
		}
	done
	unshare -Urnmpf --mount-proc true 2>/dev/null || {
		echo "no user namespaces here"
		exit 77
	}
	INSIDE=$bin exec unshare -Urnmpf --mount-proc --kill-child "$0"
fi

bin=$INSIDE
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

check() # NAME COMMAND...: within 20 s
{
	local name=$1 i
	shift
	for ((i = 0; i < 100; i++)); do
		if "$@" >"$tmp/out" 2>&1; then
			echo "ok - $name"
			return
		fi
		sleep 0.2
	done
	echo "NOT OK - $name"
	tail -n 20 "$tmp/out" "$tmp"/*.log
	exit 1
}

unshare -n sleep 1000 &
other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
	sleep 0.05
done
in_other() { nsenter -t $other -n -- "$@"; }
ip link set lo up
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
	nsenter -t $other -n -- dnsmasq --keep-in-foreground --port=0 --no-resolv --no-hosts \
		--conf-file=/dev/null --user=root --no-daemon --interface=eth0 \
		--bind-interfaces --leasefile-ro "$@" 2>>"$tmp/foreign.log" &
	dnsmasq=$!
}

check "our own dnsmasq is not foreign" says '"foreign":\[\],"foreign_trouble":null'
sleep 1.5
check "nor a second later" says '"foreign":\[\],"foreign_trouble":null'

foreign --dhcp-range=10.77.200.1,10.77.200.9 --dhcp-boot=evil.efi
check "another server is found" says \
	'"address":"10.77.0.66","mac":"52:54:00:77:00:66"'
check "with what it offers" says '"dhcp":true,"boot":true,"file":"evil.efi"'
check "the log says so" grep -q \
	'seg0: a foreign DHCP server: 10.77.0.66 (52:54:00:77:00:66), offers addresses' \
	"$tmp/gatewayd.log"
kill $dnsmasq
check "it is forgotten when it is gone" says '"foreign":\[\]'
check "the log says that as well" grep -q \
	'a foreign DHCP server is gone: 10.77.0.66' "$tmp/gatewayd.log"

foreign --dhcp-range=10.77.0.0,proxy --pxe-service=x86PC,other,pxelinux \
	--pxe-service=X86-64_EFI,other,other.efi
check "a server that only boots is found" says '"dhcp":false,"boot":true'
write_conf "other 10.77.0.66"
kill -HUP $gw
check "one that belongs there is not foreign" says '"foreign":\[\]'
sleep 1.5
check "nor a second later" says '"foreign":\[\]'

write_conf ""
kill -HUP $gw
check "without leave it is" says '"address":"10.77.0.66"'
listener() { pgrep -P $gw gatewayd-dhcp; }
probe=$(listener)
kill -KILL "$probe"
again() { listener && [ "$(listener)" != "$probe" ]; }
check "the listener is started again" again
powerless() { grep -q 'CapEff:[[:space:]]*0000000000000000' "/proc/$(listener)/status"; }
check "it has no right but its socket" powerless
kill -KILL $gw
gone() { ! pgrep gatewayd-dhcp; }
check "it ends with gatewayd" gone
