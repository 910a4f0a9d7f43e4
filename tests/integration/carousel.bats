#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# carousel: one sender, receivers that join late, leave, lose, are lied to, or
# are left alone. Each test in a network namespace of its own.

setup_file() {
	export LC_ALL=C
	BIN=$(cd "${BUILD:-build}/bin" && pwd)
	export BIN PATH="$BIN:$PATH:/usr/sbin:/sbin"
	unshare -Urn true || skip "no user namespaces"
	cd "$BATS_FILE_TMPDIR"
	head -c 3000000 /dev/urandom >blob
	HEX=$(sha256sum blob | cut -c1-64)
	export HEX SIZE=3000000
	mkdir -p "repo/blobs/${HEX:0:2}"
	mv blob "repo/blobs/${HEX:0:2}/$HEX"
	export BLOB=$PWD/repo/blobs/${HEX:0:2}/$HEX
	cat >lib.sh <<-'END'
		ip link set lo up multicast on
		ip route add 239.0.0.0/8 dev lo
		trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
		serve() { # OPTION...
			: >ready
			carouseld serve -i 127.0.0.1 -d "$BATS_FILE_TMPDIR/repo" -n 9 "$@" 9>ready 2>served &
			sender=$!
			until [ -s ready ]; do sleep 0.02; done
		}
		http() {
			cat >nginx.conf <<-CONF
				user root root; daemon off; master_process off; pid $PWD/nginx.pid; error_log stderr crit;
				events { } http { access_log $PWD/access.log; sendfile on;
				client_body_temp_path $PWD/n1; proxy_temp_path $PWD/n2; fastcgi_temp_path $PWD/n3;
				uwsgi_temp_path $PWD/n4; scgi_temp_path $PWD/n5;
				server { listen 127.0.0.1:8000; root $BATS_FILE_TMPDIR/repo; } }
			CONF
			nginx -c "$PWD/nginx.conf" &
			until curl -s -o /dev/null http://127.0.0.1:8000/; do sleep 0.02; done
		}
		get() { # NAME OPTION...
			local name=$1
			shift
			carouseld receive -i 127.0.0.1 -s 127.0.0.1 -S "$SIZE" -j -o "$name" "$@" "$HEX" >"$name.json"
		}
		field() { # NAME FIELD
			sed -n "s/.*\"$2\": \([0-9]*\).*/\1/p" "$1.json"
		}
		same() { # NAME...
			for i; do cmp "$i" "$BLOB"; done
		}
		# What each receiver loses; large sends are cut before, with this.
		lose() { # PERCENT
			ip link set lo gso_max_segs 1
			nft "add table ip t; add chain ip t i { type filter hook input priority 0; }
				add rule ip t i udp sport 7883 numgen random mod 100 < $1 drop"
		}
	END
	export LIB=$PWD/lib.sh
}

segment() { # script on stdin
	cd "$BATS_TEST_TMPDIR"
	{ cat "$LIB"; cat; } >script
	timeout 30 unshare -Urn bash -eu script
}

@test "what several want is sent once" {
	segment <<-'END'
		serve -r 200M -c 3
		get a & a=$!
		get b & b=$!
		get c & c=$!
		wait $a; wait $b; wait $c
		same a b c
		kill $sender; wait $sender
		grep ' 1 turns, 2131 symbols, 0 of them repairs' served
	END
}

@test "losses are mended by parity, without HTTP" {
	segment <<-'END'
		lose 3
		serve -r 100M
		get a & a=$!
		get b & b=$!
		wait $a; wait $b
		same a b
		[ "$(field a parity)" -gt 10 ]
		[ "$(field a http_bytes)" = 0 ]
	END
}

@test "who joins late gets the rest of the turn, and HTTP's" {
	segment <<-'END'
		http
		serve -r 20M
		get a & a=$!
		get b & b=$!
		sleep 0.6
		get late -u http://127.0.0.1:8000
		wait $a; wait $b
		same a b late
		[ "$(field late carousel_bytes)" -gt 500000 ]
		[ "$(field late http_bytes)" -gt 200000 ]
	END
}

@test "who leaves or stops is not waited for" {
	segment <<-'END'
		serve -r 20M -c 3
		get a & a=$!
		get gone & gone=$!
		get still & still=$!
		sleep 0.5
		kill -KILL $gone
		kill -STOP $still
		wait $a
		same a
		kill -KILL $still
	END
}

@test "the sender dies: HTTP goes on" {
	segment <<-'END'
		http
		serve -r 20M
		get a -u http://127.0.0.1:8000 & a=$!
		get b -u http://127.0.0.1:8000 & b=$!
		sleep 0.5
		kill -KILL $sender
		wait $a; wait $b
		same a b
		[ "$(field a carousel_bytes)" -gt 200000 ]
		[ "$(field a http_bytes)" -gt 200000 ]
	END
}

@test "nobody else wants it, nobody sends, no such blob: HTTP" {
	segment <<-'END'
		http
		get silent -u http://127.0.0.1:8000
		serve
		get alone -u http://127.0.0.1:8000
		same silent alone
		[ "$(field alone http_bytes)" = "$SIZE" ]
		kill $sender; wait $sender
		mkdir -p empty/blobs
		carouseld serve -i 127.0.0.1 -d empty 2>/dev/null &
		get none -u http://127.0.0.1:8000
		same none
	END
}

@test "datagrams of others are refused" {
	segment <<-'END'
		http # the flood may cost one of them more than a repair mends
		serve -r 20M
		get a -u http://127.0.0.1:8000 & a=$!
		get b -u http://127.0.0.1:8000 & b=$!
		until [ "$(grep -c 534EFFEF:1ECB /proc/net/udp)" -ge 2 ]; do sleep 0.02; done
		# As real as can be, but not from the sender's address and port.
		perl -e 'use Socket; socket(S, PF_INET, SOCK_DGRAM, 0);
			bind(S, sockaddr_in(7883, inet_aton("127.0.0.2"))) or die;
			my $to = sockaddr_in(7883, inet_aton("239.255.78.83"));
			for my $i (0..191) { for my $b (0..10) {
				send(S, pack("NCCCCa16NNNN", 0x4e534331, 1, 192, $i, 0, pack("H32", $ENV{HEX}),
					0, $ENV{SIZE}, $b, 11) . "\xff" x 1408, 0, $to) } }'
		wait $a; wait $b
		same a b
		[ "$(field a refused)" -gt 1000 ]
	END
}

@test "forged in the sender's name: what comes is not the blob, HTTP is" {
	segment <<-'END'
		http
		perl -e 'use Socket; socket(S, PF_INET, SOCK_DGRAM, 0);
			bind(S, sockaddr_in(7883, inet_aton("127.0.0.1"))) or die;
			my $to = sockaddr_in(7883, inet_aton("239.255.78.83"));
			for my $b (0..11) { for my $i (0..191) {
				my $k = $b < 11 ? 192 : 19;
				send(S, pack("NCCCCa16NNNN", 0x4e534331, 1, $k, $i, 0, pack("H32", $ENV{HEX}),
					0, $ENV{SIZE}, $b, 12) . "\xff" x 1408, 0, $to) } select(undef, undef, undef, 0.05) }' & forger=$!
		get a -u http://127.0.0.1:8000 2>said
		same a
		kill $forger || true
		grep 'not the blob; fetching it' said
	END
}

@test "the sender hears its own network only, and says what it refused" {
	segment <<-'END'
		ip addr add 10.9.0.1/24 dev lo
		ip addr add 10.8.0.1/24 dev lo
		: >ready
		carouseld serve -i 10.9.0.1 -d "$BATS_FILE_TMPDIR/repo" -c 1 -n 9 9>ready 2>served & sender=$!
		until [ -s ready ]; do sleep 0.02; done
		if carouseld receive -i 10.8.0.1 -s 10.9.0.1 -S "$SIZE" -t 1 -o other "$HEX"; then exit 1; fi
		carouseld receive -i 10.9.0.1 -s 10.9.0.1 -S "$SIZE" -t 5 -o own "$HEX"
		same own
		kill $sender; wait $sender
		grep -v ', 0 refused' served | grep 'refused$'
	END
}

@test "the sender reads its repository, and can do nothing else" {
	! grep -q __asan_init "$BIN/carouseld" || skip "sanitizers take no filter"
	segment <<-'END'
		serve -c 1
		grep -q '^NoNewPrivs:.*1' /proc/$sender/status
		grep -q '^Seccomp:.*2' /proc/$sender/status
		get inside -t 5
		same inside
		kill $sender; wait $sender
		# A way out of it, which a mirror never makes.
		mkdir -p way/blobs
		ln -s "$(dirname "$BLOB")" "way/blobs/${HEX:0:2}"
		serve -c 1 -d "$PWD/way"
		! grep 'Landlock is not there' served || exit 0
		if get outside -t 1; then exit 1; fi
		kill $sender; wait $sender
		grep ' 0 symbols' served
	END
}

@test "wrong use is said" {
	run carouseld serve -i 127.0.0.1
	[ "$status" = 2 ]
	run carouseld serve -i nowhere -d .
	[ "$status" = 2 ]
	[[ $output == *"'nowhere' is no IPv4 address"* ]]
	run carouseld serve -i 127.0.0.1 -d /nonexistent
	[ "$status" = 1 ]
	[[ $output == *"/nonexistent/blobs: No such file"* ]]
	run carouseld serve -i 127.0.0.1 -d "$BATS_FILE_TMPDIR/repo" -r 5
	[ "$status" = 2 ]
	run carouseld receive -s 127.0.0.1 -o x zz
	[ "$status" = 2 ]
}
