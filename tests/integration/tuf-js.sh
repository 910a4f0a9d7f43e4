#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Another TUF client, tuf-js, reads our repository: what we call TUF is TUF.
# What it must refuse, it refuses.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$(cd "${BUILD:-build}/bin" && pwd)
here=$PWD/tests/integration/tuf-js
modules=$(dirname "$bin")/tuf-js
PATH=$bin:$PATH

skip() { echo "$*"; exit 77; }
command -v npm >/dev/null || skip "no npm"
command -v node >/dev/null || skip "no node"
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
	skip "tuf-js 3 wants node 20 or later"
mkdir -p "$modules"
if ! cmp -s "$here/package-lock.json" "$modules/package-lock.json" ||
	[ ! -d "$modules/node_modules/tuf-js" ]; then
	cp "$here/package.json" "$here/package-lock.json" "$modules"
	timeout 60 npm --prefix "$modules" ci --ignore-scripts --no-audit --no-fund \
		--fetch-retries=1 >"$modules/npm.log" 2>&1 ||
		{ rm -rf "$modules/package-lock.json"; skip "npm cannot fetch tuf-js here"; }
fi
cp "$here/read.js" "$modules"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
ok() { echo "ok: $1"; }
bad() { echo "FAILED: $1"; failed=1; }
# expect TEXT CACHE [TARGET]...: what tuf-js prints has TEXT in it
expect() {
	local text=$1 cache=$2 out
	shift 2
	out=$(timeout 30 node "$modules/read.js" "$dir/repo" "$dir/keys/root.json" \
		"$dir/$cache" "$@" 2>&1)
	case $out in
	*"$text"*) ok "${1:-metadata}: $text" ;;
	*) bad "${1:-metadata}: expected '$text', got: $out" ;;
	esac
}

# shellcheck source=tests/integration/imagerepo.bash
. tests/integration/imagerepo.bash
cd "$dir" || exit 1
imagerepo init keys >/dev/null || exit 1
make_images
imagerepo publish -q v1 --repo repo --keys keys || exit 1

expect "refreshed" one
expect "tiny/1-aaaaaaaa.json" one tiny/1-aaaaaaaa.json
expect "tiny/channels/stable.json" one tiny/channels/stable.json
expect "no target tiny/2-bbbbbbbb.json" one tiny/2-bbbbbbbb.json

# The next version, another maintainer, and a new root with other keys.
imagerepo publish -q v2 --repo repo --keys keys || exit 1
expect "tiny/2-bbbbbbbb.json" one tiny/2-bbbbbbbb.json tiny/channels/stable.json
mkdir away
imagerepo key new away/alice.key >/dev/null
imagerepo key new keys/timestamp2.key >/dev/null
imagerepo delegate alice debian --key away/alice.key --repo repo --keys keys || exit 1
expect "no target debian/1.json" one debian/1.json
imagerepo root edit keys/root.json -o next.json \
	--add timestamp=keys/timestamp2.key.pub --remove timestamp=keys/timestamp.key >/dev/null
imagerepo root sign next.json --key keys/root.key >/dev/null
imagerepo root publish next.json --repo repo --keys keys >/dev/null || exit 1
expect "tiny/2-bbbbbbbb.json" one tiny/2-bbbbbbbb.json
expect "tiny/2-bbbbbbbb.json" fresh tiny/2-bbbbbbbb.json

# It refuses what was changed, and what is older than what it has seen.
cp -r repo good
cp good/metadata/timestamp.json old.json
imagerepo refresh --force -q --repo repo --keys keys || exit 1
expect "refreshed" one
cp old.json repo/metadata/timestamp.json
expect "refused" one
imagerepo refresh --force -q --repo good --keys keys || exit 1
for f in repo/targets/tiny/*.2-bbbbbbbb.json; do
	printf '{}\n' >"$f"
done
expect "refused" fresh tiny/2-bbbbbbbb.json
exit "$failed"
