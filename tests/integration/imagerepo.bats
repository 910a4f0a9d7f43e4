#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagerepo: build, publish, and each way in which a repository can be bad.

setup_file() {
	export LC_ALL=C
	export PATH="${BUILD:-build}/bin:$PATH"
	PATH=$(cd "${BUILD:-build}/bin" && pwd):$PATH
	command -v mksquashfs >/dev/null || skip "no mksquashfs"
	command -v zstd >/dev/null || skip "no zstd"
	cd "$BATS_FILE_TMPDIR"

	# A system to build from, and a recipe, both small.
	mkdir -p sys/boot sys/bin sys/lib/modules/6.1-test/kernel bin
	echo kernel >sys/boot/vmlinuz-6.1-test
	echo older >sys/boot/vmlinuz-5.9-test
	cp "$(command -v imagerepo)" bin/tool
	printf '#!/bin/sh\necho sh ls "["\n' >sys/bin/busybox
	chmod +x sys/bin/busybox
	for m in a b c-d; do echo "$m" >"sys/lib/modules/6.1-test/kernel/$m.ko"; done
	printf '%s\n' 'kernel/a.ko: kernel/b.ko kernel/c-d.ko' \
		'kernel/b.ko: kernel/c-d.ko' 'kernel/c-d.ko:' \
		>sys/lib/modules/6.1-test/modules.dep
	echo kernel/in.ko >sys/lib/modules/6.1-test/modules.builtin
	mkdir -p recipe/tree/etc
	echo hello >recipe/tree/etc/motd
	ln -s motd recipe/tree/etc/issue
	cat >recipe/recipe.conf <<-END
		name tiny
		version 1
		memory 64M
		cmdline "console=hvc0"
		kernel "/boot/vmlinuz-*"
		fs squashfs
		initrd { file recipe.conf /init 0755; module a in; busybox /bin/busybox }
		root { tree tree; directory /tmp 1777; busybox /bin/busybox; link /bin/ls nowhere }
	END
	imagerepo init keys
	imagerepo build -q recipe -o v1 --from sys
	sed 's/console=hvc0/console=hvc0 quiet/' -i recipe/recipe.conf
	echo changed >recipe/tree/etc/motd
	imagerepo build -q recipe -o v2 --from sys
	imagerepo publish -q v1 --repo good --key keys/images.key
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	cp -a good "$BATS_TEST_TMPDIR/repo"
	repo=$BATS_TEST_TMPDIR/repo
}

manifest() { # of channel tiny:stable
	local hex
	hex=$(grep -o '"manifest":"[0-9a-f]*' "$repo/channels/tiny/stable.json")
	echo "$repo/manifests/${hex#*:\"}.json"
}

blob() { # of role $1
	local hex
	hex=$(grep -o "\"role\":\"$1\",\"sha256\":\"[0-9a-f]*" "$(manifest)")
	hex=${hex##*\"}
	echo "$repo/blobs/${hex:0:2}/$hex"
}

# Verify must fail and name file $1 and reason $2.
refused() {
	run imagerepo verify --repo "$repo" --root keys/root.json
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"BAD ${1#"$repo"/}"* ]]
	[[ $output == *"$2"* ]]
	[[ $output == *"to do: "* ]]
	run imagerepo verify --repo "$repo" --root keys/root.json --json
	[ "$status" -eq 1 ]
	[[ $output == *'"ok": false'* ]]
}

@test "a good repository verifies" {
	run imagerepo verify --repo "$repo" --root keys/root.json all
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"ok  tiny:stable 1-"* ]]
	imagerepo verify --repo "$repo" --root keys/root.json tiny
	imagerepo verify --repo "$repo" --root keys/root.json tiny:stable
	run imagerepo verify --repo "$repo" --root keys/root.json tiny:test
	[ "$status" -eq 1 ]
}

@test "a tampered blob is refused" {
	printf X | dd of="$(blob root)" bs=1 seek=100 conv=notrunc status=none
	refused "$(blob root)" "SHA-256"
}

@test "a truncated blob is refused" {
	truncate -s -1 "$(blob initrd)"
	refused "$(blob initrd)" "bytes instead of"
}

@test "an endless blob is refused by its size" {
	truncate -s 1G "$(blob kernel)"
	refused "$(blob kernel)" "bytes instead of"
}

@test "a missing blob is refused" {
	rm "$(blob kernel)"
	refused "$(blob kernel)" "No such file"
}

@test "publishing again repairs a damaged blob" {
	truncate -s 1 "$(blob kernel)"
	imagerepo publish -q v1 --repo "$repo" --key keys/images.key
	imagerepo verify --repo "$repo" --root keys/root.json
}

@test "an unsigned manifest is refused" {
	m=$(manifest)
	sed -E 's/"signatures":\[[^]]*\]/"signatures":[]/' "$m" >unsigned
	hex=$(sha256sum <unsigned)
	hex=${hex%% *}
	mv unsigned "$repo/manifests/$hex.json"
	run imagerepo list --repo "$repo"
	[[ $output == *"REFUSED"*"signed by 0"* ]]
	# under the name of the signed one it is not even that
	cp "$repo/manifests/$hex.json" "$m"
	refused "$m" "its SHA-256 is"
}

@test "every changed byte of a manifest is refused" {
	m=$(manifest)
	size=$(stat -c %s "$m")
	cp "$m" whole
	for at in $(seq 0 23 "$((size - 1))"); do
		cp whole "$m"
		printf '\377' | dd of="$m" bs=1 seek="$at" conv=notrunc status=none
		run imagerepo verify --repo "$repo" --root keys/root.json
		[ "$status" -eq 1 ]
	done
}

@test "a changed channel is refused" {
	sed -i 's/"version":1/"version":2/' "$repo/channels/tiny/stable.json"
	refused channels/tiny/stable.json "signature"
}

@test "a channel of another name is refused" {
	cp "$repo/channels/tiny/stable.json" "$repo/channels/tiny/test.json"
	refused channels/tiny/test.json "is the channel tiny:stable"
}

@test "a swapped manifest is refused" {
	old=$(manifest)
	imagerepo publish -q v2 --repo "$repo" --key keys/images.key
	cp "$old" "$(manifest)"
	refused "$(manifest)" "its SHA-256 is"
}

@test "an expired image is refused and publishing renews it" {
	rm -r "$repo"
	imagerepo publish -q v1 --repo "$repo" --key keys/images.key --expires 1s
	sleep 2
	refused "$(manifest)" "expired at"
	[[ $(imagerepo list --repo "$repo") == *REFUSED*expired* ]]
	imagerepo publish -q v1 --repo "$repo" --key keys/images.key
	imagerepo verify --repo "$repo" --root keys/root.json
}

@test "a key that the root document does not name cannot publish" {
	imagerepo key new "$BATS_TEST_TMPDIR/mine"
	run imagerepo publish v2 --repo "$repo" --key "$BATS_TEST_TMPDIR/mine"
	[ "$status" -eq 1 ]
	[[ $output == *"cannot publish"* ]]
	run imagerepo publish v2 --repo "$repo" --key keys/gateway.key
	[ "$status" -eq 1 ]
	run imagerepo publish v2 --repo "$repo" --key keys/images.key.pub
	[ "$status" -eq 1 ]
	diff -r good "$repo"
}

@test "a repository of another grid is refused" {
	imagerepo init "$BATS_TEST_TMPDIR/other"
	run imagerepo verify --repo "$repo" --root "$BATS_TEST_TMPDIR/other/root.json"
	[ "$status" -eq 1 ]
	run imagerepo publish v1 --repo "$repo" --key "$BATS_TEST_TMPDIR/other/images.key" \
		--root "$BATS_TEST_TMPDIR/other/root.json"
	[ "$status" -eq 1 ]
	[[ $output == *"another root document"* ]]
}

@test "init overwrites nothing" {
	cp -a keys "$BATS_TEST_TMPDIR/keys"
	rm "$BATS_TEST_TMPDIR/keys/root.json"
	run imagerepo init "$BATS_TEST_TMPDIR/keys"
	[ "$status" -eq 1 ]
	[ ! -e "$BATS_TEST_TMPDIR/keys/root.json" ]
	diff keys/images.key "$BATS_TEST_TMPDIR/keys/images.key"
}

@test "init takes a maintainer's key made elsewhere" {
	imagerepo key new "$BATS_TEST_TMPDIR/mine"
	imagerepo init "$BATS_TEST_TMPDIR/keys" --images "$BATS_TEST_TMPDIR/mine.pub"
	[ ! -e "$BATS_TEST_TMPDIR/keys/images.key" ]
	imagerepo publish -q v1 --repo "$BATS_TEST_TMPDIR/new" --key "$BATS_TEST_TMPDIR/mine" \
		--root "$BATS_TEST_TMPDIR/keys/root.json"
	imagerepo verify --repo "$BATS_TEST_TMPDIR/new" --root "$BATS_TEST_TMPDIR/keys/root.json"
}

@test "publishing twice changes nothing" {
	imagerepo publish -q v1 --repo "$repo" --key keys/images.key
	diff -r good "$repo"
}

@test "a dry run changes nothing" {
	run imagerepo publish -n v2 --repo "$repo" --key keys/images.key
	[ "$status" -eq 0 ]
	[[ $output == "would publish"* ]]
	diff -r good "$repo"
	imagerepo publish -n v2 --repo "$BATS_TEST_TMPDIR/none" --key keys/images.key
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "a new version moves the channel and keeps the old one" {
	old=$(manifest)
	imagerepo publish -q v2 --repo "$repo" --key keys/images.key
	[ "$old" != "$(manifest)" ]
	[ -e "$old" ]
	grep -q '"version":2' "$repo/channels/tiny/stable.json"
	imagerepo publish -q v1 --repo "$repo" --key keys/images.key --channel old
	imagerepo verify --repo "$repo" --root keys/root.json
	run imagerepo list --repo "$repo" --json
	[[ $output == *'"stable"'*'"old"'* ]] || [[ $output == *'"old"'*'"stable"'* ]]
}

@test "killed at any point of publishing, the repository is whole" {
	ldd "$(command -v imagerepo)" | grep -q libasan && skip "not with ASan"
	cc -shared -fPIC -O2 -D_GNU_SOURCE -o "$BATS_TEST_TMPDIR/kill-at.so" \
		"$BATS_TEST_DIRNAME/kill-at.c"
	at=0
	while :; do
		at=$((at + 1))
		[ "$at" -lt 200 ]
		rm -rf "$repo"
		cp -a good "$repo"
		if LD_PRELOAD=$BATS_TEST_TMPDIR/kill-at.so KILL_AT=$at KILL_TORN=1 \
			imagerepo publish -q v2 --repo "$repo" --key keys/images.key
		then
			break
		fi
		# old or new, but whole
		imagerepo verify --repo "$repo" --root keys/root.json
		imagerepo publish -q v2 --repo "$repo" --key keys/images.key
		imagerepo verify --repo "$repo" --root keys/root.json
		[[ $(imagerepo list --repo "$repo") != *REFUSED* ]]
		[ -z "$(ls "$repo/tmp")" ]
	done
	echo "$at calls" >&3
	[ "$at" -gt 15 ]
}

@test "two publish at once and both are there" {
	imagerepo publish -q v1 --repo "$repo" --key keys/images.key --channel one &
	imagerepo publish -q v2 --repo "$repo" --key keys/images.key --channel two &
	wait
	imagerepo verify --repo "$repo" --root keys/root.json tiny:one
	imagerepo verify --repo "$repo" --root keys/root.json tiny:two
}

@test "building twice gives the same bytes" {
	sleep 1
	(umask 077 && cd / && imagerepo build -q "$BATS_FILE_TMPDIR/recipe" \
		-o "$BATS_TEST_TMPDIR/again" --from "$BATS_FILE_TMPDIR/sys")
	for f in kernel initrd root files.txt; do
		cmp "v2/$f" "$BATS_TEST_TMPDIR/again/$f"
	done
	version=$(grep '"version"' v2/image.json)
	grep -qF "$version" "$BATS_TEST_TMPDIR/again/image.json"
	[ "$version" != "$(grep '"version"' v1/image.json)" ]
}

@test "building again in place keeps the date, SOURCE_DATE_EPOCH sets it" {
	cp -a v2 "$BATS_TEST_TMPDIR/v2"
	imagerepo build -q recipe -o "$BATS_TEST_TMPDIR/v2" --from sys
	diff -r v2 "$BATS_TEST_TMPDIR/v2"
	SOURCE_DATE_EPOCH=86400 imagerepo build -q recipe -o "$BATS_TEST_TMPDIR/v2" --from sys
	grep -q '"created": "1970-01-02T00:00:00Z"' "$BATS_TEST_TMPDIR/v2/image.json"
}

@test "the image holds what the recipe says" {
	[ "$(cat v1/kernel)" = kernel ]
	zstd -dcq v1/initrd | cpio -itv --quiet >"$BATS_TEST_TMPDIR/initrd"
	cat "$BATS_TEST_TMPDIR/initrd"
	grep -q '^-rwxr-xr-x   1 root     root .* 1970 init$' "$BATS_TEST_TMPDIR/initrd"
	[ "$(zstd -dcq v1/initrd | cpio -i --quiet --to-stdout modules/order)" = \
		"$(printf '/modules/c-d.ko\n/modules/b.ko\n/modules/a.ko')" ]
	unsquashfs -lls v1/root >"$BATS_TEST_TMPDIR/root"
	cat "$BATS_TEST_TMPDIR/root"
	grep -q '^drwxrwxrwt root/root .*/tmp$' "$BATS_TEST_TMPDIR/root"
	grep -q '/etc/issue -> motd$' "$BATS_TEST_TMPDIR/root"
	grep -q '/bin/sh -> /bin/busybox$' "$BATS_TEST_TMPDIR/root"
	grep -q '/bin/ls -> nowhere$' "$BATS_TEST_TMPDIR/root"
}

@test "a program brings its shared libraries" {
	cat >"$BATS_TEST_TMPDIR/recipe.conf" <<-END
		name prog
		version 1
		memory 64M
		cmdline ""
		kernel "/boot/vmlinuz-*"
		fs squashfs
		root { program tool }
	END
	imagerepo build -q "$BATS_TEST_TMPDIR/recipe.conf" -o "$BATS_TEST_TMPDIR/out" \
		--from sys --from / --bin bin
	cat "$BATS_TEST_TMPDIR/out/files.txt"
	unsquashfs -q -n -d "$BATS_TEST_TMPDIR/r" "$BATS_TEST_TMPDIR/out/root"
	"$BATS_TEST_TMPDIR/r/lib64/ld-linux-x86-64.so.2" --inhibit-cache \
		--library-path "$BATS_TEST_TMPDIR/r/lib/x86_64-linux-gnu" \
		--list "$BATS_TEST_TMPDIR/r/usr/bin/tool" >"$BATS_TEST_TMPDIR/ldd"
	cat "$BATS_TEST_TMPDIR/ldd"
	! grep -v "$BATS_TEST_TMPDIR/r/\|linux-vdso" "$BATS_TEST_TMPDIR/ldd"
}

@test "all errors of a recipe are told with their places" {
	cat >"$BATS_TEST_TMPDIR/recipe.conf" <<-END
		name tiny
		version 1
		memory 64M
		cmdline ""
		kernel "/boot/vmlinuz-*"
		root {
			program nothere
			file /no/file /etc/x
			module nomodule
			directory /tmp 99
			library libnothere.so.7
			link ../x y
		}
	END
	run imagerepo build -q "$BATS_TEST_TMPDIR/recipe.conf" -o "$BATS_TEST_TMPDIR/out" --from sys
	echo "$output"
	[ "$status" -eq 1 ]
	for line in 7 8 9 10 11 12; do
		[[ $output == *"recipe.conf:$line:"* ]]
	done
	[ ! -e "$BATS_TEST_TMPDIR/out/image.json" ]
}

@test "a repository behind a web server verifies and tampering shows" {
	command -v python3 >/dev/null || skip "no python3 to serve with"
	: >"$BATS_TEST_TMPDIR/http" # read before the server says anything
	(cd "$repo" && exec python3 -u -m http.server --bind 127.0.0.1 0) \
		>"$BATS_TEST_TMPDIR/http" 2>&1 3>&- &
	pid=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/http")
		[ -n "$port" ] && break
		sleep 0.1
	done
	url=http://127.0.0.1:$port
	run imagerepo verify --url "$url" --root keys/root.json tiny
	good=$status
	truncate -s -1 "$(blob root)"
	run imagerepo verify --url "$url" --root keys/root.json tiny
	kill "$pid"
	echo "$output"
	[ "$good" -eq 0 ]
	[ "$status" -eq 1 ]
	[[ $output == *"bytes instead of"* ]]
	run imagerepo verify --url "$url" --root keys/root.json all
	[ "$status" -eq 1 ]
}

@test "wrong use exits with 2" {
	for args in "" "nothing" "init" "publish v1" "verify --repo a --url b" \
		"list extra" "build recipe" "publish v1 -r r -k k -e soon"; do
		# shellcheck disable=SC2086 # words
		run imagerepo $args
		echo "$args: $status $output"
		[ "$status" -eq 2 ]
	done
	imagerepo --version
	imagerepo help >/dev/null
	imagerepo publish --help >/dev/null
}
