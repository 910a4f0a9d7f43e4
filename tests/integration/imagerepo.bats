#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagerepo: a maintainer's day, and each way in which a repository can be bad.

load imagerepo.bash
load kill-at.bash
bats_require_minimum_version 1.5.0

setup_file() {
	load imagerepo.bash
	imagerepo_setup
	cd "$BATS_FILE_TMPDIR"
	imagerepo init keys >/dev/null
	make_images
	imagerepo publish -q v1 --repo good --keys keys
	cp -a good one # before the second version
	imagerepo publish -q v2 --repo good --keys keys
}

setup() {
	imagerepo_setup
	cd "$BATS_FILE_TMPDIR"
	repo=$BATS_TEST_TMPDIR/repo
	cp -a good "$repo"
}

verify() {
	imagerepo verify --repo "$repo" --root keys/root.json "$@"
}

# Verify must fail, name $1 (a path below the repository) and the reason $2.
refused() {
	run verify
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"BAD ${1#"$repo"/}"* ]]
	[[ $output == *"$2"* ]]
	[[ $output == *"to do: "* ]]
	run verify --json
	[ "$status" -eq 1 ]
	[[ $output == *'"ok": false'* ]]
}

version_of() { # a channel
	json "$(imagerepo list --repo "$repo" --json)" version "$1"
}

@test "a good repository verifies, all of it or one image" {
	run verify
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"ok   tiny/1-aaaaaaaa.json"* ]]
	[[ $output == *"0 problems"* ]]
	verify tiny
	verify tiny:stable
	verify tiny/1-aaaaaaaa
	run verify tiny:test
	[ "$status" -eq 1 ]
	run verify --json
	[[ $output == *'"ok": true'* ]]
}

@test "list says versions and channels" {
	run imagerepo list --repo "$repo"
	echo "$output"
	[[ $output == *"tiny"*"2-bbbbbbbb"*"stable"* ]]
	[[ $output == *"tiny"*"1-aaaaaaaa"*" - "* ]]
	run imagerepo channel list --repo "$repo"
	[[ $output == *"tiny:stable"*"2-bbbbbbbb"*"1-aaaaaaaa"* ]]
}

@test "publishing again changes nothing" {
	find "$repo" -type f -exec sha256sum {} + | sort >"$BATS_TEST_TMPDIR/before"
	run imagerepo publish v2 --repo "$repo" --keys keys
	echo "$output"
	[[ $output == *"published already"* ]]
	find "$repo" -type f -exec sha256sum {} + | sort | diff "$BATS_TEST_TMPDIR/before" -
}

@test "publishing past half of the time signs anew" {
	cp "$repo/metadata/timestamp.json" "$BATS_TEST_TMPDIR/was"
	imagerepo publish -q v2 --repo "$repo" --keys keys --timestamp-expires 20d
	run ! cmp -s "$repo/metadata/timestamp.json" "$BATS_TEST_TMPDIR/was"
	verify
}

@test "a dry run writes nothing" {
	rm -rf "$repo"
	cp -a one "$repo"
	find "$repo" -type f -exec sha256sum {} + | sort >"$BATS_TEST_TMPDIR/before"
	run imagerepo publish -n v2 --repo "$repo" --keys keys
	echo "$output"
	[[ $output == *"would publish tiny 2-bbbbbbbb"*"delta from tiny 1-aaaaaaaa"* ]]
	imagerepo channel set -n --repo "$repo" --keys keys tiny:test 1-aaaaaaaa
	imagerepo revoke -n --repo "$repo" --keys keys tiny/1-aaaaaaaa --reason x
	find "$repo" -type f -exec sha256sum {} + | sort | diff "$BATS_TEST_TMPDIR/before" -
	imagerepo publish -n v1 --repo "$BATS_TEST_TMPDIR/none" --keys keys
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "a version never changes" {
	cp -r v2 "$BATS_TEST_TMPDIR/other"
	echo other >"$BATS_TEST_TMPDIR/other/kernel"
	draft "$BATS_TEST_TMPDIR/other" 2-bbbbbbbb
	run imagerepo publish "$BATS_TEST_TMPDIR/other" --repo "$repo" --keys keys
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"versions never change"* ]]
}

@test "foreign keys cannot publish" {
	imagerepo init "$BATS_TEST_TMPDIR/foreign" >/dev/null
	rm -r "$BATS_TEST_TMPDIR/foreign/metadata"
	draft v1 1-aaaaaaaa
	run imagerepo publish v1 --repo "$repo" --keys "$BATS_TEST_TMPDIR/foreign" --channel test
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"cannot publish tiny"* ]]
	verify
}

@test "diff names packages, files and bytes" {
	run imagerepo diff --repo "$repo" tiny/1-aaaaaaaa tiny:stable
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"* libc 2.36 -> 2.37"* ]]
	[[ $output == *"packages: 0 added, 0 removed, 1 changed"* ]]
	[[ $output == *"+ /etc/new"* ]]
	[[ $output == *"* /bin/sh"* ]]
	[[ $output == *"files: 1 added, 0 removed, 1 changed"* ]]
	[[ $output == *"delta: "* ]]
	run imagerepo diff --repo "$repo" --json v1 tiny:stable
	[[ $output == *'"change": "changed"'* ]]
	out=$(imagerepo diff --repo "$repo" --json tiny/1-aaaaaaaa tiny:stable)
	[ "$(number "$out" new)" -gt 0 ]
	[ "$(number "$out" new)" -lt "$(number "$out" shared)" ]
	[ "$(number "$out" delta)" -lt "$(number "$out" new)" ]
	run imagerepo diff --repo "$repo" tiny:stable tiny:stable
	[[ $output == *"0 added, 0 removed, 0 changed"* ]]
}

@test "deltas lead from what is tried and from what all have" {
	rm -rf "$repo"
	cp -a one "$repo"
	imagerepo publish -q v2 --repo "$repo" --keys keys --channel test
	imagerepo publish -q v3 --repo "$repo" --keys keys --channel test
	for from in 1-aaaaaaaa 2-bbbbbbbb; do
		out=$(imagerepo diff --repo "$repo" --json "tiny/$from" tiny:test)
		[ "$(number "$out" delta)" -gt 0 ]
	done
	imagerepo fsck --repo "$repo"
	# lost, they come back
	rm "$repo"/blobs/*/*
	imagerepo publish -q v1 --repo "$repo" --keys keys
	imagerepo publish -q v2 --repo "$repo" --keys keys --channel test
	imagerepo publish -q v3 --repo "$repo" --keys keys --channel test
	verify
}

@test "a channel goes back and forth" {
	imagerepo channel rollback --repo "$repo" --keys keys tiny:stable
	[ "$(version_of stable)" = 1-aaaaaaaa ]
	imagerepo channel rollback -q --repo "$repo" --keys keys tiny:stable
	[ "$(version_of stable)" = 2-bbbbbbbb ]
	imagerepo channel set -q --repo "$repo" --keys keys tiny:test 1-aaaaaaaa
	[ "$(version_of test)" = 1-aaaaaaaa ]
	run imagerepo channel rollback --repo "$repo" --keys keys tiny:test
	[ "$status" -eq 1 ]
	[[ $output == *"nowhere else before"* ]]
	run imagerepo channel set --repo "$repo" --keys keys tiny:test 9-99999999
	[ "$status" -eq 1 ]
	verify
}

@test "a revoked version is no target, its channel goes back" {
	imagerepo revoke --repo "$repo" --keys keys tiny/2-bbbbbbbb --reason "bad libc"
	[ "$(version_of stable)" = 1-aaaaaaaa ]
	run verify tiny/2-bbbbbbbb
	[ "$status" -eq 1 ]
	[[ $output == *"revoked"* ]]
	verify
	grep -q '"reason":"bad libc"' "$repo"/metadata/*.maintainer.json
	run imagerepo revoke --repo "$repo" --keys keys tiny/2-bbbbbbbb --reason again
	[ "$status" -eq 1 ]
	[[ $output == *"revoked already"* ]]
	imagerepo revoke --repo "$repo" --keys keys tiny/2-bbbbbbbb --undo
	verify tiny/2-bbbbbbbb
	[ "$(version_of stable)" = 1-aaaaaaaa ]
}

@test "a channel whose only version is revoked ends" {
	rm -rf "$repo"
	cp -a one "$repo"
	imagerepo revoke -q --repo "$repo" --keys keys tiny/1-aaaaaaaa --reason old
	run imagerepo list --repo "$repo"
	[[ $output == *"no images"* ]]
}

@test "gc removes what nobody names, and only that" {
	imagerepo gc --repo "$repo" --grace 0
	[ "$(number "$(imagerepo gc --repo "$repo" --grace 0 --json)" swept)" = 0 ]
	verify
	imagerepo revoke -q --repo "$repo" --keys keys tiny/2-bbbbbbbb --reason bad
	out=$(imagerepo gc -n --repo "$repo" --grace 0 --json)
	[ "$(number "$out" swept)" -gt 2 ]
	imagerepo revoke -q --repo "$repo" --keys keys tiny/2-bbbbbbbb --undo
	verify # nothing was touched
	imagerepo revoke -q --repo "$repo" --keys keys tiny/2-bbbbbbbb --reason bad
	[ "$(number "$(imagerepo gc --repo "$repo" --json)" swept)" = 0 ] # too young
	[ "$(ls "$repo"/metadata/*.snapshot.json | wc -l)" -gt 1 ]
	out=$(imagerepo gc -n --repo "$repo" --grace 0 --json)
	[ "$(number "$(imagerepo gc --repo "$repo" --grace 0 --json)" swept)" = "$(number "$out" swept)" ]
	# of the metadata what is in force is left, and all root documents
	[ "$(ls "$repo"/metadata/*.snapshot.json | wc -l)" = 1 ]
	[ "$(ls "$repo"/metadata/*.maintainer.json | wc -l)" = 1 ]
	[ -e "$repo/metadata/1.root.json" ]
	verify
	imagerepo fsck --repo "$repo"
	run imagerepo revoke --repo "$repo" --keys keys tiny/2-bbbbbbbb --undo
	[ "$status" -eq 1 ]
}

@test "fsck finds a flipped bit in a pack" {
	imagerepo fsck --repo "$repo"
	index=$(basename "$(blob_file "$repo" index)")
	for f in "$repo"/blobs/*/*; do
		[ "$(stat -c %s "$f")" -lt 500000 ] || [ "${f##*/}" = "$index" ] || break
	done
	printf X | dd of="$f" bs=1 seek=1000 conv=notrunc status=none
	run imagerepo fsck --repo "$repo"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"BAD blobs/"*"${f##*/}"* ]]
	refused "$f" "SHA-256"
}

@test "a tampered, truncated, endless or lost blob is refused" {
	for what in kernel initrd contents index bundle; do
		f=$(blob_file "$repo" "$what")
		cp "$f" "$BATS_TEST_TMPDIR/whole"
		printf '\377' | dd of="$f" bs=1 seek=3 conv=notrunc status=none
		refused "$f" "SHA-256"
		cp "$BATS_TEST_TMPDIR/whole" "$f"
		truncate -s -1 "$f"
		refused "$f" "bytes instead of"
		truncate -s 1G "$f"
		refused "$f" "more than"
		rm "$f"
		refused "$f" "No such file"
		cp "$BATS_TEST_TMPDIR/whole" "$f"
	done
	verify
}

@test "swapped blobs are refused" {
	a=$(blob_file "$repo" kernel)
	b=$(blob_file "$repo" initrd)
	cp "$a" "$BATS_TEST_TMPDIR/a"
	cp "$b" "$a"
	cp "$BATS_TEST_TMPDIR/a" "$b"
	run verify
	[ "$status" -eq 1 ]
	[[ $output == *"2 problems"* ]]
}

@test "a changed, foreign or swapped manifest is refused" {
	f=$(manifest_file "$repo")
	cp "$f" "$BATS_TEST_TMPDIR/whole"
	sed -i 's/"memory_min_mib":64/"memory_min_mib":65/' "$f"
	refused "$f" "not what was signed"
	cp "$repo"/targets/tiny/*.1-aaaaaaaa.json "$f"
	refused "$f" "not what was signed"
	cp "$BATS_TEST_TMPDIR/whole" "$f"
	verify
}

@test "changed metadata of any role is refused" {
	for f in timestamp 1.root; do
		cp "$repo/metadata/$f.json" "$BATS_TEST_TMPDIR/whole"
		sed -i 's/"expires":"20/"expires":"21/' "$repo/metadata/$f.json"
		run verify
		[ "$status" -eq 1 ] || [ "$f" = 1.root ] # --root is ours
		cp "$BATS_TEST_TMPDIR/whole" "$repo/metadata/$f.json"
	done
	for f in snapshot targets maintainer; do
		last=$(find "$repo/metadata" -name "*.$f.json" | sort -V | tail -1)
		cp "$last" "$BATS_TEST_TMPDIR/whole"
		sed -i 's/"expires":"20/"expires":"21/' "$last"
		refused metadata ""
		cp "$BATS_TEST_TMPDIR/whole" "$last"
		truncate -s 5M "$last"
		refused metadata ""
		cp "$BATS_TEST_TMPDIR/whole" "$last"
	done
	verify
}

@test "expired metadata is refused" {
	verify --at 2026-01-01T00:00:00Z
	run verify --at 2199-01-01T00:00:00Z
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"expired"* ]]
	[[ $output == *"imagerepo refresh"* ]]
}

@test "another grid's repository is refused" {
	imagerepo init "$BATS_TEST_TMPDIR/other" >/dev/null
	run imagerepo verify --repo "$repo" --root "$BATS_TEST_TMPDIR/other/root.json"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"BAD metadata"* ]]
}

@test "killed at any point of publishing, the repository is whole" {
	at=0 step=1
	while :; do
		at=$((at + step))
		[ "$at" -lt 2000 ]
		rm -rf "$repo"
		cp -a one "$repo"
		kill_at "$at" imagerepo publish -q v2 --repo "$repo" --keys keys && break
		verify >/dev/null # old or new, but whole
		[ "$at" -lt 12 ] || step=7
	done
	[ "$at" -gt 20 ]
	rm -rf "$repo"
	cp -a one "$repo"
	kill_at $((at - 3 * step)) imagerepo publish -q v2 --repo "$repo" --keys keys || :
	imagerepo publish -q v2 --repo "$repo" --keys keys
	verify
	[ "$(version_of stable)" = 2-bbbbbbbb ]
	[ -z "$(ls "$repo/tmp")" ]
}

# A file system of $1 KiB in $T/small, for the rest of a test in a namespace of
# its own.
on_small_disk() {
	local size=$1
	shift
	unshare -Urm true 2>/dev/null || skip "no user namespaces"
	mkdir -p "$BATS_TEST_TMPDIR/small"
	# shellcheck disable=SC2016
	unshare -Urm bash -c 'mount -t tmpfs -o size="$1"k none "$2" && shift 2 && eval "$*"' \
		- "$size" "$BATS_TEST_TMPDIR/small" "$@"
}

@test "a full disk leaves the old state, in order" {
	export one=$PWD/one small=$BATS_TEST_TMPDIR/small
	need=$(du -sk one | cut -f1)
	for more in 60 150 400 1000; do
		run on_small_disk $((need + more)) '
			cp -a "$one/." "$small" &&
			{ imagerepo publish -q v2 --repo "$small" --keys keys; echo "status $?"; } &&
			imagerepo verify --repo "$small" --root keys/root.json &&
			imagerepo channel list --repo "$small"'
		echo "$more: $output"
		[ "$status" -eq 0 ]
		case $output in
		*"status 0"*) [[ $output == *"tiny:stable"*" 2-bbbbbbbb"* ]] && full=$more ;;
		*) [[ $output == *"No space"* && $output == *"tiny:stable"*" 1-aaaaaaaa"* ]] ;;
		esac
	done
	[ "$full" -gt 60 ]
}

@test "two publish at once and both are there" {
	rm -rf "$repo"
	imagerepo publish -q v1 --repo "$repo" --keys keys --channel one &
	imagerepo publish -q v2 --repo "$repo" --keys keys --channel two &
	wait
	verify tiny:one tiny:two
}

@test "lost blobs come back by publishing again" {
	rm "$(blob_file "$repo" kernel)"
	imagerepo publish -q v2 --repo "$repo" --keys keys
	verify
}

@test "serve prints a server block that nginx takes" {
	run imagerepo serve --repo "$repo" --listen 127.0.0.1:8080
	[ "$status" -eq 0 ]
	[[ $output == *"listen 127.0.0.1:8080;"* ]]
	imagerepo serve --repo "$repo" --listen 127.0.0.1:8080 2>/dev/null >"$BATS_TEST_TMPDIR/block"
	printf 'pid %s/pid; error_log stderr; events {} http { %s }\n' "$BATS_TEST_TMPDIR" \
		"access_log off; include $BATS_TEST_TMPDIR/block;" >"$BATS_TEST_TMPDIR/conf"
	nginx -t -c "$BATS_TEST_TMPDIR/conf" 2>&1 | grep -q successful
	run imagerepo serve --repo "$BATS_TEST_TMPDIR"
	[ "$status" -eq 1 ]
}

@test "wrong use is told apart from failure" {
	for args in "publish" "publish v1" "publish v1 --repo x" "channel set tiny" \
		"revoke tiny/1 --repo x --keys keys" "mirror tiny" "export tiny" \
		"diff v1" "gc x" "verify --at tomorrow" "frob"; do
		run imagerepo $args
		echo "$args: $output"
		[ "$status" -eq 2 ]
	done
}
