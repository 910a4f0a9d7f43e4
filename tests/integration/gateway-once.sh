#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gateway's cache: 200 nodes ask for parts of the same packs in the same
# second, and each byte crosses the uplink once. One network namespace, where
# every address of the segment is ours.
set -eu

# shellcheck source=tests/integration/namespaces.bash
. "$(dirname "$0")/namespaces.bash"
in_namespaces nginx curl
nodes=200
part=5000

ip addr add 10.99.0.2/32 dev lo
ip route add local 10.77.0.0/16 dev lo

# The central: its uplink is slow, so that everybody comes while it works.
mkdir -p "$tmp"/central/repo/{metadata,blobs/ab} "$tmp/boot"
pack=$(printf 'ab%062d' 1) other=$(printf 'ab%062d' 2)
head -c $((nodes * part)) /dev/urandom >"$tmp/central/repo/blobs/ab/$pack"
head -c 300000 /dev/urandom >"$tmp/central/repo/blobs/ab/$other"
echo 'first' >"$tmp/central/repo/metadata/timestamp.json"
echo 'snap' >"$tmp/central/repo/metadata/7.snapshot.json"
cat >"$tmp/central/nginx.conf" <<END
user root;
pid $tmp/central/pid;
error_log $tmp/central/error.log;
events { }
http {
	log_format sent '\$uri \$status \$body_bytes_sent';
	access_log $tmp/central/sent sent;
$(nginx_folder "$tmp/central")
	server {
		listen 10.99.0.2:8080;
		location /repo/ { root $tmp/central; }
		location /repo/blobs/ { root $tmp/central; limit_rate 500k; }
	}
}
END
nginx -c "$tmp/central/nginx.conf" -g 'daemon off;' 2>"$tmp/central.log" &
central=$!

"$bin/fake-node" keys "$tmp"
echo secret >"$tmp/site.token"
cat >"$tmp/nightshift.conf" <<END
segment lab {
	interface lo; address 10.77.0.1/16; domu-range 10.77.128.0/17
	state $tmp/state; boot $tmp/boot
	key $tmp/gateway.key; root $tmp/root.json
	central {
		url https://10.99.0.2:8443; repo http://10.99.0.2:8080
		pin sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
		token-file $tmp/site.token
	}
	node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; boot grid }
}
END
check "files are generated" "$bin/gatewayd" -f "$tmp/nightshift.conf" -g "$tmp/gen"
nginx -c "$tmp/gen/nginx.conf" -g 'daemon off;' 2>"$tmp/nginx.log" &
expect "the gateway's nginx runs" \
	curl -sf http://10.77.0.1/repo/metadata/timestamp.json

sent() # PATH: how often and how many bytes crossed the uplink
{
	awk -v p="$1" '$1 == p { n++; b += $3 } END { print n + 0, b + 0 }' \
		"$tmp/central/sent"
}

# Half of the nodes by HTTP/1.1, half by HTTP/2.
ask() # NODE PATH [CURL-ARGS...]
{
	local node=$1 path=$2 from how
	shift 2
	from=10.77.$((1 + node / 200)).$((1 + node % 200))
	if [ $((node % 2)) = 0 ]; then
		how="http://10.77.0.1/repo"
	else
		how="--http2-prior-knowledge http://10.77.0.1:8080/repo"
	fi
	# shellcheck disable=SC2086  # an option and an address
	curl -sSf -m 60 --interface "$from" "$@" $how/$path
}

asking=()
for ((n = 0; n < nodes; n++)); do
	ask $n "blobs/ab/$pack" -r $((n * part))-$((n * part + part - 1)) \
		-o "$tmp/part-$(printf %03d $n)" -w '%{http_code}\n' \
		>"$tmp/status-$n" 2>&1 &
	asking+=($!)
done
wait "${asking[@]}" || :
check "all $nodes were answered with a part" \
	test "$(cat "$tmp"/status-* | sort | uniq -c | xargs)" = "$nodes 206"
cat "$tmp"/part-* >"$tmp/whole"
check "the parts are the pack" cmp "$tmp/whole" "$tmp/central/repo/blobs/ab/$pack"
check "each byte crossed the uplink once: $(sent "/repo/blobs/ab/$pack")" \
	test "$(sent "/repo/blobs/ab/$pack")" = "1 $((nodes * part))"

# A node that leaves in the middle costs nobody anything.
ask 1 "blobs/ab/$other" -o "$tmp/left" -m 0.2 2>/dev/null || :
check "the next one gets it whole" ask 2 "blobs/ab/$other" -o "$tmp/stayed"
check "and right" cmp "$tmp/stayed" "$tmp/central/repo/blobs/ab/$other"
check "no byte of it crossed twice" \
	test "$(sent "/repo/blobs/ab/$other")" = "1 300000"

is() # TEXT PATH: by both versions of HTTP
{
	[ "$(ask 1 "$2")" = "$1" ] && [ "$(ask 2 "$2")" = "$1" ]
}
check "metadata" is snap metadata/7.snapshot.json
check "it is kept" test "$(sent /repo/metadata/7.snapshot.json | cut -d' ' -f1)" = 1
echo 'second' >"$tmp/central/repo/metadata/timestamp.json"
check "a new timestamp is seen within seconds" await is second metadata/timestamp.json
not_there() { [ "$(ask 1 "$1" -w '%{http_code}' -o /dev/null 2>/dev/null)" = 404 ]; }
check "there is no next root" not_there metadata/2.root.json
echo root >"$tmp/central/repo/metadata/2.root.json"
check "and then there is" await is root metadata/2.root.json

# A pack that was damaged on its way is fetched anew for the mirror, and then
# right for everybody.
bad=$tmp/central/repo/blobs/ab/$(printf 'ab%062d' 3)
printf 'wrong' >"$bad"
check "a damaged blob is cached" is wrong "blobs/ab/${bad##*/}"
printf 'right' >"$bad"
is_for_mirror() { [ "$(curl -sSf -H "Cache-Control: ${3:-}" "http://127.0.0.1:8080/repo/$2")" = "$1" ]; }
check "the mirror sees the cache" is_for_mirror wrong "blobs/ab/${bad##*/}"
check "no node has it fetched anew" \
	test "$(ask 1 "blobs/ab/${bad##*/}" -H 'Cache-Control: no-cache')" = wrong
check "the mirror does" is_for_mirror right "blobs/ab/${bad##*/}" no-cache
check "for everybody" is right "blobs/ab/${bad##*/}"

kill $central
wait $central || :
sleep 2.5
check "the old timestamp is served while the central is away" \
	is second metadata/timestamp.json
check "packs are" ask 3 "blobs/ab/$pack" -o /dev/null

# What the mirror has comes from there.
mkdir -p "$tmp/state/mirror/metadata"
echo third >"$tmp/state/mirror/metadata/timestamp.json"
check "the mirror is asked first" is third metadata/timestamp.json
check "but by nobody of itself" is_for_mirror second metadata/timestamp.json
check "where it has metadata, it knows of all roots" not_there metadata/9.root.json
check "nothing else of the mirror is shown" not_there mirror.json
