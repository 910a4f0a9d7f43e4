#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever a lying gateway answers our EFI loader: the PC goes to its local disk
# and says why, and nothing but the payload the loader was built for is started.
# A segment of its own, for the real gateway does not lie: dnsmasq, and an nginx with
# one lie for each MAC.
set -u
TOP=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-build}
cd "$TOP" || exit 1
PATH=$PATH:/usr/sbin:/sbin

if [ -z "${IN_NAMESPACE-}" ]; then
	IN_NAMESPACE=1 exec unshare -Urnm --kill-child -- "$0" "$@"
fi

dir=$(realpath -m "$BUILD/lab-test/efi-liar")
boot=$(realpath "$BUILD/boot")
release=$(basename "$boot"/r/*)
rm -rf "$dir"
mkdir -p "$dir/www/boot/uefi" "$dir/www/boot/r/$release" "$dir/www/boot/r/flipped" \
	"$dir/www/boot/r/longer" "$dir/www/boot/r/shorter" "$dir/nginx"

# Last byte of the MAC, what nginx does on top, the reason the loader must give.
lies=(
	"01||the gateway says so"
	"02|return 302 http://10.78.0.1/boot/uefi/01;|the gateway refuses"
	"03|return 404;|the gateway does not know this"
	"04|return 500;|the gateway refuses"
	"05|return 200 '<html></html>';|first line is not"
	"06||the gateway's answer has a wrong length"
	"07||path is not below"
	"08||the payload is not the one"
	"09||the gateway's answer has a wrong length"
	"0a||the payload is not the one"
	"0b|return 200 '';|the gateway's answer has no length"
)

grid=$boot/r/$release/grid.efi
decision()
{
	printf 'nightshift-boot 1\naction %s\n' "$2" >"$dir/www/boot/uefi/52-54-00-78-00-$1"
	[ $# -lt 3 ] || echo "path $3" >>"$dir/www/boot/uefi/52-54-00-78-00-$1"
}
decision 01 local
head -c 100000 /dev/zero | tr '\0' x >"$dir/www/boot/uefi/52-54-00-78-00-06"
decision 07 grid http://10.78.0.1/boot/r/x
decision 08 grid /boot/r/flipped/grid.efi
decision 09 grid /boot/r/longer/grid.efi
decision 0a grid /boot/r/shorter/grid.efi
# One bit of dom0; one byte more; one byte less.
cp "$grid" "$dir/www/boot/r/flipped/grid.efi"
last=$(tail -c 9 "$grid" | head -c 1 | od -An -tu1)
printf '%b' "\\0$(printf %o $((last ^ 1)))" |
	dd of="$dir/www/boot/r/flipped/grid.efi" bs=1 conv=notrunc status=none \
		seek=$(($(stat -c %s "$grid") - 9))
{ cat "$grid" && printf x; } >"$dir/www/boot/r/longer/grid.efi"
head -c -1 "$grid" >"$dir/www/boot/r/shorter/grid.efi"

{
	echo "pid $dir/nginx/pid; daemon off; error_log stderr; events {}"
	echo "http { access_log $dir/nginx/access.log; default_type text/plain;"
	for kind in client_body proxy fastcgi uwsgi scgi; do
		echo "${kind}_temp_path $dir/nginx/$kind;"
	done
	echo "server { listen 10.78.0.1:80; root $dir/www;"
	for lie in "${lies[@]}"; do
		IFS='|' read -r byte does _ <<<"$lie"
		[ -z "$does" ] || echo "location = /boot/uefi/52-54-00-78-00-$byte { $does }"
	done
	echo "} }"
} >"$dir/nginx/conf"

# nginx gives up root, which a namespace with one user cannot.
sysctl -qw net.ipv4.ip_unprivileged_port_start=0
ip link set lo up
ip link add seg0 type bridge forward_delay 0
ip addr add 10.78.0.1/16 dev seg0
ip link set seg0 up
ip tuntap add pc0 mode tap
ip link set pc0 master seg0 up
unshare --user --map-user=65534 --map-group=65534 -- \
	nginx -c "$dir/nginx/conf" -p "$dir/nginx" >"$dir/nginx.log" 2>&1 &
dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=seg0 --bind-interfaces \
	--no-ping --dhcp-range=10.78.1.1,10.78.1.250,255.255.0.0 \
	--dhcp-leasefile="$dir/leases" --enable-tftp --tftp-root="$boot/tftp" \
	--dhcp-boot=nightshift.efi,,10.78.0.1 >"$dir/dnsmasq.log" 2>&1 &

reason()
{
	tr -d '\r' <"$dir/$1.serial" | sed -n 's/.*nightshift: local disk: //p' | head -n 1
}

failed=0
for lie in "${lies[@]}"; do
	IFS='|' read -r byte _ want <<<"$lie"
	cp /usr/share/OVMF/OVMF_VARS_4M.fd "$dir/vars.fd"
	: >"$dir/$byte.serial"
	timeout 360 qemu-system-x86_64 -nodefaults -display none -no-reboot -machine q35 \
		-accel tcg,thread=multi,tb-size=256 -cpu max,-smap,-rdtscp,-xsave -smp 1 -m 512M \
		-drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
		-drive "if=pflash,format=raw,unit=1,file=$dir/vars.fd" \
		-fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=n \
		-netdev tap,id=lan,ifname=pc0,script=no,downscript=no \
		-device "virtio-net-pci,netdev=lan,mac=52:54:00:78:00:$byte,romfile=,bootindex=1" \
		-serial "file:$dir/$byte.serial" </dev/null >"$dir/$byte.qemu" 2>&1 &
	qemu=$!
	while kill -0 $qemu 2>/dev/null && [ -z "$(reason "$byte")" ]; do
		sleep 0.5
	done
	kill $qemu 2>/dev/null
	wait $qemu 2>/dev/null
	case $(reason "$byte") in
	"$want"*) echo "ok: $byte: $(reason "$byte")" ;;
	*)
		echo "FAILED: $byte: not '$want' but '$(reason "$byte")'"
		failed=1
		;;
	esac
done
if grep -aq 'Xen version' "$dir"/*.serial; then
	echo "FAILED: Xen was started"
	failed=1
fi
exit $failed
