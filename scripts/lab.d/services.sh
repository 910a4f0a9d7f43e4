# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# The real services of gateway and central. Each runs in the foreground of its
# own session, its log in $lab/log/NAME.log, its pid (inside the namespace) in
# $lab/run/NAME.pid.

services="centrald central-nginx gatewayd gateway-nginx gateway-mirror gateway-carousel gateway-dnsmasq"

# nginx and dnsmasq change to another user when they start as root, which a
# namespace with one user cannot: nginx runs as that one user without root's
# rights, and the namespace lets anybody bind low ports; dnsmasq's --no-daemon
# leaves users alone.
service_start()
{
	service_alive "$1" && die "$1 runs already"
	# shellcheck disable=SC2046  # lists of words
	case $1 in
	centrald)
		launch "$1" in_central "$build/bin/centrald" -f "$lab/central.conf"
		;;
	gatewayd)
		launch "$1" in_lab "$build/bin/gatewayd" -f "$lab/nightshift.conf"
		;;
	central-nginx)
		launch "$1" in_central unshare --user --map-user=65534 --map-group=65534 -- \
			nginx -c "$lab/central/nginx.conf" -g "daemon off;"
		;;
	gateway-nginx)
		launch "$1" in_lab unshare --user --map-user=65534 --map-group=65534 -- \
			nginx -c "$lab/gateway/nginx.conf" -g "daemon off;"
		;;
	gateway-mirror)
		launch "$1" in_lab "$build/bin/imagerepo" mirror $(repo_env MIRROR)
		;;
	gateway-carousel)
		launch "$1" in_lab "$build/bin/carouseld" serve $(repo_env CAROUSEL)
		;;
	gateway-dnsmasq)
		launch "$1" in_lab dnsmasq --no-daemon \
			"--conf-file=${LAB_DNSMASQ_CONF:-$lab/gateway/dnsmasq.conf}"
		;;
	*) die "no service '$1'; there are: $services" ;;
	esac
}

# The arguments that gatewayd wrote for a service.
repo_env()
{
	(
		# shellcheck disable=SC1091  # made by gatewayd
		. "$lab/gateway/repo.env"
		case $1 in
		MIRROR) echo "$MIRROR" ;;
		CAROUSEL) echo "$CAROUSEL" ;;
		esac
	)
}

# launch NAME in_lab|in_central COMMAND...
launch()
{
	name=$1
	where=$2
	shift 2
	rm -f "$lab/run/$name.pid"
	# shellcheck disable=SC2016  # for the inner shell
	"$where" setsid sh -c 'echo $$ >"$1"; log=$2; shift 2; exec "$@" >>"$log" 2>&1 </dev/null' \
		sh "$lab/run/$name.pid" "$lab/log/$name.log" "$@" \
		>/dev/null 2>&1 &
	await 5 test -s "$lab/run/$name.pid" || die "$name does not start"
}

service_alive()
{
	[ -s "$lab/run/$1.pid" ] && in_lab kill -0 "$(cat "$lab/run/$1.pid")" 2>/dev/null
}

service_kill()
{
	[ -s "$lab/run/$1.pid" ] || die "$1 does not run; see 'lab status'"
	in_lab kill -KILL "$(cat "$lab/run/$1.pid")"
	await 5 service_dead "$1" || die "$1 does not die"
	rm -f "$lab/run/$1.pid"
}

service_dead()
{
	! service_alive "$1"
}

service_restart()
{
	service_kill "$1"
	service_start "$1"
}

# service_ready NAME COMMAND...: it answers, or this says why not
service_ready()
{
	name=$1
	shift
	await 15 "$@" || {
		tail -n 20 "$lab/log/$name.log" >&2
		die "$name does not answer; its log is $lab/log/$name.log"
	}
}

services_up()
{
	"$build/bin/centrald" -f "$lab/central.conf" -g "$lab/central" >"$lab/log/setup.log"
	service_start centrald
	service_ready centrald curl -fsS --unix-socket "$lab/central/centrald.sock" http://central/v1/nodes
	service_start central-nginx
	service_ready central-nginx in_central curl -fsS http://10.99.0.2:8080/repo/metadata/timestamp.json

	write_gateway_config
	"$build/bin/gatewayd" -f "$lab/nightshift.conf" -g "$lab/gateway" >>"$lab/log/setup.log"
	# Walls before wires.
	in_lab "$build/bin/gatewayd" -f "$lab/nightshift.conf" -w
	in_lab ip link set seg0 up
	service_start gatewayd
	service_ready gatewayd curl -fsS --unix-socket "$lab/gateway/gatewayd.sock" http://gateway/v1/admin/nodes
	service_start gateway-nginx
	service_ready gateway-nginx in_lab curl -fsS http://10.77.0.1/repo/metadata/timestamp.json
	service_start gateway-mirror
	service_ready gateway-mirror test -s "$lab/gateway/mirror/mirror.json"
	service_start gateway-carousel
	service_start gateway-dnsmasq
	# Where gatewayd looks for whom to tell of new reservations.
	cp "$lab/run/gateway-dnsmasq.pid" "$lab/gateway/dnsmasq.pid"
	service_ready gateway-dnsmasq eval "in_lab ss -ulnH | grep -q :67"
	"$build/bin/gridctl" --config "$lab/gridctl.conf" workspace apply "$lab/workspace.conf" >>"$lab/log/setup.log"
}
