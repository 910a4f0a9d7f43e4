#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagerepo build and convert: disks of recipes, archives, foreign disks.

setup_file() {
	export LC_ALL=C
	PATH=$(cd "${BUILD:-build}/bin" && pwd):$PATH:/usr/sbin:/sbin
	export PATH
	cd "$BATS_FILE_TMPDIR" || exit

	mkdir -p sys/boot
	echo kernel >sys/boot/vmlinuz-6.1-test
	mkdir -p base/tree/etc child/tree/etc
	echo base >base/tree/etc/motd
	echo base >base/tree/etc/kept
	echo child >child/tree/etc/motd
	cat >base/recipe.conf <<-END
		name base
		version 1
		memory 64M
		cmdline "console=hvc0"
		kernel "/boot/vmlinuz-*"
		root { tree tree; directory /tmp 1777; link /etc/issue motd }
	END
	cat >child/recipe.conf <<-END
		name child
		version 2
		from ../base
		memory 128M
		root { tree tree }
	END
	mkdir -p files/usr/bin files/etc files/var/log
	echo prog >files/usr/bin/prog
	chmod 4755 files/usr/bin/prog
	ln -s usr/bin files/bin
	ln files/usr/bin/prog files/usr/bin/same
	echo log >files/var/log/noise
	echo id >files/etc/machine-id
	tar -C files --owner=33 --group=44 -cf files.tar .
	imagerepo build -q base -o b1 --from sys
}

setup() { cd "$BATS_FILE_TMPDIR" || exit; }

show() { debugfs -R "cat $2" "$1/root" 2>/dev/null; }
facts() { debugfs -R "stat $2" "$1/root" 2>/dev/null | tr -s ' '; }

@test "the disk is a sound ext4 of whole blocks with what the recipe says" {
	e2fsck -fn b1/root
	[ $(($(stat -c %s b1/root) % 4096)) -eq 0 ]
	[ "$(show b1 /etc/motd)" = base ]
	facts b1 /tmp | grep 'Mode: 01777'
	facts b1 /etc/issue | grep 'Fast link dest: "motd"'
}

@test "the same recipe gives the same bytes, elsewhere and later" {
	cp -a base sys "$BATS_TEST_TMPDIR"
	sleep 1
	(umask 077 && cd "$BATS_TEST_TMPDIR" && TZ=Asia/Tokyo imagerepo build -q \
		base -o again --from sys)
	for f in kernel root contents; do
		cmp "b1/$f" "$BATS_TEST_TMPDIR/again/$f"
	done
	[ "$(grep '"version"' b1/image.json)" = \
		"$(grep '"version"' "$BATS_TEST_TMPDIR/again/image.json")" ]
}

@test "a recipe from another one adds to it and replaces" {
	imagerepo build -q child -o c1 --from sys
	[ "$(show c1 /etc/motd)" = child ]
	[ "$(show c1 /etc/kept)" = base ]
	grep -q '"memory_min_mib": 128' c1/image.json
	grep -q '"cmdline": "console=hvc0"' c1/image.json
}

@test "a tar archive keeps owners and links and loses its machine's traces" {
	imagerepo convert -q tar files.tar --recipe base --name foreign -o t1 \
		--from sys
	e2fsck -fn t1/root
	[ "$(show t1 /usr/bin/prog)" = prog ]
	facts t1 /usr/bin/prog | grep 'Mode: 04755'
	facts t1 /usr/bin/prog | grep 'User: 33 Group: 44'
	facts t1 /usr/bin/same | grep 'Links: 2'
	[ "$(show t1 /etc/motd)" = base ]
	[ -z "$(show t1 /etc/machine-id)" ]
	run grep -q /var/log/noise t1/contents
	[ "$status" -eq 1 ]
	grep -q '"name": "foreign"' t1/image.json
	digest=$(sha256sum <files/usr/bin/prog)
	grep "^file./usr/bin/prog.104755.33:44.5.${digest%% *}" t1/contents
}

@test "an OCI layout becomes an image" {
	mkdir -p oci/blobs/sha256
	put() { # FILE -> "digest":...,"size":...
		local hex
		hex=$(sha256sum <"$1")
		cp "$1" "oci/blobs/sha256/${hex%% *}"
		echo "\"digest\":\"sha256:${hex%% *}\",\"size\":$(stat -c %s "$1")"
	}
	gzip -nk files.tar
	mkdir -p upper/usr/bin && : >upper/usr/bin/.wh.same
	tar -C upper -cf upper.tar .
	echo "{\"layers\":[{$(put files.tar.gz)},{$(put upper.tar)}]}" >manifest
	echo "{\"manifests\":[{$(put manifest)}]}" >oci/index.json
	imagerepo convert -q oci oci --recipe base -o o1 --from sys
	[ "$(show o1 /usr/bin/prog)" = prog ]
	run grep -q /usr/bin/same o1/contents
	[ "$status" -eq 1 ]
}

@test "a foreign disk takes the root's place" {
	command -v qemu-img >/dev/null || skip "no qemu-img"
	qemu-img convert -f raw -O qcow2 b1/root disk.qcow2
	imagerepo convert -q qcow2 disk.qcow2 --recipe base -o q1 --from sys
	cmp b1/root q1/root
	[ ! -e q1/contents ]
	imagerepo convert -q raw b1/root --recipe base -o r1 --from sys
	cmp b1/root r1/root
}

@test "a disk that names other files is refused" {
	command -v qemu-img >/dev/null || skip "no qemu-img"
	qemu-img create -q -f qcow2 -b "$PWD/b1/root" -F raw over.qcow2
	run imagerepo convert -q qcow2 over.qcow2 --recipe base -o x1 --from sys
	[ "$status" -eq 1 ]
	[[ $output == *"names other files"* ]]
	[ ! -e x1/image.json ]
}

@test "a hostile archive and one that is too large leave no image" {
	tar -cPf up.tar --transform 's|files.tar|../../up|' files.tar
	run imagerepo convert -q tar up.tar --recipe base -o x2 --from sys
	[ "$status" -eq 1 ]
	[[ $output == *"refused path"* ]]
	head -c 3000000 /dev/zero >zeros && tar -czf bomb.tar.gz zeros
	run imagerepo convert -q tar bomb.tar.gz --max-size 1M --recipe base \
		-o x2 --from sys
	[ "$status" -eq 1 ]
	[[ $output == *"more than 1 MiB"* ]]
	[ ! -e x2/image.json ] && [ ! -e x2/tmp ]
}

@test "a trace of another disk does not outlive it" {
	imagerepo build -q base -o b2 --from sys
	echo 0 >b2/root.trace
	imagerepo build -q base -o b2 --from sys
	[ -e b2/root.trace ]
	imagerepo build -q child -o b2 --from sys
	[ ! -e b2/root.trace ]
}

@test "what cannot be traced says why" {
	run imagerepo trace b1 --from sys
	[ "$status" -eq 1 ]
	[[ $output == *"b1/kernel is no Linux kernel"* ]]
}

@test "a command that packages need and that fails is told with its words" {
	command -v mmdebstrap >/dev/null || skip "no mmdebstrap"
	mkdir -p deb empty
	cat >deb/recipe.conf <<-END
		name deb
		version 1
		from ../base
		debian "bookworm" { mirror "deb [trusted=yes] file:$PWD/empty ./" }
	END
	run imagerepo build -q deb -o d1 --from sys
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"mmdebstrap failed"* ]]
	[ ! -e d1/image.json ]
}
