#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# scripts/unpack against a Debian archive of three packages that a fake
# apt-get holds: no network.

bats_require_minimum_version 1.5.0

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	command -v dpkg-deb >/dev/null || skip "no dpkg-deb"
	cd "$BATS_TEST_TMPDIR"
	mkdir -p tree/scripts fake archive
	cp "$TOP/scripts/unpack" tree/scripts/
	printf 'install gcc\nunpack xen\nunpack linux-image-amd64\n' \
		>tree/scripts/packages
	export ARCHIVE=$PWD/archive CALLS=$PWD/calls
	make_deb xen 1:4.17 boot/xen.gz
	make_deb linux-image-6.1.0-9-amd64 6.1.9 lib/modules/6.1.0-9-amd64/modules.order
	write_fakes
	PATH=$PWD/fake:$PATH
}

make_deb() { # NAME VERSION FILE
	mkdir -p "deb/DEBIAN" "deb/$(dirname "$3")"
	echo "$1 $2" >"deb/$3"
	printf '%s\n' "Package: $1" "Version: $2" "Architecture: amd64" \
		"Maintainer: a test" "Description: a test" >deb/DEBIAN/control
	dpkg-deb --root-owner-group -b deb \
		"archive/$1_$(echo "$2" | sed 's/:/%3a/')_amd64.deb" >/dev/null
	rm -rf deb
}

# apt-get download [--print-uris] NAME[=VERSION]... and apt-cache depends.
write_fakes() {
	cat >fake/apt-get <<-'END'
	#!/bin/sh
	echo "apt-get $*" >>"$CALLS"
	uris=
	for word; do
		case $word in
		update) exit 0 ;;
		--print-uris) uris=1 ;;
		-*|download|APT::*) ;;
		*)
			spec=$(echo "$word" | sed -e 's/:/%3a/' -e 's/=/_/')
			set -- "$ARCHIVE/${spec}_"*.deb
			if [ ! -e "$1" ]; then
				echo "E: Unable to locate package $word" >&2
				exit 100
			fi
			if [ -n "$uris" ]; then
				echo "'http://archive/$(basename "$1")' $(basename "$1") 1 SHA256:0"
			else
				cp "$1" .
			fi ;;
		esac
	done
	END
	printf '#!/bin/sh\necho "  Depends: linux-image-6.1.0-9-amd64"\n' \
		>fake/apt-cache
	chmod +x fake/*
}

unpack() {
	run tree/scripts/unpack out
	echo "$output"
}

@test "the unpack packages are unpacked, the install ones are not" {
	unpack
	[ "$status" -eq 0 ]
	[ "$(cat out/root/boot/xen.gz)" = "xen 1:4.17" ]
	run ! grep -q gcc out/stamp
}

@test "a metapackage stands for the package that it points at" {
	unpack
	[ -e out/root/lib/modules/6.1.0-9-amd64/modules.order ]
	grep -qx "linux-image-6.1.0-9-amd64 6.1.9" out/stamp
}

@test "modules.dep is made, since no package script runs" {
	unpack
	[ -e out/root/lib/modules/6.1.0-9-amd64/modules.dep ]
}

@test "the stamp names packages and versions" {
	unpack
	[ "$(cat out/stamp)" = "linux-image-6.1.0-9-amd64 6.1.9
xen 1:4.17" ]
}

@test "the second time nothing is asked, downloaded or unpacked" {
	unpack
	rm "$CALLS"
	unpack
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -e "$CALLS" ]
}

@test "a newer version is fetched, the rest comes from what is there" {
	unpack
	rm archive/xen_* "$CALLS"
	make_deb xen 1:4.18 boot/xen.gz
	touch -d "1 minute" tree/scripts/packages
	unpack
	[ "$status" -eq 0 ]
	[ "$(cat out/root/boot/xen.gz)" = "xen 1:4.18" ]
	[ "$(grep -c 'download xen=1:4.18' "$CALLS")" -eq 1 ]
	[ "$(grep -c 'download linux' "$CALLS")" -eq 0 ]
}

@test "should fail: a package that nobody has, by name" {
	echo "unpack no-such" >>tree/scripts/packages
	unpack
	[ "$status" -eq 1 ]
	[[ "$output" == *"unpack: Unable to locate package no-such"* ]]
	[ ! -e out/root ]
}

@test "should fail: a broken package, which is fetched anew the next time" {
	mkdir -p out/debs
	echo broken >out/debs/xen_1%3a4.17_amd64.deb
	unpack
	[ "$status" -eq 1 ]
	[[ "$output" == *"was broken and is removed: try again"* ]]
	[ ! -e out/stamp ]
	unpack
	[ "$status" -eq 0 ]
	[ "$(cat out/root/boot/xen.gz)" = "xen 1:4.17" ]
}

@test "an unpacked tree stays until the new one is whole" {
	unpack
	rm archive/xen_*
	touch -d "1 minute" tree/scripts/packages
	unpack
	[ "$status" -eq 1 ]
	[ "$(cat out/root/boot/xen.gz)" = "xen 1:4.17" ]
}
