#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `make install` leaves: programs that start, every page, units and
# examples that name what is there.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "${TOP:-$BATS_TEST_DIRNAME/../..}" || exit
	export ROOT=$BATS_FILE_TMPDIR/root
	scripts/install "${BUILD:-build}" /usr "$ROOT"
	# As make would be told from here, too.
	scripts/install "${BUILD:-build}" /opt/grid "$(realpath --relative-to=. "$ROOT")"
}

setup() { cd "${TOP:-$BATS_TEST_DIRNAME/../..}" || exit; }

# paths PREFIX FILE...: what the files name below it, and is not Debian's.
paths() {
	grep -ohE "$1/(s?bin|lib/(nightshift|sysusers.d)|share)/[a-z0-9./_-]*[a-z0-9]" "${@:2}" |
		grep -vxE '/usr/(bin/test|sbin/(nginx|dnsmasq|sysctl)|share/doc)' |
		sort -u
}

@test "each program starts and says who it is" {
	for program in "$ROOT"/usr/sbin/* "$ROOT"/usr/bin/* "$ROOT"/usr/lib/nightshift/*; do
		run -0 "$program" --version
		[[ $output == "$(basename "$program") "[0-9]* ]]
		run -0 "$program" --help
		[[ $output == usage:* ]]
	done
	[ "$(find "$ROOT/usr" -type f -perm -u+x ! -path '*/share/*' | wc -l)" = 9 ]
}

@test "every page is there, and those that it names" {
	for page in docs/man/*.[1-8]; do
		cmp "$page" "$ROOT/usr/share/man/man${page##*.}/${page##*/}"
	done
	# By the programs that are installed; others' pages are Debian's.
	for program in "$ROOT"/usr/sbin/* "$ROOT"/usr/bin/*; do
		ls "$ROOT"/usr/share/man/man[18]/"$(basename "$program")".[18]
	done
}

@test "what pages, units and examples name is where they say" {
	run paths /usr docs/man/* "$ROOT"/usr/lib/systemd/system/* \
		"$ROOT"/usr/share/doc/nightshift/examples/*
	[ "${#lines[@]}" -ge 6 ]
	for path in "${lines[@]}"; do
		# Only made by the longer build.
		[ "$path" != /usr/share/nightshift/boot ] || continue
		[ -e "$ROOT$path" ] || { echo "no $path"; false; }
	done
	for page in $(sed -n 's/^Documentation=//p' "$ROOT"/usr/lib/systemd/system/*); do
		page=${page#man:}
		section=${page#*(}
		ls "$ROOT/usr/share/man/man${section%)}/${page%(*}.${section%)}"
	done
}

@test "below another prefix nothing leads back to /usr" {
	run paths /usr "$ROOT"/opt/grid/lib/systemd/system/* \
		"$ROOT"/opt/grid/share/man/*/* \
		"$ROOT"/opt/grid/share/doc/nightshift/examples/*
	[ -z "$output" ]
	run -0 paths /opt/grid "$ROOT"/opt/grid/lib/systemd/system/*
	[ "${#lines[@]}" -ge 4 ]
}

@test "the examples are good ones" {
	run -0 "$ROOT/usr/sbin/centrald" -n \
		-f "$ROOT/usr/share/doc/nightshift/examples/central.conf.example"
	run -0 "$ROOT/usr/sbin/aclc" check \
		"$ROOT/usr/share/doc/nightshift/examples/policy.conf.example"
	bash -n "$ROOT/usr/share/bash-completion/completions/gridctl"
	ls "$ROOT"/usr/share/nightshift/recipes/{batch,debian,vina}/recipe.conf
}

@test "boot files are those of the release, and no more" {
	boot=$ROOT/usr/share/nightshift/boot
	[ -e "$boot/boot.json" ] || skip "no boot files: make artefacts"
	release=$(jq -r .release "$boot/boot.json")
	[ "$(ls "$boot")" = $'boot.json\npxelinux\nr\ntftp' ]
	[ "$(ls "$boot/r")" = "$release" ]
	[ "$(jq -r '.files | keys[]' "$boot/boot.json" | sort)" = \
		"$(find "$boot/r/$release" -type f -printf '%f\n' | sort)" ]
}
