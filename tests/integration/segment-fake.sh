#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A whole segment but for Xen: centrald, gatewayd, nginx, nftables as they are
# installed, an image made by imagerepo, and two agents, each in a network
# namespace of its own on a hypervisor made of files. What the emulated PCs
# show in minutes, this shows in seconds.
set -eu

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
[ "$(id -u)" = 0 ] || skip "needs root: the agent's processes change their uid"
NAMESPACES=-nmpf in_namespaces nginx nft mksquashfs zstd
PATH=$bin:$PATH
export LC_ALL=C
chmod 755 "$tmp"

said() { grep -Eq -- "$2" "$tmp/$1.log"; }
not_said() { ! said "$@"; }
nodes() { gridctl --config "$tmp/gridctl.conf" node list; }
node_is() { nodes | grep -Eq -- "$1 .*$2"; }

# --- keys, and an image of nothing much ---------------------------------------

make_image() {
	cd "$tmp"
	mkdir -p sys/boot recipe/tree/etc
	head -c 500000 /dev/urandom >sys/boot/vmlinuz-6.1-test
	head -c 900000 /dev/urandom >recipe/tree/etc/motd
	cat >recipe/recipe.conf <<-END
		name batch
		version 1
		memory 32M
		cmdline "console=hvc0"
		kernel "/boot/vmlinuz-*"
		initrd { file recipe.conf /init 0755 }
		root { tree tree }
	END
	imagerepo init keys
	imagerepo build -q recipe -o v1 --from sys
	imagerepo publish -q v1 --repo repo --keys keys
	echo '{"release": "0a1b", "build_time": "2026-01-01T00:00:00Z"}' >build.json
}

# --- networks -------------------------------------------------------------------

make_networks() {
	namespace
	central=$ns
	ip link add seg0 type bridge
	ip addr add 10.77.0.1/16 dev seg0
	ip link set seg0 up
	for n in 1 2; do
		namespace
		pcs[n]=$ns
		ip link add "p$n" type veth peer name eth0 netns "$ns"
		ip link set "p$n" master seg0 up
		in_ns "$ns" sh -c "ip link set eth0 address 52:54:00:77:00:1$n up
			ip addr add 10.77.0.1$n/16 dev eth0"
	done
	ip link add up0 type veth peer name eth0 netns "$central"
	ip addr add 10.99.0.1/24 dev up0
	ip link set up0 up
	in_ns "$central" sh -c 'ip addr add 10.99.0.2/24 dev eth0; ip link set eth0 up'
}

# --- daemons ----------------------------------------------------------------------

start_central() {
	mkdir -p "$tmp/central"
	echo 0123456789abcdef0123456789abcdef >"$tmp/site.token"
	chmod 600 "$tmp/site.token"
	cat >"$tmp/central.conf" <<-END
		central {
			listen 10.99.0.2:8443
			repo-listen 10.99.0.2:8080
			state $tmp/central
			repository $tmp/repo
			root $tmp/keys/root.json
			site "lab" { token-file $tmp/site.token }
		}
	END
	centrald -f "$tmp/central.conf" -g "$tmp/central-gen"
	pin=$(centrald -f "$tmp/central.conf" -p)
	centrald -f "$tmp/central.conf" >>"$tmp/centrald.log" 2>&1 &
	centrald_pid=$!
	in_ns "$central" nginx -c "$tmp/central-gen/nginx.conf" \
		-g 'daemon off;' >>"$tmp/central-nginx.log" 2>&1 &
	cat >"$tmp/gridctl.conf" <<-END
		central { url unix:$tmp/central/centrald.sock }
		gateway { url unix:$tmp/gateway/gatewayd.sock }
	END
}

start_gateway() {
	mkdir -p "$tmp/boot/r/0a1b"
	cat >"$tmp/boot/boot.json" <<-END
		{"release": "0a1b", "build_time": "2026-11-20T00:00:00Z",
		 "xen_cmdline": "", "dom0_cmdline": "", "files": {}}
	END
	cat >"$tmp/nightshift.conf" <<-END
		segment "lab" {
			interface seg0; address 10.77.0.1/16
			domu-range 10.77.128.0/17
			state $tmp/gateway; boot $tmp/boot
			key $tmp/keys/gateway.key; root $tmp/keys/root.json
			central {
				url https://10.99.0.2:8443
				repo http://10.99.0.2:8080
				pin "$pin"; token-file $tmp/site.token
			}
			carousel { rate 100mbit }
			node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; boot grid }
			node pc2 { mac 52:54:00:77:00:12; address 10.77.0.12; boot grid }
		}
	END
	gatewayd -f "$tmp/nightshift.conf" -g "$tmp/gen"
	gatewayd -f "$tmp/nightshift.conf" -w
	run_gatewayd
	nginx -c "$tmp/gen/nginx.conf" -g 'daemon off;' \
		>>"$tmp/gateway-nginx.log" 2>&1 &
	(
		# shellcheck disable=SC1091  # made by gatewayd
		. "$tmp/gen/repo.env"
		# shellcheck disable=SC2086  # lists of words
		imagerepo mirror $MIRROR >>"$tmp/mirror.log" 2>&1 &
		# shellcheck disable=SC2086
		carouseld serve $CAROUSEL >>"$tmp/carousel.log" 2>&1 &
	)
}

run_gatewayd() {
	gatewayd -f "$tmp/nightshift.conf" >>"$tmp/gatewayd.log" 2>&1 &
	gatewayd_pid=$!
}

start_agent() { # N [STATE]: as another boot if STATE differs
	local ns=${pcs[$1]}
	mkdir -p "$tmp/hv$1"
	nsenter -t "$ns" -n -- gridagent -d -g 10.77.0.1 \
		-m "52:54:00:77:00:1$1" -r "$tmp/keys/root.json" \
		-B "$tmp/build.json" --backend "fake:$tmp/hv$1" \
		--state "$tmp/${2:-state$1}" >>"$tmp/agent$1.log" 2>&1 &
	agent=$!
}

apply() { # DOMUS
	cat >"$tmp/workspaces" <<-END
		workspace "night" {
			domus $1
			image batch/stable
			memory 64M; vcpus 1
		}
	END
	gridctl --config "$tmp/gridctl.conf" workspace apply "$tmp/workspaces"
}

running='domu id=night-pc%s domid=[0-9]+ state=running'

make_image
make_networks
start_central
start_gateway
start_agent 1
agent1=$agent
# A CPU without VT-x or SVM.
mkdir "$tmp/hv2"
echo "hvm 0" >"$tmp/hv2/host"
start_agent 2
agent2=$agent
expect "pc1 enrols" said agent1 'enrolled node=pc1'
expect "pc2 enrols" said agent2 'enrolled node=pc2'
expect "a workspace is applied" apply 2
# shellcheck disable=SC2059 # a pattern of ours
for n in 1 2; do
	expect "pc$n runs its domU" said agent$n "$(printf "$running" $n)"
	expect "the domU of pc$n has its configuration" \
		grep -q "lab/pc$n" "$tmp/hv$n/vm-data-1/node"
	expect "the operator sees pc$n running" node_is "pc$n" running
done
type_is() { gridctl --config "$tmp/gridctl.conf" node show "lab/$1" |
	grep -q "^domu .*running, $2, "; }
expect "pc1 runs it as PVH" type_is pc1 pvh
expect "pc2, without SVM, as PV" type_is pc2 pv
mirrored() { grep -q '"state": *"complete"' "$tmp/gateway/mirror/mirror.json"; }
expect "the gateway's mirror has the image whole" mirrored
expect "no request was signed in vain" not_said gatewayd 'seen before|bad signature'

kill -9 "$gatewayd_pid"
wait "$gatewayd_pid" 2>/dev/null || :
sleep 1
run_gatewayd
expect "reports go on after the gateway was killed" node_is pc1 running
expect "both kept their domUs" test -e "$tmp/hv1/domain-1" -a \
	-e "$tmp/hv2/domain-1"
kill -9 "$centrald_pid"
wait "$centrald_pid" 2>/dev/null || :
centrald -f "$tmp/central.conf" >>"$tmp/centrald.log" 2>&1 &
expect "the operator sees them again" node_is pc2 running

# Another boot of pc1 while the first one still runs: only one may have it.
start_agent 1 state1-b
status=0
wait "$agent1" || status=$?
expect "the older boot of a PC is fenced" test "$status" = 3
expect "it has ended its domU" said agent1 'destroyed'

# The owner's limit, in the operator's words.
workspaces() { gridctl --config "$tmp/gridctl.conf" workspace list; }
remark_is() { workspaces | grep -Eq -- "$1"; }
expect "more domUs than PCs are not given" apply 5
expect "the operator reads why" remark_is 'lab: 2 of 5 domus: no more PCs'
sed -i 's/^node pc1/limits { memory 32M }\n&/' "$tmp/nightshift.conf"
kill -HUP "$gatewayd_pid"
expect "the owner's limit reaches the operator" \
	remark_is 'lab: 64 MiB is more than the owner.s limit of 32 MiB'
expect "what was over it is gone" said agent2 'night-pc2: gone'
sed -i '/limits/d' "$tmp/nightshift.conf"
kill -HUP "$gatewayd_pid"
expect "the workspace is back" remark_is 'lab: 2 of 5 domus'
expect "pc2 runs again" node_is pc2 running

expect "the workspace shrinks to nothing" apply 0
expect "pc2's domU is gone" said agent2 'night-pc2: gone'
expect "the operator sees pc2 idle" node_is pc2 enrolled

expect "the workspace grows again" apply 2
expect "pc2 runs a domU again" node_is pc2 running
boot() { gridctl --config "$tmp/gridctl.conf" node boot "$@"; }
expect "the owner calls pc2 back" boot lab/pc2 local
status=0
wait "$agent2" || status=$?
expect "its agent ends, for the PC to be restarted" test "$status" = 3
expect "it says why" said agent2 'the owner called this PC back'
expect "its domU is gone" test ! -e "$tmp/hv2/domain-2"
expect "the operator sees it at its own disk" node_is pc2 "local .*local"
expect "the owner gives pc2 again" boot lab/pc2 grid
start_agent 2 state2-b
expect "its next boot is on the grid" node_is pc2 running
