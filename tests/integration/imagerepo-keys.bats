#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# imagerepo: keys, root documents, delegations, and metadata that lives on.

load kill-at.bash

setup() {
	export LC_ALL=C
	PATH=$(cd "${BUILD:-build}/bin" && pwd):$PATH
	cd "$BATS_TEST_TMPDIR"
	imagerepo init keys >init.out
	repo=keys # what init makes is a repository already
}

version() { # of the role $1, as a client finds it
	local timestamp=$repo/metadata/timestamp.json snapshot
	snapshot=$(jq '.signed.meta["snapshot.json"].version' "$timestamp")
	case $1 in
	timestamp) jq .signed.version "$timestamp" ;;
	snapshot) echo "$snapshot" ;;
	*) jq ".signed.meta[\"$1.json\"].version" "$repo/metadata/$snapshot.snapshot.json" ;;
	esac
}

# Whoever reads the repository now: refresh verifies all of it first.
readable() {
	imagerepo refresh -n -f --repo "$repo" --keys keys >/dev/null
}

@test "init makes a key per role and metadata to begin with" {
	for k in root targets snapshot timestamp gateway maintainer; do
		[ "$(stat -c %a "keys/$k.key")" = 600 ]
		[ -e "keys/$k.key.pub" ]
	done
	[ "$(imagerepo root show keys/root.json | grep -c ' 1 of 1')" -ge 5 ]
	cmp keys/root.json keys/metadata/1.root.json
	[ "$(version maintainer)" = 1 ]
	readable
}

@test "init keeps what is there" {
	cp keys/root.key before
	run imagerepo init keys
	[ "$status" -eq 1 ]
	[[ $output == *"is there already and is kept"* ]]
	cmp keys/root.key before
}

@test "init refuses a threshold that no one could reach" {
	run imagerepo init other --root-threshold 2
	[ "$status" -eq 1 ]
	[[ $output == *"threshold of 2 with 1 root keys"* ]]
	[ ! -e other/root.key ]
}

@test "init with keys made elsewhere" {
	imagerepo key new mine.key
	imagerepo init other --maintainer mine.key.pub
	[ ! -e other/maintainer.key ]
	grep -q "$(sed -n 's/.*"public":"\([0-9a-f]*\).*/\1/p' mine.key.pub)" \
		other/metadata/1.targets.json
}

@test "refresh does nothing while there is time" {
	run imagerepo refresh --repo keys --keys keys
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(version timestamp)" = 1 ]
}

@test "refresh signs what has half of its time behind it" {
	imagerepo refresh -f --timestamp-expires 4h --repo keys --keys keys >/dev/null
	[ "$(version timestamp)" = 2 ]
	run imagerepo refresh --timestamp-expires 4h --repo keys --keys keys
	[ -z "$output" ]
	run imagerepo refresh --repo keys --keys keys
	[[ $output == timestamp\ 3,* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "refresh needs no more than the keys of snapshot and timestamp" {
	mkdir online
	mv keys/snapshot.key keys/timestamp.key online
	imagerepo refresh -f -q --repo keys --keys online
	[ "$(version snapshot)" = 2 ]
	[ "$(version targets)" = 1 ]
}

@test "refresh brings an expired repository back" {
	imagerepo refresh -f -q --timestamp-expires 1s --snapshot-expires 1s --repo keys --keys keys
	sleep 1.1
	run imagerepo refresh --repo keys --keys keys
	[ "$status" -eq 0 ]
	readable
}

@test "refresh without the keys says which one is missing" {
	mkdir none
	cp keys/gateway.key none
	run imagerepo refresh -f --repo keys --keys none
	[ "$status" -eq 1 ]
	[[ $output == *"role 'snapshot' needs 1 of its 1 keys"* ]]
	[ "$(version timestamp)" = 1 ]
}

@test "refresh tells programs what it signed" {
	run imagerepo refresh -f --json --repo keys --keys keys
	[ "$status" -eq 0 ]
	echo "$output" | jq -e 'map(.role) == ["maintainer","targets","snapshot","timestamp"]'
}

@test "a dry run writes nothing" {
	cp -r keys before
	imagerepo refresh -f -n --repo keys --keys keys
	imagerepo delegate -n alice debian --key keys/maintainer.key.pub --repo keys --keys keys
	diff -r keys before
}

@test "delegate gives an image, undelegate takes it" {
	imagerepo key new alice.key
	imagerepo delegate alice debian --key alice.key --repo keys --keys keys
	grep -q '"debian/\*"' keys/metadata/2.targets.json
	[ "$(version alice)" = 1 ]
	imagerepo delegate alice batch --key alice.key --repo keys --keys keys
	grep -q '"debian/\*".*"batch/\*"' keys/metadata/3.targets.json
	imagerepo undelegate alice debian --repo keys --keys keys
	run grep -q '"debian/\*"' keys/metadata/4.targets.json
	[ "$status" -eq 1 ]
	imagerepo undelegate alice --repo keys --keys keys
	run grep -q alice keys/metadata/5.targets.json
	[ "$status" -eq 1 ]
	readable
}

@test "delegate refuses an image that is another's" {
	imagerepo key new alice.key
	imagerepo delegate alice debian --key alice.key --repo keys --keys keys
	run imagerepo delegate bob debian --key alice.key --repo keys --keys keys
	[ "$status" -eq 1 ]
	[[ $output == *"image debian is alice's"* ]]
	[ "$(version targets)" = 2 ]
}

@test "delegate with a new key needs it to sign what the old one had signed" {
	imagerepo key new alice.key
	imagerepo key new new.key
	imagerepo delegate alice debian --key alice.key --repo keys --keys keys
	run imagerepo delegate alice debian --key new.key.pub --repo keys --keys keys
	[ "$status" -eq 1 ]
	[[ $output == *"role 'alice' needs 1 of its 1 keys"* ]]
	readable
	imagerepo delegate alice debian --key new.key --repo keys --keys keys
	[ "$(version alice)" = 2 ]
	readable
}

@test "a maintainer who comes back goes on counting" {
	imagerepo key new alice.key
	imagerepo delegate alice debian --key alice.key --repo keys --keys keys
	imagerepo undelegate alice --repo keys --keys keys
	imagerepo delegate alice debian --key alice.key --repo keys --keys keys
	readable
	[ "$(version alice)" -ge 1 ]
}

@test "root: two of three people sign, each where the key is" {
	imagerepo init grid --root-keys 3 --root-threshold 2
	mkdir a b
	mv grid/root.key a
	mv grid/root2.key b
	imagerepo root edit grid/root.json -o draft --expires 30d
	run imagerepo root publish draft --repo grid --keys grid
	[ "$status" -eq 1 ]
	[[ $output == *"signed by 0 of the keys of role 'root', 2 needed"* ]]
	imagerepo root sign draft --key a/root.key
	run imagerepo root publish draft --repo grid --keys grid
	[[ $output == *"signed by 1 of the keys"* ]]
	imagerepo root sign draft --key b/root2.key
	imagerepo root publish draft --repo grid --keys grid
	cmp draft grid/metadata/2.root.json
}

@test "root: the other half of a first document is signed elsewhere" {
	imagerepo key new away.key
	imagerepo key new here.key
	run imagerepo init grid --root here.key --root away.key.pub --root-threshold 2
	[ "$status" -eq 0 ]
	[[ $output == *"needs 1 more signatures"* ]]
	[ ! -e grid/metadata ]
	imagerepo root sign grid/root.json --key away.key
	imagerepo root publish grid/root.json --repo grid --keys grid
	repo=grid
	[ "$(version maintainer)" = 1 ]
	imagerepo refresh -f --repo grid --keys grid
}

@test "root: a key is rotated, and the old one counts no more" {
	imagerepo key new keys/timestamp2.key
	imagerepo root edit keys/root.json -o draft \
		-a timestamp=keys/timestamp2.key.pub -d timestamp=keys/timestamp.key
	imagerepo root sign draft -k keys/root.key
	imagerepo root publish draft --repo keys --keys keys
	readable
	rm keys/timestamp2.key
	run imagerepo refresh -f --repo keys --keys keys
	[ "$status" -eq 1 ]
	[[ $output == *"role 'timestamp' needs 1"* ]]
}

@test "root: a lost key is replaced without it" {
	imagerepo key new keys/snapshot2.key
	rm keys/snapshot.key
	imagerepo root edit keys/root.json -o draft \
		-a snapshot=keys/snapshot2.key -d snapshot="$(imagerepo key show keys/snapshot.key.pub | sed -n 's/^keyid *//p')"
	imagerepo root sign draft -k keys/root.key
	imagerepo root publish draft --repo keys --keys keys
	readable
}

@test "root: the root key itself is rotated, signed by both" {
	imagerepo key new root2.key
	imagerepo root edit keys/root.json -o draft -a root=root2.key -d root=keys/root.key
	imagerepo root sign draft -k root2.key
	run imagerepo root publish draft --repo keys --keys keys
	[ "$status" -eq 1 ]
	[[ $output == *"by version 1"* ]]
	imagerepo root sign draft -k keys/root.key
	imagerepo root publish draft --repo keys --keys keys
	readable
}

@test "root edit refuses what would lock everybody out" {
	run imagerepo root edit keys/root.json -o draft -t root=2
	[ "$status" -eq 1 ]
	[[ $output == *"2 signatures of 1 keys"* ]]
	run imagerepo root edit keys/root.json -o draft -d targets=keys/targets.key
	[ "$status" -eq 1 ]
	run imagerepo root edit keys/root.json -o draft -a nobody=keys/root.key
	[[ $output == *"no role 'nobody'"* ]]
	[ ! -e draft ]
}

@test "a document that was changed is not extended" {
	sed -i 's/"version":1}/"version":2}/' keys/metadata/1.targets.json
	run imagerepo refresh -f --repo keys --keys keys
	[ "$status" -eq 1 ]
	[[ $output == *"1.targets.json"* ]]
}

@test "killed at any point, the repository is read all the same" {
	for at in $(seq 1 300); do
		kill_at "$at" imagerepo refresh -f -q --repo keys --keys keys && break
		readable
	done
	[ "$at" -gt 8 ]  # it was killed, and came through in the end
	[ "$at" -lt 300 ]
	readable
}

@test "two who write at once wait for each other" {
	for i in 1 2 3 4 5 6; do
		imagerepo refresh -f -q --repo keys --keys keys &
	done
	wait
	[ "$(version timestamp)" = 7 ]
	readable
}
