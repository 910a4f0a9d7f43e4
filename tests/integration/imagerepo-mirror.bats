#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagerepo mirror, export, import: copies of a repository over a web server
# that fails, lies and trickles.

load imagerepo.bash

setup_file() {
	load imagerepo.bash
	imagerepo_setup
	command -v nginx >/dev/null || skip "no nginx here"
	cd "$BATS_FILE_TMPDIR"
	imagerepo init keys >/dev/null
	make_images
	imagerepo publish -q v1 --repo one --keys keys
	cp -a one two
	imagerepo publish -q v2 --repo two --keys keys
}

setup() {
	imagerepo_setup
	cd "$BATS_FILE_TMPDIR"
	T=$BATS_TEST_TMPDIR
	cp -a one "$T/repo"
}

teardown() {
	unserve
	[ -z "${mirror:-}" ] || kill "$mirror" 2>/dev/null || :
}

mirror() {
	imagerepo mirror -q --to "$T/mirror" --url "$url" --root keys/root.json --json \
		--stall 1 --tries 2 "$@"
}

# A mirror serves as the repository does.
whole() {
	imagerepo verify --present --repo "$T/mirror" --root keys/root.json "$@"
}

# The mirror must fail with reason $1 and leave $2 (or nothing) as it was.
refuses() {
	run mirror tiny
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"$1"* ]]
}

new_version() {
	rm -rf "$T/repo"
	cp -a two "$T/repo"
}

@test "a mirror is whole, and the second run costs two requests" {
	serve "$T/repo"
	out=$(mirror tiny)
	[[ $out == *'"ok":true'*  ]]
	[[ $out == *'"state":"complete"'* ]]
	whole
	[ "$(find "$T/mirror/blobs" -type f | wc -l)" -ge 8 ]
	cmp "$T/repo/metadata/timestamp.json" "$T/mirror/metadata/timestamp.json"
	grep -q '"complete"' "$T/mirror/mirror.json"
	out=$(mirror tiny)
	[ "$(number "$out" requests)" -le 3 ]
	[ "$(number "$out" blobs)" = 0 ]
}

@test "a new version comes by its delta, bit by bit" {
	serve "$T/repo"
	full=$(number "$(mirror tiny)" bytes)
	new_version
	out=$(mirror tiny)
	echo "$out"
	[ "$(number "$out" packs_rebuilt)" -gt 0 ]
	[ "$(number "$out" bytes)" -lt $((full / 10)) ]
	[ "$(requests 'blobs/')" -lt 40 ]
	whole
	imagerepo diff --repo "$T/mirror" tiny/1-aaaaaaaa tiny:stable >/dev/null
}

@test "a version is skipped by another delta" {
	serve "$T/repo"
	mirror tiny
	imagerepo publish -q v2 --repo "$T/repo" --keys keys --channel test
	imagerepo publish -q v3 --repo "$T/repo" --keys keys --channel test
	imagerepo channel set -q --repo "$T/repo" --keys keys tiny:stable 3-cccccccc
	out=$(mirror tiny)
	[ "$(number "$out" packs_rebuilt)" -gt 0 ]
	whole
}

@test "a full disk ends a mirror, room lets it go on" {
	unshare -Urm true 2>/dev/null || skip "no user namespaces"
	export T
	mkdir "$T/mirror"
	run unshare -Urm bash -c '
		mount -t tmpfs -o size=1m none "$T/mirror" || exit
		imagerepo mirror -q --to "$T/mirror" --url "$T/repo" --root keys/root.json tiny
		echo "status $?"
		[ ! -e "$T/mirror/metadata/timestamp.json" ] || exit
		mount -o remount,size=20m "$T/mirror"
		imagerepo mirror -q --to "$T/mirror" --url "$T/repo" --root keys/root.json tiny &&
		imagerepo verify --present --repo "$T/mirror" --root keys/root.json'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"No space left"*"status 1"*"0 problems"* ]]
}

@test "without the old version, and with a bad delta, packs come plain" {
	new_version
	serve "$T/repo"
	out=$(mirror tiny)
	[ "$(number "$out" packs_rebuilt)" = 0 ]
	whole tiny
	rm -rf "$T/mirror" "$T/repo"
	cp -a one "$T/repo"
	mirror tiny
	new_version
	f=$(blob_file "$T/repo" deltas)
	f=$(grep -o '"deltas":\[{[^]]*' "$(manifest_file "$T/repo")" |
		grep -o '"sha256":"[0-9a-f]*' | grep -o '[0-9a-f]\{64\}')
	printf X | dd of="$T/repo/blobs/${f:0:2}/$f" bs=1 seek=200 conv=notrunc status=none
	out=$(mirror tiny)
	[ "$(number "$out" packs_rebuilt)" = 0 ]
	whole tiny
}

@test "bundle only is enough to boot, no packs" {
	serve "$T/repo"
	out=$(mirror --bundle-only tiny)
	[[ $out == *'"state":"complete"'* ]]
	[ "$(find "$T/mirror/blobs" -type f | wc -l)" -eq 4 ]
	mirror --full tiny
	whole
}

@test "a rate holds for all connections together" {
	serve "$T/repo"
	start=$(date +%s%N)
	out=$(mirror --limit-rate 3M tiny)
	took=$((($(date +%s%N) - start) / 1000000))
	# But for what may come at once.
	[ $((took * 3 * 1048)) -gt $(($(number "$out" bytes) * 8 / 10)) ]
	whole
}

@test "a killed mirror goes on where it was" {
	serve "$T/repo"
	mirror --limit-rate 300K tiny &
	pid=$!
	for _ in $(seq 100); do
		[ "$(find "$T/mirror/blobs" -type f 2>/dev/null | wc -l)" -lt 3 ] || break
		sleep 0.05
	done
	child=$(pgrep -P "$pid" -x imagerepo || echo "$pid")
	kill -KILL "$child"
	wait "$pid" || :
	[ ! -e "$T/mirror/metadata/timestamp.json" ]
	was=$(find "$T/mirror/blobs" "$T/mirror/partial" -type f -exec cat {} + | wc -c)
	[ "$was" -gt 0 ]
	total=$(find "$T/repo/blobs" -type f -exec cat {} + | wc -c)
	out=$(mirror tiny)
	[ "$(number "$out" bytes)" -lt $((total - was + 20000)) ]
	whole
	[ -z "$(ls "$T/mirror/partial")" ]
}

@test "a whole part needs no request, a damaged one is fetched again" {
	serve "$T/repo"
	mirror tiny
	f=$(blob_file "$T/mirror" bundle)
	mkdir -p "$T/mirror/partial"
	mv "$f" "$T/mirror/partial/${f##*/}"
	out=$(mirror tiny)
	[ "$(number "$out" bytes)" -lt 20000 ]
	whole
	mv "$f" "$T/mirror/partial/${f##*/}"
	printf X | dd of="$T/mirror/partial/${f##*/}" bs=1 seek=100 conv=notrunc status=none
	out=$(mirror tiny)
	[ "$(number "$out" bytes)" -gt "$(stat -c %s "$f")" ]
	whole
}

@test "a damaged blob is refused, nothing of it is visible" {
	serve "$T/repo"
	f=$(blob_file "$T/repo" bundle)
	printf X | dd of="$f" bs=1 seek=100 conv=notrunc status=none
	refuses "SHA-256"
	[ ! -e "$T/mirror/blobs/${f#"$T/repo/blobs/"}" ]
	[ ! -e "$T/mirror/metadata/timestamp.json" ]
	truncate -s -10 "$f"
	refuses "bytes instead of"
	truncate -s 1G "$f"
	refuses "more than"
	rm "$f"
	refuses "404"
}

@test "a swapped index is refused" {
	serve "$T/repo"
	cp "$(blob_file "$T/repo" bundle)" "$(blob_file "$T/repo" index)"
	refuses "more than"
}

@test "a replayed timestamp is refused, the copy stays" {
	new_version
	serve "$T/repo"
	mirror tiny
	cp "$T/mirror/metadata/timestamp.json" "$T/was"
	cp one/metadata/timestamp.json "$T/repo/metadata/timestamp.json"
	refuses "timestamp"
	cmp "$T/was" "$T/mirror/metadata/timestamp.json"
	whole tiny
}

@test "whoever has the keys of snapshot and timestamp cannot bring old lists back" {
	mkdir "$T/stolen"
	cp keys/snapshot.key keys/timestamp.key "$T/stolen"
	cp -a "$T/repo" "$T/evil"
	new_version
	serve "$T/repo"
	mirror tiny
	for _ in 1 2 3 4; do
		imagerepo refresh -f -q --repo "$T/evil" --keys "$T/stolen"
	done
	rm -rf "$T/repo"
	mv "$T/evil" "$T/repo"
	refuses rollback
	whole
}

@test "a frozen repository is refused when it has expired" {
	serve "$T/repo"
	mirror tiny
	run mirror tiny --at 2099-01-01T00:00:00Z
	[ "$status" -eq 1 ]
	[[ $output == *"expired"* ]]
}

@test "mixed metadata is refused" {
	new_version
	serve "$T/repo"
	last=$(find "$T/repo/metadata" -name '*.snapshot.json' | sort -V | tail -1)
	cp "$(find one/metadata -name '*.snapshot.json' | sort -V | tail -1)" "$last"
	refuses "snapshot"
}

@test "an endless timestamp and an endless blob end" {
	serve "$T/repo"
	mkdir -p "$T/evil"
	truncate -s 100G "$T/evil/zero"
	unserve
	serve "$T/repo" "location = /metadata/timestamp.json { alias $T/evil/zero; }"
	out=$(mirror tiny) || :
	[[ $out == *"more than"* ]]
	[ "$(number "$out" bytes)" -lt 3000000 ]
	unserve
	f=$(blob_file "$T/repo" kernel)
	serve "$T/repo" "location = ${f#"$T/repo"} { alias $T/evil/zero; }"
	out=$(mirror tiny) || :
	[[ $out == *"more than"* ]]
	[ "$(number "$out" bytes)" -lt 5000000 ]
	[ "$(du -sk "$T/mirror" | cut -f1)" -lt 10000 ]
}

@test "a server that trickles is given up" {
	f=$(blob_file "$T/repo" bundle)
	serve "$T/repo" "location = ${f#"$T/repo"} { root $T/repo; limit_rate 10; }"
	run timeout 30 imagerepo mirror -q --to "$T/mirror" --url "$url" \
		--root keys/root.json --stall 1 --tries 2 tiny
	echo "$output"
	[ "$status" -eq 1 ]
}

@test "a server that is away is told" {
	url=http://127.0.0.1:1
	refuses "127.0.0.1"
}

@test "another grid's root is refused" {
	serve "$T/repo"
	imagerepo init "$T/other" >/dev/null
	run imagerepo mirror -q --to "$T/mirror" --url "$url" --root "$T/other/root.json" tiny
	echo "$output"
	[ "$status" -eq 1 ]
	[ ! -e "$T/mirror/metadata/timestamp.json" ]
}

@test "a revoked image does not reach a mirror" {
	new_version
	serve "$T/repo"
	mirror tiny
	imagerepo revoke -q --repo "$T/repo" --keys keys tiny/2-bbbbbbbb --reason bad
	run mirror tiny/2-bbbbbbbb
	[ "$status" -eq 1 ]
	[[ $output == *"revoked"* ]]
}

@test "a watching mirror follows its list" {
	serve "$T/repo"
	v1=$(json "$(imagerepo list --repo one --json)" manifest stable)
	mkdir "$T/mirror"
	imagerepo mirror -q --to "$T/mirror" --url "$url" --root keys/root.json \
		--watch 1h --wanted "$T/mirror/wanted" 2>/dev/null 3>&- &
	mirror=$!
	until_state '"images": \[\]'
	[ -e "$T/mirror/metadata/timestamp.json" ] # early
	echo "tiny 1-aaaaaaaa $v1" >"$T/mirror/wanted"
	until_state '"complete"'
	whole
	new_version
	v2=$(json "$(imagerepo list --repo two --json)" manifest stable)
	echo "tiny 2-bbbbbbbb $v2" >"$T/mirror/wanted.new"
	mv "$T/mirror/wanted.new" "$T/mirror/wanted"
	until_state "$v2"
	until_state '"complete"'
	whole tiny/2-bbbbbbbb
	grep -q '"timestamp": [0-9]' "$T/mirror/mirror.json"
	kill "$mirror"
	wait "$mirror"
	mirror=
}

until_state() {
	for _ in $(seq 100); do
		grep -q "$1" "$T/mirror/mirror.json" 2>/dev/null && return
		sleep 0.1
	done
	cat "$T/mirror/mirror.json"
	return 1
}

@test "a mirror prunes what nobody wants" {
	serve "$T/repo"
	mirror tiny
	new_version
	before=$(find "$T/mirror/blobs" -type f | wc -l)
	mirror --prune 0 tiny/2-bbbbbbbb
	whole tiny/2-bbbbbbbb
	[ "$(ls "$T"/mirror/metadata/*.snapshot.json | wc -l)" = 1 ]
	[ "$(find "$T/mirror/blobs" -type f | wc -l)" -lt $((before + 6)) ]
	[ -z "$(find "$T/mirror/targets" -name '*.1-aaaaaaaa.json')" ]
}

@test "rot in a mirror is found, and fetched again" {
	serve "$T/repo"
	mirror tiny
	imagerepo fsck --present --repo "$T/mirror"
	f=$(blob_file "$T/mirror" bundle)
	printf X | dd of="$f" bs=1 seek=100 conv=notrunc status=none
	run imagerepo fsck --present --repo "$T/mirror"
	[ "$status" -eq 1 ]
	[[ $output == *"BAD blobs/"*"${f##*/}"* ]]
	[ "$(number "$(mirror tiny)" damaged)" = 0 ] # by size all is there
	out=$(mirror --check 0 tiny)
	[ "$(number "$out" damaged)" = 1 ]
	[ "$(number "$out" bytes)" -gt "$(stat -c %s "$f")" ]
	whole
	imagerepo fsck --present --repo "$T/mirror"
	# not again before its time
	printf X | dd of="$f" bs=1 seek=100 conv=notrunc status=none
	[ "$(number "$(mirror --check 1h tiny)" damaged)" = 0 ]
	[ "$(number "$(mirror --check 0 tiny)" damaged)" = 1 ]
	whole
}

@test "a thousand flipped bytes reach no mirror" {
	for round in 1 2 3 4 5 6 7 8 9 10; do
		new_version
		find "$T/repo" -type f ! -name '.*' >"$T/files"
		# shellcheck disable=SC2046 # names without spaces
		flip-bytes 100 "$round" $(cat "$T/files")
		imagerepo mirror -q --to "$T/mirror" --url "$T/repo" --tries 1 \
			--root keys/root.json tiny 2>/dev/null || :
		# whatever is there is what its name says
		imagerepo-library fsck "$T/mirror"
	done
	new_version
	imagerepo mirror -q --to "$T/mirror" --url "$T/repo" --root keys/root.json tiny
	whole
}

@test "a mirror of a mirror" {
	serve "$T/repo"
	mirror tiny
	imagerepo mirror -q --to "$T/second" --url "$T/mirror" --root keys/root.json tiny
	imagerepo verify --present --repo "$T/second" --root keys/root.json
}

@test "export and import carry images without a network" {
	imagerepo export -q --repo two -o "$T/a.tar" tiny:stable
	imagerepo export -q --repo two -o "$T/b.tar" tiny/2-bbbbbbbb
	cmp "$T/a.tar" "$T/b.tar" # the same image, the same bytes
	tar tf "$T/a.tar" | tail -1 | grep -q metadata/timestamp.json
	imagerepo import --to "$T/mirror" --root keys/root.json "$T/a.tar"
	whole
	[ -z "$(ls "$T/mirror/partial")" ]
	# an older file is a rollback
	imagerepo export -q --repo one -o "$T/old.tar" tiny
	run imagerepo import --to "$T/mirror" --root keys/root.json "$T/old.tar"
	echo "$output"
	[ "$status" -eq 1 ]
	whole
}

@test "a tampered, truncated or hostile file is not imported" {
	imagerepo export -q --repo one -o "$T/a.tar" tiny
	size=$(stat -c %s "$T/a.tar")
	for at in 600 20000 $((size / 2)) $((size - 14000)); do
		cp "$T/a.tar" "$T/bad.tar"
		printf '\252\252\252\252' | dd of="$T/bad.tar" bs=1 seek="$at" conv=notrunc status=none
		run imagerepo import -q --to "$T/mirror" --root keys/root.json "$T/bad.tar"
		echo "$at: $output"
		# what lies between the files is nobody's
		[ "$status" -eq 1 ] || whole
		rm -rf "$T/mirror"
	done
	head -c $((size / 3)) "$T/a.tar" >"$T/bad.tar"
	run imagerepo import -q --to "$T/mirror" --root keys/root.json "$T/bad.tar"
	[ "$status" -eq 1 ]
	[ ! -e "$T/mirror/metadata/timestamp.json" ]
	mkdir "$T/x"
	echo evil >"$T/x/evil"
	tar cf "$T/bad.tar" -P -C "$T/x" --transform 's,^,metadata/../../,' evil
	run imagerepo import -q --to "$T/mirror" --root keys/root.json "$T/bad.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"more than a repository"* ]]
	[ ! -e "$T/evil" ] && [ ! -e "$T/mirror/evil" ]
	ln -s /etc/passwd "$T/x/link"
	mkdir "$T/x/metadata"
	mv "$T/x/link" "$T/x/metadata/1.root.json"
	tar cf "$T/bad.tar" -C "$T/x" metadata/1.root.json
	run imagerepo import -q --to "$T/mirror" --root keys/root.json "$T/bad.tar"
	[ "$status" -eq 1 ]
}
