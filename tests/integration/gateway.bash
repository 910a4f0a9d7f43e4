# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of gatewayd and its protocol share: a fake node (fake-node.c) at
# its socket, and a scripted central: nginx that serves one file and logs what is
# posted.
# shellcheck disable=SC2317,SC2034  # the tests use what is set here
bats_require_minimum_version 1.5.0

gateway_setup()
{
	PATH=$PATH:/usr/sbin:/sbin
	command -v nginx >/dev/null || skip "no nginx here"
	unshare -Urn true 2>/dev/null || skip "no user namespaces here"
	bin=$(cd "${TOP:-$BATS_TEST_DIRNAME/../..}" && realpath "${BUILD:-build}")/bin
	tmp=$(mktemp -d)
	sock=$tmp/state/gatewayd.sock
	make_network
	start_central
	"$bin/fake-node" keys "$tmp"
	echo secret >"$tmp/site.token"
	mkdir "$tmp/boot"
	release 0a
	write_conf
	start_gateway
	mac1=52:54:00:77:00:11
	new_boot pc1 1 a
}

gateway_teardown()
{
	[ -z "${gw:-}" ] || kill -9 "$gw" 2>/dev/null || true
	[ -z "${ce:-}" ] || kill "$ce" 2>/dev/null || true
	[ -z "${ns:-}" ] || kill "$ns" 2>/dev/null || true
	[ -z "${tmp:-}" ] || { tail -n 20 "$tmp/log" && rm -rf "$tmp"; }
}

release()
{
	printf '{"release": "%s", "xen_cmdline": "x", "dom0_cmdline": "d"}' \
		"$1" >"$tmp/boot/new"
	mv "$tmp/boot/new" "$tmp/boot/boot.json"
}

# workspaces GEN NAME:DOMUS:MIB... : what the central wants from now on.
workspaces()
{
	local gen=$1 list="" w name domus mib
	shift
	for w; do
		IFS=: read -r name domus mib <<<"$w"
		list="$list${list:+,}{\"name\": \"$name\", \"domus\": $domus,
		\"image\": \"batch\", \"channel\": \"stable\",
		\"manifest\": \"$(printf 'a%.0s' {1..64})\",
		\"image_version\": \"1\", \"memory_mib\": $mib, \"vcpus\": 1,
		\"weight\": 256, \"cap\": 0, \"worker\":
		{\"url\": \"https://10.99.0.2:8443\", \"pin\": \"p\",
		\"token\": \"t\"}}"
	done
	echo "{\"gen\": $gen, \"workspaces\": [$list]}" >"$tmp/central/new"
	mv "$tmp/central/new" "$tmp/central/desired"
}

# A network of its own, whose walls gatewayd may build. Sockets lie in files.
make_network()
{
	port=8443
	unshare -Urn sleep 1000 3>&- &
	ns=$!
	within=(nsenter -t $ns -U -n --preserve-credentials --)
	await "${within[@]}" ip link add seg0 type bridge
	"${within[@]}" sh -c 'ip addr add 10.77.0.1/16 dev seg0
		ip link set seg0 up; ip link set lo up'
}

start_central()
{
	mkdir "$tmp/central"
	workspaces 1
	pin=$("$bin/fake-node" tls "$tmp/central")
	cat >"$tmp/central/nginx.conf" <<EOF
daemon off;
pid $tmp/central/pid;
error_log $tmp/central/error.log;
events { }
http {
	log_format body escape=none '\$request_body';
	access_log off;
	client_body_temp_path $tmp/central/b;
	client_body_buffer_size 1m;
	client_max_body_size 1m;
	proxy_temp_path $tmp/central/p;
	fastcgi_temp_path $tmp/central/f;
	uwsgi_temp_path $tmp/central/u;
	scgi_temp_path $tmp/central/s;
	server { listen unix:$tmp/central/sock; return 200 '{}'; }
	server {
		listen 127.0.0.1:$port ssl;
		ssl_certificate $tmp/central/tls.crt;
		ssl_certificate_key $tmp/central/tls.key;
		location = /v1/site/desired {
			if (\$http_authorization != "Bearer secret") {
				return 401;
			}
			# As the real one: a number or nothing.
			if (\$arg_gen !~ ^[0-9]*\$) {
				return 400;
			}
			default_type application/json;
			alias $tmp/central/desired;
		}
		location = /v1/site/report {
			access_log $tmp/central/reports body;
			proxy_pass http://unix:$tmp/central/sock;
		}
	}
}
EOF
	sed -i '1i user root;' "$tmp/central/nginx.conf"
	"${within[@]}" nginx -c "$tmp/central/nginx.conf" 2>/dev/null 3>&- &
	ce=$!
}

stop_central()
{
	kill "$ce"
	wait "$ce" || true
	ce=
}

write_conf()
{
	cat >"$tmp/nightshift.conf" <<EOF
segment lab {
	interface seg0; address 10.77.0.1/16; domu-range 10.77.128.0/17
	state $tmp/state; boot $tmp/boot; key $tmp/gateway.key
	root $tmp/root.json; lease 3s; report 1s
	central {
		url https://127.0.0.1:$port; repo http://127.0.0.1:$port
		pin "$pin"; token-file $tmp/site.token
	}
	limits { memory 1024M }
	node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; boot grid }
	node pc2 { mac 52:54:00:77:00:12; address 10.77.0.12; boot grid }
	node pc3 { mac 52:54:00:77:00:13; address 10.77.0.13; boot local }
}
EOF
}

# Ready is a byte on the pipe, not a guess.
start_gateway()
{
	mkfifo "$tmp/ready"
	"${within[@]}" ${TEST_WRAPPER:-} "$bin/gatewayd" -f "$tmp/nightshift.conf" -R 9 \
		9>"$tmp/ready" 2>>"$tmp/log" 3>&- &
	gw=$!
	read -r -t 20 <"$tmp/ready"
	rm "$tmp/ready"
}

kill_gateway()
{
	kill -9 "$gw"
	wait "$gw" || true
	gw=
}

# new_boot NODE NUMBER DIR
new_boot()
{
	"$bin/fake-node" boot "$tmp/$3" "$1" "52:54:00:77:00:1$2" "10.77.0.1$2"
}

# node DIR COMMAND [ARGS...]
node()
{
	local dir=$tmp/$1 command=$2
	shift 2
	"$bin/fake-node" "$command" "$dir" "$sock" "$tmp/root.json" "$@"
}

api() { curl -sS --unix-socket "$sock" "$@"; }
epoch_of() { sed -n 's/.*"epoch":\([0-9]*\).*/\1/p'; }
state_of()
{
	api http://x/v1/admin/nodes |
		jq_node "$1" | sed -n 's/.*"state":"\([a-z0-9]*\)".*/\1/p'
}
# The object of one node out of one line of JSON.
jq_node() { sed 's/{"id":/\n&/g' | grep "^{\"id\":\"$1\""; }

await()
{
	local i
	for i in $(seq 150); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.1
	done
	echo "await $i: $*"
	return 1
}

state_is() { [ "$(state_of "$1")" = "$2" ]; }

# A poll of boot a that waits for news, $held; its answer goes to $tmp/held.
hold_poll()
{
	node a enrol
	await node a desired 0 0
	gen=$(node a desired 0 0 | sed -n 's/.*"gen":\([0-9]*\).*/\1/p')
	node a desired "$gen" 20 >"$tmp/held" &
	held=$!
	sleep 0.5
}
