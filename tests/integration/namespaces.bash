# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests share that play several machines in namespaces of their own,
# as an ordinary user. One sources this and calls in_namespaces first; it has
# then $bin, a folder $tmp that goes at its end, and its verdict is that of its
# checks. What fails shows the end of the logs in $tmp.
# shellcheck disable=SC2034 # the tests use what is set here

: "${BUILD:=build}" "${TOP:=$(cd "$(dirname "$0")/../.." && pwd)}"
bin=$(cd "$TOP" && realpath "$BUILD")/bin
PATH=$PATH:/usr/sbin:/sbin
arguments=("$@")

skip()
{
	echo "$*"
	exit 77
}

# in_namespaces PROGRAM...: starts the test anew, as root of its own user,
# network, mount and process namespace, if those programs are there. With
# NAMESPACES=-nmpf it is this user that goes there.
in_namespaces()
{
	local need how=${NAMESPACES:--Urnmpf}
	if [ -z "${INSIDE:-}" ]; then
		for need in unshare nsenter ip "$@"; do
			command -v "$need" >/dev/null || skip "no $need here"
		done
		unshare "$how" --mount-proc true 2>/dev/null ||
			skip "no namespaces here"
		INSIDE=1 exec unshare "$how" --mount-proc --kill-child "$0" \
			"${arguments[@]}"
	fi
	tmp=$(mktemp -d)
	failed=0
	trap finish EXIT
	ip link set lo up
}

finish()
{
	local status=$? log
	[ "$failed" -eq 0 ] || [ $status -ne 0 ] || status=1
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		for log in "$tmp"/*.log "$tmp"/*/error.log "$tmp"/*/nginx/error.log; do
			[ -s "$log" ] || continue
			echo "--- end of ${log#"$tmp/"}"
			tail -n 20 "$log"
		done
	fi
	rm -rf "$tmp"
	exit $status
}

ok()
{
	echo "ok - $1"
}

not_ok()
{
	echo "NOT OK - $1"
	tail -n 20 "$tmp/out"
	failed=$((failed + 1))
}

# check NAME COMMAND...: it must succeed; refuse NAME COMMAND...: must not.
check()
{
	if "${@:2}" >"$tmp/out" 2>&1; then ok "$1"; else not_ok "$1"; fi
}

refuse()
{
	if "${@:2}" >"$tmp/out" 2>&1; then not_ok "$1"; else ok "$1"; fi
}

# await COMMAND...: it must succeed within 20 s
await()
{
	local end=$((SECONDS + 20))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# expect NAME COMMAND...: it must succeed in time, or the test is over.
expect()
{
	check "$1" await "${@:2}"
	[ "$failed" -eq 0 ] || exit 1
}

# Another network: a sleeping process, $ns, that holds it. Goes with the test.
namespace()
{
	local here there
	unshare -n sleep 10000 &
	ns=$!
	here=$(readlink /proc/self/ns/net)
	until there=$(readlink "/proc/$ns/ns/net") && [ "$there" != "$here" ]; do
		sleep 0.05
	done
	in_ns "$ns" ip link set lo up
}

# in_ns NS COMMAND...
in_ns()
{
	nsenter -t "$1" -n -- "${@:2}"
}

# The lines of an nginx.conf that let it run of the folder $1 alone.
nginx_folder()
{
	cat <<-END
		client_body_temp_path $1/body;
		proxy_temp_path $1/proxy;
		fastcgi_temp_path $1/fastcgi;
		uwsgi_temp_path $1/uwsgi;
		scgi_temp_path $1/scgi;
	END
}
