#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Publishing and sweeping, killed at every change of a file, and without room:
# what was published before stays whole, and what was begun can be done again.

load kill-at.bash
: "${TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${BUILD:=build}"

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	case $BUILD in /*) bin=$BUILD/bin ;; *) bin=$TOP/$BUILD/bin ;; esac
	library=$bin/imagerepo-library
	# the same noise in each run, and a next version of it
	openssl enc -aes-128-ctr -K 0 -iv 0 -nosalt </dev/zero 2>/dev/null |
		head -c 1900544 >v1.disk
	cp v1.disk v2.disk
	head -c 65536 "$library" | dd of=v2.disk bs=4096 seek=100 conv=notrunc status=none
	"$library" publish repo v1.disk targets/v1.json >/dev/null
}

# kill_all MANIFEST COMMAND...: killed at its 1st, 2nd, ... change until it ends
# by itself; after each, the repository is sound as MANIFEST sees it.
kill_all()
{
	local at=1 keep=$1
	shift
	until kill_at "$at" "$@" >/dev/null; do
		"$library" fsck repo "$keep" || return 1
		at=$((at + 1))
		[ "$at" -lt 500 ] || return 1
	done
	[ "$at" -gt "$least" ]
}

@test "publishing may be killed at any point" {
	least=20
	cp -r repo before
	kill_all targets/v1.json "$library" update repo v2.disk targets/v2.json targets/v1.json 3
	"$library" fsck repo targets/v1.json targets/v2.json
	"$library" read repo targets/v2.json | cmp - v2.disk
	# nothing is left of the attempts once it was swept
	"$library" gc repo targets/v1.json targets/v2.json
	"$library" update before v2.disk targets/v2.json targets/v1.json 3
	diff -r repo before
}

@test "sweeping may be killed at any point" {
	least=3
	"$library" update repo v2.disk targets/v2.json targets/v1.json 3
	kill_all targets/v2.json "$library" gc repo targets/v2.json
	"$library" fsck repo targets/v2.json
	"$library" read repo targets/v2.json | cmp - v2.disk
	# what was swept is published again, whole
	"$library" publish repo v1.disk targets/v1.json
	"$library" fsck repo targets/v1.json targets/v2.json
}

@test "applying a delta may be killed at any point" {
	least=5
	"$library" update repo v2.disk targets/v2.json targets/v1.json 3
	cp -r repo whole
	# as a mirror has it that followed v1 and fetched the delta
	"$library" blobs repo targets/v1.json | cut -d' ' -f2 >has
	jq -r '.deltas[0].sha256 | "blobs/" + .[0:2] + "/" + .' repo/targets/v2.json >>has
	(cd whole && find blobs -type f) | grep -vxFf has | while read -r f; do rm "repo/$f"; done
	kill_all targets/v1.json "$library" apply repo targets/v1.json targets/v2.json
	"$library" read repo targets/v2.json | cmp - v2.disk
}

@test "a full disk ends publishing with a word and changes nothing" {
	cat >full.sh <<-'EOF'
		mount -t tmpfs -o size=3m none small
		cp -r repo small/repo
		! "$1" publish small/repo big.disk targets/big.json 2>error || exit 1
		grep -q 'No space left on device' error || exit 1
		"$1" fsck small/repo targets/v1.json
	EOF
	mkdir small
	openssl enc -aes-128-ctr -K 1 -iv 0 -nosalt </dev/zero 2>/dev/null |
		head -c 4194304 >big.disk
	unshare -rm sh full.sh "$library"
}

@test "two writers take turns" {
	"$library" publish repo v2.disk targets/v2.json 3 &
	"$library" gc repo targets/v1.json >/dev/null
	wait $!
	"$library" fsck repo targets/v1.json
	if ! "$library" fsck repo targets/v1.json targets/v2.json; then
		# gc came last, and nobody had named v2: then it is gone whole
		"$library" publish repo v2.disk targets/v2.json 3
		"$library" fsck repo targets/v1.json targets/v2.json
	fi
}
