# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests use what is set here
# What the tests of the agent share: a fake gateway behind a real nginx (TLS
# and static files as in the product), images, and the agent on a fake
# hypervisor. Each test has a folder of its own in $T.
bats_require_minimum_version 1.5.0

bin=$TOP/$BUILD/bin
case $BUILD in /*) bin=$BUILD/bin ;; esac

requires() {
	local c
	for c in "$@"; do
		command -v "$c" >/dev/null || skip "$c is missing"
	done
}

free_port() {
	local p
	while :; do
		# Below those that the kernel gives to clients.
		p=$((10000 + RANDOM % 20000))
		(: </dev/tcp/127.0.0.1/$p) 2>/dev/null || break
	done
	echo "$p"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "gave up waiting for: $*"
			show_logs
			return 1
		fi
		sleep 0.1
	done
}

show_logs() {
	local f
	for f in agent.log gateway.log carousel.log gw/log gw/reports nginx/error.log; do
		[ -s "$T/$f" ] || continue
		echo "--- $f"
		tail -n 40 "$T/$f"
	done
}

said() { grep -Eq -- "$1" "$T/agent.log"; }
# The fake hypervisor has read all of the disk, and it is the one published.
disk_read() { grep -Eq " 2048000 2048000 $disk" "$T"/hv/nbd-0; }
reported() { grep -Eq -- "$1" "$T/gw/reports" 2>/dev/null; }
last_report() { tail -n 1 "$T/gw/reports" 2>/dev/null | grep -Eq -- "$1"; }
asked() { grep -Ec -- "$1" "$T/nginx/access.log"; }
gone() { ! kill -0 "$1" 2>/dev/null; }

start_segment() {
	requires nginx openssl jq
	T=$(mktemp -d)
	chmod 755 "$T"
	mkdir -p "$T/gw" "$T/hv" "$T/state" "$T/nginx"
	"$bin/imagerepo" init "$T/gw" >/dev/null
	echo '{"release": "0123456789abcdef", "build_time": "2026-01-01T00:00:00Z"}' \
		>"$T/build.json"
	echo '{"gen": 1, "domus": []}' >"$T/gw/desired.json"
	http=$(free_port)
	https=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj /CN=x -keyout "$T/tls.key" -out "$T/tls.crt" \
		2>/dev/null
	pin=sha256//$(openssl x509 -in "$T/tls.crt" -noout -pubkey |
		openssl pkey -pubin -outform DER |
		openssl dgst -sha256 -binary | openssl base64 -A)
	write_nginx_conf
	start_gateway
	start_nginx
}

write_nginx_conf() {
	local user=
	[ "$(id -u)" = 0 ] && user='user root;'
	cat >"$T/nginx.conf" <<-EOT
	$user
	daemon off;
	pid $T/nginx/pid;
	worker_processes 1;
	error_log $T/nginx/error.log;
	events { worker_connections 64; }
	http {
		access_log $T/nginx/access.log;
		client_body_temp_path $T/nginx/body;
		proxy_temp_path $T/nginx/proxy;
		fastcgi_temp_path $T/nginx/f;
		uwsgi_temp_path $T/nginx/u;
		scgi_temp_path $T/nginx/s;
		keepalive_timeout 60;
		server {
			listen 127.0.0.1:$http;
			location /repo/ { root $T/gw; }
			location /boot/ { root $T; }
			location / { proxy_pass http://unix:$T/gw/sock:; }
		}
		server {
			listen 127.0.0.1:$https ssl;
			ssl_certificate $T/tls.crt;
			ssl_certificate_key $T/tls.key;
			location / {
				proxy_pass http://unix:$T/gw/sock:;
				proxy_read_timeout 90s;
				proxy_http_version 1.1;
			}
		}
	}
	EOT
}

start_nginx() {
	nginx -c "$T/nginx.conf" -e "$T/nginx/error.log" 3>&- &
	nginx_pid=$!
}

start_gateway() {
	"$bin/fake-gateway" "$T/gw" "$pin" "$https" >>"$T/gateway.log" 2>&1 3>&- &
	gateway_pid=$!
	wait_for 5 test -S "$T/gw/sock"
}

stop_gateway() {
	kill -9 "$gateway_pid"
	wait "$gateway_pid" 2>/dev/null || :
	rm -f "$T/gw/sock"
}

# A segment with a carousel, on the loopback interface.
announce_carousel() {
	air=$(free_port)
	echo '{"group": "239.255.78.83", "port": '"$air"'}' >"$T/gw/carousel"
}

start_carousel() { # OPTION...
	"$bin/carouseld" serve -i 127.0.0.1 -p "$air" -d "$T/gw/repo" -v "$@" \
		>>"$T/carousel.log" 2>&1 3>&- &
	carousel_pid=$!
	wait_for 5 grep -q 'sends' "$T/carousel.log"
}

# Bytes of a blob's ranges that nginx has sent.
sent_of() { # BLOB
	awk -v blob="$1" 'index($7, blob) && $9 == 206 { n += $10 } END { print n + 0 }' \
		"$T/nginx/access.log"
}

start_agent() {
	"$bin/gridagent" -d -g 127.0.0.1 -r "$T/gw/root.json" \
		-B "$T/build.json" --backend "fake:$T/hv" --state "$T/state" \
		--http-port "$http" --https-port "$https" "$@" \
		>>"$T/agent.log" 2>&1 3>&- &
	agent_pid=$!
}

agent_status() { # waits for its end
	wait "$agent_pid"
}

stop_segment() {
	[ -n "${T:-}" ] || return 0
	local p
	for p in ${agent_pid:-} ${carousel_pid:-} ${nginx_pid:-} ${gateway_pid:-}; do
		kill "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	rm -rf "$T"
}

sum_of() { # FILE: its digest and size as image.json has them
	printf '{"sha256": "%s", "size": %s}' \
		"$(sha256sum <"$1" | cut -d' ' -f1)" "$(stat -c %s "$1")"
}

# make_image [CMDLINE [KEYS [OPTION...]]]: publishes a disk of 500 blocks, a
# hole among them, of which a boot reads the first 100. Sets $manifest, $kernel
# and $disk (digests), and blob_path.
make_image() {
	local keys=${2:-$T/gw} cmdline=${1:-console=hvc0}
	shift $(($# < 2 ? $# : 2))
	rm -rf "$T/image" && mkdir "$T/image"
	head -c 300000 /dev/urandom >"$T/image/kernel"
	head -c 100000 /dev/urandom >"$T/image/initrd"
	head -c 2048000 /dev/urandom >"$T/image/root"
	dd if=/dev/zero of="$T/image/root" bs=4096 seek=200 count=40 \
		conv=notrunc status=none
	cat >"$T/image/image.json" <<-EOT
	{"format": 2, "name": "batch", "version": "1", "arch": "x86_64",
	"created": "2026-01-01T00:00:00Z", "cmdline": "$cmdline",
	"memory_min_mib": 32, "kernel": $(sum_of "$T/image/kernel"),
	"initrd": $(sum_of "$T/image/initrd"), "root": $(sum_of "$T/image/root")}
	EOT
	seq 0 99 >"$T/image/root.trace"
	"$bin/imagerepo" publish "$T/image" --repo "$T/gw/repo" \
		--keys "$keys" --root "$keys/root.json" --quiet "$@"
	manifest_path=$(echo "$T"/gw/repo/targets/batch/*.1.json)
	manifest=${manifest_path##*/}
	manifest=${manifest%.1.json}
	kernel=$(sha256sum <"$T/image/kernel" | cut -d' ' -f1)
	disk=$(sha256sum <"$T/image/root" | cut -d' ' -f1)
	chmod -R u+w "$T/gw/repo"
	blob_path kernel
}

# next_version: the same with 300 KB at its end changed; sets as make_image.
next_version() {
	head -c 300000 /dev/urandom |
		dd of="$T/image/root" bs=4096 seek=420 conv=notrunc status=none
	jq -c '.version = "2" | .root = '"$(sum_of "$T/image/root")" \
		"$T/image/image.json" >"$T/new"
	mv "$T/new" "$T/image/image.json"
	"$bin/imagerepo" publish "$T/image" --repo "$T/gw/repo" --keys "$T/gw" --quiet
	manifest_path=$(echo "$T"/gw/repo/targets/batch/*.2.json)
	manifest=${manifest_path##*/}
	manifest=${manifest%.2.json}
	disk=$(sha256sum <"$T/image/root" | cut -d' ' -f1)
}

# blob_path kernel|index|bundle|pack: sets $blob and $path
blob_path() {
	case $1 in
	kernel) blob=$kernel ;;
	pack) # whatever is no other
		blob=$(find "$T/gw/repo/blobs" -type f -printf '%f %s\n' |
			sort -nk2 | tail -n 1 | cut -d' ' -f1)
		;;
	*)
		blob=$(jq -r ".root.$1.sha256" "$manifest_path")
		;;
	esac
	path=$T/gw/repo/blobs/${blob:0:2}/$blob
}

# desire GEN [MANIFEST [MEMORY [VERSION]]]: one domU of it, or none
desire() {
	local domus=
	if [ -n "${2:-}" ]; then
		domus='{"id": "batch-1", "image": "batch", "image_version": "'${4:-1}'",
		"manifest": "'$2'", "memory_mib": '${3:-64}', "vcpus": 1,
		"weight": 256, "cap": 0, "mac": "00:16:3e:00:00:01",
		"config": {"node": "lab/pc1", "ip": "10.77.128.1/16"}}'
	fi
	echo '{"gen": '"$1"', "domus": ['"$domus"']}' >"$T/gw/desired.new"
	mv "$T/gw/desired.new" "$T/gw/desired.json"
}

child() { # ROLE: its process id
	local p
	# shellcheck disable=SC2013 # words of one line
	for p in $(cat "/proc/$agent_pid/task/$agent_pid/children"); do
		[ "$(cat "/proc/$p/comm")" = "grid:$1" ] || continue
		echo "$p"
		return
	done
}

running='domu id=batch-1 domid=[0-9]+ state=running'

run_domu() { # [CMDLINE]
	make_image "${1:-console=hvc0}"
	desire 2 "$manifest"
	start_agent
	wait_for 15 said "$running"
}
