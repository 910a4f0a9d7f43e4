# SPDX-License-Identifier: Apache-2.0
# What the tests of imagerepo share: small images, a repository, a web server.

imagerepo_setup() {
	export LC_ALL=C
	local top=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BIN=$(cd "$top" && cd "${BUILD:-build}/bin" && pwd)
	PATH=$BIN:$PATH
	export PATH
}

# A disk of $2 KiB whose content follows from the seed $1: text, so that it
# compresses, and no two blocks the same.
disk() {
	openssl enc -aes-128-ctr -K "$(printf '%032x' "$1")" -iv 0 -nosalt \
		-in /dev/zero 2>/dev/null | base64 -w 75 | head -c "$(($2 * 1024))"
}

sum() { # "sha256":...,"size":... of a file
	local hex
	hex=$(sha256sum <"$1")
	printf '{"sha256":"%s","size":%s}' "${hex%% *}" "$(stat -c %s "$1")"
}

# What a build leaves: directory $1, version $2; disk and contents are there.
draft() {
	[ -e "$1/kernel" ] || echo "a kernel" >"$1/kernel"
	[ -e "$1/initrd" ] || echo "an initrd" >"$1/initrd"
	cat >"$1/image.json" <<-END
		{
		"format": 2, "name": "tiny", "version": "$2", "arch": "x86_64",
		"created": "2026-11-2${2%%-*}T00:00:00Z",
		"cmdline": "console=hvc0", "memory_min_mib": 64,
		"kernel": $(sum "$1/kernel"), "initrd": $(sum "$1/initrd"),
		"root": $(sum "$1/root"), "contents": $(sum "$1/contents")
		}
	END
}

contents() { # version of the package, further lines of files
	printf 'nightshift-contents 1\n'
	printf 'package\t%s\t%s\tamd64\t%s\n' base 1.0 100 libc "$1" 2000
	printf 'file\t/bin/sh\t100755\t0:0\t1000\t%064d\n' "$2"
	printf 'file\t/etc\t040755\t0:0\t0\t-\n'
	[ -z "$3" ] || printf 'file\t/etc/new\t100644\t0:0\t7\t%064d\n' 7
}

# v1, v2 and v3, each with changes here and there; 5 MiB of disk, 1 MiB of hole.
make_images() {
	mkdir -p v1 v2 v3
	{
		disk 1 5120
		head -c 1048576 /dev/zero
	} >v1/root
	cp v1/root v2/root
	for at in 3 300 700 1111; do
		printf 'patched %s' "$at" |
			dd of=v2/root bs=4096 seek="$at" conv=notrunc status=none
	done
	cp v2/root v3/root
	printf 'and again' | dd of=v3/root bs=4096 seek=500 conv=notrunc status=none
	contents 2.36 1 '' >v1/contents
	contents 2.37 2 new >v2/contents
	cp v2/contents v3/contents
	seq 0 3 200 >v1/root.trace
	draft v1 1-aaaaaaaa
	draft v2 2-bbbbbbbb
	draft v3 3-cccccccc
}

# The file of a blob of channel $2 (default tiny:stable) of repository $1.
manifest_file() {
	local f
	f=$(json "$(imagerepo list --repo "$1" --json)" manifest "${2:-stable}")
	echo "$1/targets/tiny/channels/$f.${2:-stable}.json"
}

# manifest of a channel out of list --json: the member stands in its object
json() {
	tr -d ' \n' <<<"$1" | grep -o "{\"image\":\"tiny\",\"channel\":\"$3\"[^}]*" |
		grep -o "\"$2\":\"[^\"]*" | sed 's/.*:"//'
}

blob_file() { # repository, member of the manifest, channel
	local hex
	hex=$(grep -o "\"$2\":{[^}]*" "$(manifest_file "$1" "${3:-stable}")" |
		grep -o '"sha256":"[0-9a-f]*' | head -1)
	hex=${hex##*\"}
	echo "$1/blobs/${hex:0:2}/$hex"
}

number() { # member $2 of a line of JSON $1
	grep -o "\"$2\": *[0-9]*" <<<"$1" | head -1 | grep -o '[0-9]*$'
}

# nginx for a directory $1, with more of its configuration in $2, and of its
# listening in $3; sets url.
serve() {
	local dir=$BATS_TEST_TMPDIR/nginx port
	mkdir -p "$dir"
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		cat >"$dir/conf" <<-END
			$([ "$(id -u)" != 0 ] || echo 'user root;')
			daemon off; pid $dir/pid; error_log $dir/error.log; worker_processes 1;
			events { worker_connections 64; }
			http {
				access_log $dir/access.log; client_body_temp_path $dir/b;
				proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
				uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
				server { listen 127.0.0.1:$port ${3:-}; $2
					location / { root $1; } }
			}
		END
		nginx -c "$dir/conf" 2>/dev/null 3>&- &
		nginx=$!
		for _ in $(seq 50); do
			if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
				# shellcheck disable=SC2034  # for the tests
				url=http://127.0.0.1:$port
				return
			fi
			kill -0 "$nginx" 2>/dev/null || break
			sleep 0.05
		done
	done
	return 1
}

unserve() {
	[ -z "${nginx:-}" ] || kill "$nginx" 2>/dev/null || :
	nginx=
}

requests() { grep -c "${1:-.}" "$BATS_TEST_TMPDIR/nginx/access.log"; }
