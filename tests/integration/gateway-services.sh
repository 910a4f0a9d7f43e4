#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The generated files in the real nginx, dnsmasq and nft, with gatewayd behind
# them: three network namespaces (PC - gateway - central), real packets.
set -eu

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces nginx dnsmasq nft curl busybox

namespace
pc=$ns
namespace
central=$ns
in_pc() { in_ns "$pc" "$@"; }
in_central() { in_ns "$central" "$@"; }
pc_get() { in_pc curl -sf --connect-timeout 2 -m 5 "$@"; }

ip link add seg0 type veth peer name eth0 netns $pc
ip link add up0 type veth peer name eth0 netns $central
ip addr add 10.77.0.1/16 dev seg0
ip addr add 10.99.0.1/24 dev up0
ip link set seg0 up
ip link set up0 up
in_pc ip link set eth0 address 52:54:00:77:00:11
in_pc ip link set eth0 up
in_pc ip addr add 10.77.0.11/16 dev eth0
in_pc ip addr add 10.77.0.99/16 dev eth0
in_pc ip addr add 10.77.128.11/32 dev lo
in_pc ip addr add 10.77.128.12/32 dev lo
in_pc ip route add default via 10.77.0.1
in_central ip addr add 10.99.0.2/24 dev eth0
in_central ip link set eth0 up
echo 1 >/proc/sys/net/ipv4/ip_forward

# The central: an nginx with one desired state and a small repository.
mkdir -p "$tmp"/{central/repo/blobs/ab,central/repo/metadata,boot/r/0a1b,boot/pxelinux,boot/tftp}
blob=$(printf 'ab%062d' 0)
echo content >"$tmp/central/repo/blobs/ab/$blob"
echo timestamp >"$tmp/central/repo/metadata/timestamp.json"
echo '{"gen": 1, "workspaces": []}' >"$tmp/central/desired"
pin=$("$bin/fake-node" tls "$tmp/central")
cat >"$tmp/central/nginx.conf" <<EOF
user root;
pid $tmp/central/pid;
error_log $tmp/central/error.log;
events { }
http {
	access_log $tmp/central/access.log;
$(nginx_folder "$tmp/central")
	server { listen 8080; location /repo/ { root $tmp/central; } }
	server {
		listen 8443 ssl;
		ssl_certificate $tmp/central/tls.crt;
		ssl_certificate_key $tmp/central/tls.key;
		location = /v1/site/desired {
			default_type application/json;
			alias $tmp/central/desired;
		}
		location / { return 200 '{}'; }
	}
}
EOF
in_central nginx -c "$tmp/central/nginx.conf" -g 'daemon off;' 2>/dev/null &

# The gateway.
"$bin/fake-node" keys "$tmp"
echo secret >"$tmp/site.token"
cat >"$tmp/boot/boot.json" <<EOF
{"release": "0a1b", "build_time": "2026-11-20T00:00:00Z", "xen_cmdline": "x=1",
 "dom0_cmdline": "d=1", "files": {}}
EOF
echo kernel >"$tmp/boot/r/0a1b/vmlinuz"
echo module >"$tmp/boot/pxelinux/mboot.c32"
echo loader >"$tmp/boot/tftp/nightshift.efi"
cat >"$tmp/nightshift.conf" <<EOF
segment lab {
	interface seg0; address 10.77.0.1/16; domu-range 10.77.128.0/17
	state $tmp/state; boot $tmp/boot
	key $tmp/gateway.key; root $tmp/root.json
	central {
		url https://10.99.0.2:8443; repo http://10.99.0.2:8080
		pin "$pin"; token-file $tmp/site.token
	}
	tunnel { port 51821 }
	node pc1 {
		mac 52:54:00:77:00:11; address 10.77.0.11; boot grid
		loader pxelinux
	}
}
EOF
gatewayd=("$bin/gatewayd" -f "$tmp/nightshift.conf")
check "the configuration is sound" "${gatewayd[@]}" -n
check "files are generated" "${gatewayd[@]}" -g "$tmp/gen"
check "nginx takes nginx.conf" nginx -t -c "$tmp/gen/nginx.conf"
check "dnsmasq takes dnsmasq.conf" dnsmasq --test \
	--conf-file="$tmp/gen/dnsmasq.conf"
check "the walls load" "${gatewayd[@]}" -w
check "the walls load again" "${gatewayd[@]}" -w

start_gateway() {
	"${gatewayd[@]}" -G "$tmp/gen" 2>>"$tmp/gatewayd.log" &
	gw=$!
}
start_gateway
nginx -c "$tmp/gen/nginx.conf" -g 'daemon off;' 2>"$tmp/nginx.log" &
dnsmasq --keep-in-foreground --conf-file="$tmp/gen/dnsmasq.conf" \
	--log-facility="$tmp/dnsmasq.log" &
echo $! >"$tmp/state/dnsmasq.pid"
await test -S "$tmp/state/gatewayd.sock"
await pc_get --interface 10.77.0.11 http://10.77.0.1/boot/uefi/52:54:00:77:00:11

as_node=(--interface 10.77.0.11)
get_node() { pc_get "${as_node[@]}" "$@"; }
has() { # has PATTERN COMMAND...
	local pattern=$1
	shift
	"$@" >"$tmp/has" 2>&1 && grep -q -- "$pattern" "$tmp/has"
}

gwurl=http://10.77.0.1
mac=52-54-00-77-00-11
check "PXELINUX is told the grid" has 'KERNEL mboot.c32' \
	get_node $gwurl/boot/pxelinux/pxelinux.cfg/01-$mac
check "iPXE is told the grid" has 'kernel /boot/r/0a1b/xen x=1' \
	get_node $gwurl/boot/ipxe/$mac
check "iPXE may encode the MAC" has 'kernel /boot/r/0a1b/xen' \
	get_node $gwurl/boot/ipxe/52%3A54%3a00%3A77%3A00%3A11
check "a strange MAC is told its disk" has 'action local' \
	get_node $gwurl/boot/uefi/52:54:00:77:00:ff
check "boot answers are not stored" has 'no-store' \
	get_node -i $gwurl/boot/uefi/$mac
check "boot answers have a length" has 'Content-Length' \
	get_node -i --http1.0 $gwurl/boot/pxelinux/pxelinux.cfg/01-$mac
refuse "the default PXELINUX configuration is not there" \
	get_node $gwurl/boot/pxelinux/pxelinux.cfg/default
check "modules of PXELINUX" has module get_node $gwurl/boot/pxelinux/mboot.c32
check "boot files are immutable" has immutable \
	get_node -i $gwurl/boot/r/0a1b/vmlinuz
check "the UEFI loader by TFTP" has loader \
	get_node tftp://10.77.0.1/nightshift.efi
check "the UEFI loader by HTTP" has loader \
	get_node $gwurl/boot/tftp/nightshift.efi
refuse "no path leads out of the boot folder" \
	get_node --path-as-is $gwurl/boot/r/../boot.json
refuse "nothing of /v1/admin on port 80" get_node $gwurl/v1/admin/nodes
refuse "nothing of /v1/admin on port 443" \
	get_node -k https://10.77.0.1/v1/admin/nodes
refuse "no way around by a longer path" \
	get_node -k --path-as-is https://10.77.0.1/v1/node/../admin/nodes
refuse "no enrolment without TLS" get_node -d '{}' $gwurl/v1/node/enrol
check "refusals have the one form" has '{"error": "there is nothing here"}' \
	in_pc curl -s "${as_node[@]}" $gwurl/nothing

check "a blob comes through the cache" has 'X-Cache: MISS' \
	get_node -i $gwurl/repo/blobs/ab/"$blob"
check "a blob crosses the uplink once" has 'X-Cache: HIT' \
	get_node -i $gwurl/repo/blobs/ab/"$blob"
check "a blob is immutable" has 'immutable' \
	get_node -i $gwurl/repo/blobs/ab/"$blob"
check "the timestamp is asked for again" has 'no-cache' \
	get_node -i $gwurl/repo/metadata/timestamp.json
refuse "the repository's own port is not for who has not enrolled" get_node \
	--http2-prior-knowledge http://10.77.0.1:8080/repo/blobs/ab/"$blob"
refuse "the repository is read only" \
	get_node -X PUT -d x $gwurl/repo/blobs/ab/"$blob"
refuse "nothing else of the central" get_node $gwurl/repo/

"$bin/fake-node" boot "$tmp/pc1" pc1 52:54:00:77:00:11 10.77.0.11
node() { # node COMMAND URL ARGS...
	local command=$1 url=$2
	shift 2
	in_pc "$bin/fake-node" "$command" "$tmp/pc1" "$url" "$tmp/root.json" "$@"
}
in_pc ip route replace 10.77.0.1/32 dev eth0 src 10.77.0.11
check "the segment statement" has '"segment":"lab"' node segment $gwurl
check "it says where the gateway is" has \
	"\"gateway_address\":\"10.77.0.1\",\"gateway_mac\":\"$(ip -br link show seg0 | awk "{ print \$3 }")\"" \
	node segment $gwurl
PIN=$(node segment $gwurl | sed -n 's/.*"tls_pin":"\([^"]*\)".*/\1/p')
export PIN
# X-Real-IP is nginx's to say.
try=$bin/try-wg
TUNNEL_KEY=$("$try" key "$tmp/pc1.key")
export TUNNEL_KEY
check "a node enrols over TLS" has '"epoch"' \
	env FROM=10.9.9.9 nsenter -t $pc -n "$bin/fake-node" enrol "$tmp/pc1" \
	https://10.77.0.1 "$tmp/root.json"
check "a blob comes by HTTP/2" has 'HTTP/2 200' get_node -i \
	--http2-prior-knowledge http://10.77.0.1:8080/repo/blobs/ab/"$blob"
refuse "nothing but the repository there" get_node \
	--http2-prior-knowledge http://10.77.0.1:8080/boot/uefi/$mac
check "a report renews the lease" has '"lease_sec":60' \
	node report https://10.77.0.1 enrolled
check "the desired state" has '"domus":\[\]' \
	node desired https://10.77.0.1 0 5
check "another pin is refused" has 'fake-node:' sh -c \
	"PIN=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	nsenter -t $pc -n $bin/fake-node report $tmp/pc1 https://10.77.0.1 \
	$tmp/root.json enrolled; [ \$? -eq 3 ]"

refuse "an address that is no node's reaches no HTTP" \
	pc_get --interface 10.77.0.99 $gwurl/boot/uefi/$mac
domu() { # [ARGS...]: the central, as the domU
	pc_get -k "$@" https://10.99.0.2:8443/x
}
refuse "a domU's packets on the segment go nowhere" \
	domu --interface 10.77.128.11
gateway_key=$(node report https://10.77.0.1 enrolled |
	sed -n 's/.*"gateway_key":"\([^"]*\)","keepalive":25,"port":51821.*/\1/p')
wg0() { in_pc "$try" "$1" wg0 "$tmp/wg0.sock" "${@:2}"; }
wg0 up "$tmp/pc1.key" 0 1420
wg0 peer "$gateway_key" 0.0.0.0/0 10.77.0.1:51821 25
wg0 route 10.99.0.2/32
wg0 route 10.77.128.0/17
refuse "a domU does not reach the gateway" \
	pc_get --interface 10.77.128.11 $gwurl/boot/uefi/$mac
refuse "nor the repository" pc_get --interface 10.77.128.11 \
	--http2-prior-knowledge http://10.77.0.1:8080/repo/blobs/ab/"$blob"
check "a domU reaches the central through the tunnel" has '{}' \
	domu --interface 10.77.128.11
handshake() {
	curl -s --unix-socket "$tmp/state/gatewayd.sock" http://x/v1/admin/nodes |
		grep -q '"tunnel":{"handshake_ms":1[0-9]*,"rx_bytes":[1-9]'
}
check "the gateway knows of its handshake" await handshake
# Interface and peers are not gatewayd's: it may die, and finds them again.
wgs() { "$try" "$1" nightshift0 "$tmp/state/tunnel.sock" "${@:2}"; }
peer_is() { [ "$(wgs show | cut -d' ' -f1,2)" = "$1 10.77.128.11/32" ]; }
check "its peer is the node's, for its domU" peer_is "$TUNNEL_KEY"
wgs peer "$("$try" key "$tmp/stray.key")" 10.77.128.12/32 - 0
kill -KILL $gw
wait $gw || true
check "tunnel and walls stand without gatewayd" has '{}' \
	domu --interface 10.77.128.11
start_gateway
check "the next one ends peers that are none of its nodes'" await \
	peer_is "$TUNNEL_KEY"
check "and the node's goes on" has '{}' domu --interface 10.77.128.11
refuse "no other address comes through" domu --interface 10.77.128.12
refuse "not the node's either" domu --interface 10.77.0.11
refuse "through the tunnel nothing of the gateway answers" pc_get \
	--interface 10.77.128.11 http://10.99.0.1/boot/uefi/$mac
check "under the gateway's address" grep -q '^10\.99\.0\.1 ' \
	"$tmp/central/access.log"
refuse "a domU reaches no other port" \
	pc_get --interface 10.77.128.11 http://10.99.0.2:8080/repo/
refuse "a dom0 is not forwarded" \
	pc_get -k "${as_node[@]}" https://10.99.0.2:8443/x
admin() { curl -s --unix-socket "$tmp/state/gatewayd.sock" "http://x/v1/admin/$1"; }
dropped() { admin nodes | grep -q '"dropped":[1-9]'; }
check "what the walls drop of a node is counted" await dropped
counted() { admin segment | grep -q '"line":"default:1","packets":[1-9]'; }
check "and what each line lets through" counted
echo "gateway { url unix:$tmp/state/gatewayd.sock }
central { url unix:$tmp/none.sock }" >"$tmp/gridctl.conf"
gridctl() { "$bin/gridctl" --config "$tmp/gridctl.conf" "$@"; }
check "gridctl shows the tunnel and the walls" has \
	'^pc1  *enrolled  *[0-9]*s  *[0-9.]*[KM]*  *[0-9.]*[KM]*  *[1-9]' \
	gridctl segment show
check "also as JSON" has '"foreign": \[\]' gridctl segment show --json
refuse "nothing comes in from the uplink" in_central sh -c \
	'ip route add 10.77.0.0/16 via 10.99.0.1; ping -c 1 -W 1 10.77.0.11'

# Another boot of the PC has its own key.
"$bin/fake-node" boot "$tmp/pc1b" pc1 52:54:00:77:00:11 10.77.0.11
newer=$("$try" key "$tmp/pc1b.key")
check "a newer boot enrols" has '"epoch"' env TUNNEL_KEY="$newer" \
	nsenter -t $pc -n "$bin/fake-node" enrol "$tmp/pc1b" \
	https://10.77.0.1 "$tmp/root.json"
check "it has the domU's address at once" peer_is "$newer"
refuse "the older one's tunnel carries nothing" domu --interface 10.77.128.11
wg0 up "$tmp/pc1b.key" 0 1420
check "the newer one's does" await domu --interface 10.77.128.11

# DHCP: a reservation is the allow-list. $ip by udhcpc's script.
cat >"$tmp/udhcpc" <<EOF
#!/bin/sh
[ "\$1" = bound ] && echo "\$ip \$router" >$tmp/lease
exit 0
EOF
chmod +x "$tmp/udhcpc"
dhcp() {
	rm -f "$tmp/lease"
	in_pc timeout 15 busybox udhcpc -i eth0 -f -q -n -t 3 -T 1 \
		-s "$tmp/udhcpc" >/dev/null 2>&1 || true
	cat "$tmp/lease"
}
check "a reserved PC gets its address" has '^10.77.0.11 10.77.0.1$' dhcp
in_pc ip link set eth0 address 52:54:00:77:00:12
refuse "an unknown PC gets no answer" dhcp

# A new PC by SIGHUP, without a restart of anything.
sed -i 's/^}$/\tnode pc2 { mac 52:54:00:77:00:12; address 10.77.0.12; boot grid }\n}/' \
	"$tmp/nightshift.conf"
kill -HUP $gw
check "dnsmasq can be told of a new PC" await grep -q 'dnsmasq: told' \
	"$tmp/gatewayd.log"
check "a new PC gets its address" has '^10.77.0.12 ' dhcp
echo 'colour blue' >>"$tmp/nightshift.conf"
kill -HUP $gw
check "a bad configuration is not taken" await grep -q 'the old configuration stays' \
	"$tmp/gatewayd.log"
check "and the old one serves on" has pc2 curl -sf \
	--unix-socket "$tmp/state/gatewayd.sock" http://x/v1/admin/nodes
