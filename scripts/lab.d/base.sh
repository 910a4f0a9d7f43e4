# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# Small helpers of scripts/lab; uses $lab and $build.

die()
{
	echo "lab: $*" >&2
	exit 1
}

need()
{
	for file in "$@"; do
		[ -e "$file" ] || die "$file is missing; 'make artefacts' builds it"
	done
}

# A lab that a power cut ended leaves its pid behind, which may be another's now.
lab_running()
{
	[ -s "$lab/run/init.pid" ] || return 1
	running=/proc/$(cat "$lab/run/init.pid")/cmdline
	[ "$(tr '\0' ' ' 2>/dev/null <"$running")" = "sleep infinity " ]
}

in_lab()
{
	lab_running || die "not running; 'make lab' starts it"
	nsenter --target "$(cat "$lab/run/init.pid")" --user --net --mount --pid \
		--preserve-credentials --wd="$PWD" -- "$@"
}

in_central()
{
	in_lab nsenter --target "$(cat "$lab/run/central-net.pid")" --net -- "$@"
}

# await SECONDS COMMAND...: until it succeeds
await()
{
	tries=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

wait_gone()
{
	for _ in $(seq 100); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	return 1
}
