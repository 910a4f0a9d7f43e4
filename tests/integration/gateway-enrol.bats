#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whom gatewayd believes: epochs, fences, signatures, forms.
# shellcheck disable=SC2317  # functions are called by await

load gateway.bash
setup() { gateway_setup; }
teardown() { gateway_teardown; }

@test "a second boot gets the next epoch, the first is fenced" {
	new_boot pc1 1 b
	first=$(node a enrol | epoch_of)
	second=$(node b enrol | epoch_of)
	[ "$second" -eq $((first + 1)) ]
	run node a report enrolled
	[ "${lines[0]}" = 409 ]
	node b report enrolled
	# It stays fenced, also when it tries from the front.
	run node a enrol
	[ "${lines[0]}" = 409 ]
	node b report enrolled
}

@test "a held poll of a fenced boot is answered 409" {
	hold_poll
	new_boot pc1 1 b
	node b enrol
	wait $held || true
	head -n 1 "$tmp/held" | grep -qx 409
}

@test "the first epoch is past any given before a lost memory" {
	before=$(date +%s)
	[ "$(node a enrol | epoch_of)" -ge "$before" ]
}

@test "killed and restarted, the same epoch goes on" {
	first=$(node a enrol | epoch_of)
	node a report running
	kill_gateway
	start_gateway
	node a report running
	state_is pc1 running
	[ "$(node a enrol | epoch_of)" = "$first" ]
}

@test "a request that was seen is refused, also after a restart" {
	node a enrol
	node a report enrolled
	seq=$(cat "$tmp/a/seq")
	SEQ=$seq run node a report enrolled
	[ "${lines[0]}" = 401 ]
	kill_gateway
	start_gateway
	SEQ=$seq run node a report enrolled
	[ "${lines[0]}" = 401 ]
	SEQ=$((seq - 1)) run node a report enrolled
	[ "${lines[0]}" = 401 ]
	SEQ=$((seq + 9)) node a report enrolled
}

@test "a bad signature is refused" {
	SPOIL=1 run node a enrol
	[ "${lines[0]}" = 401 ]
	node a enrol
	SPOIL=1 run node a report running
	[ "${lines[0]}" = 401 ]
	state_is pc1 enrolled
}

@test "another key cannot take a boot over" {
	node a enrol
	new_boot pc1 1 thief
	cp "$tmp/a/boot_id" "$tmp/thief/boot_id"
	run node thief enrol
	[ "${lines[0]}" = 403 ]
	node a report enrolled
}

@test "a body that is too large is refused" {
	node a enrol
	PAD=300000 run node a report enrolled
	[ "${lines[0]}" = 413 ]
	node a report enrolled
}

@test "a report of a wrong form is refused" {
	node a enrol
	for bad in unknown local lost dreaming; do
		run node a report "$bad"
		[ "${lines[0]}" = 400 ]
	done
	run node a report failed "$(printf 'x%.0s' {1..600})"
	[ "${lines[0]}" = 400 ]
	node a report failed "$(printf 'x%.0s' {1..500})"
}

@test "who is not on the list, or elsewhere, is refused" {
	new_boot pc9 9 stranger
	run node stranger enrol
	[ "${lines[0]}" = 403 ]
	run node stranger report enrolled
	[ "${lines[0]}" = 403 ]
	FROM=10.77.0.12 run node a enrol
	[ "${lines[0]}" = 403 ]
	node a enrol
	FROM=10.77.0.12 run node a report enrolled
	[ "${lines[0]}" = 403 ]
	grep -q 'pc1: a request in its name from 10.77.0.12' "$tmp/log"
}

@test "a tunnel's key must be one" {
	TUNNEL_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= run node a enrol
	[ "${lines[0]}" = 400 ]
	[[ ${lines[1]} = *"'tunnel_key' is no X25519 key"* ]]
	key=hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
	TUNNEL_KEY=$key node a enrol
	# Its packets would go to the other one.
	new_boot pc2 2 b
	TUNNEL_KEY=$key run node b enrol
	[ "${lines[0]}" = 400 ]
	[[ ${lines[1]} = *"'tunnel_key' is another node's"* ]]
	node b enrol
}

@test "a PC that its owner keeps is told to restart" {
	new_boot pc3 3 c
	run node c enrol
	[ "${lines[0]}" = 409 ]
	[[ ${lines[1]} = *"the owner called this PC back"* ]]
	api -X PUT -d '{"boot": "grid"}' http://x/v1/admin/nodes/pc3/boot
	node c enrol
}

@test "an unknown epoch is told to enrol anew" {
	run node a report enrolled
	[ "${lines[0]}" = 401 ]
	node a enrol
	EPOCH=9999999999 run node a report enrolled
	[ "${lines[0]}" = 401 ]
}

@test "a corrupt database is set aside, nodes enrol anew, epochs rise" {
	first=$(node a enrol | epoch_of)
	kill_gateway
	rm -f "$tmp"/state/gateway.db-*
	dd if=/dev/urandom of="$tmp/state/gateway.db" bs=4096 count=3 \
		status=none
	sleep 1
	start_gateway
	ls "$tmp"/state/gateway.db.bad-*
	run node a report enrolled
	[ "${lines[0]}" = 401 ]
	second=$(node a enrol | epoch_of)
	[ "$second" -gt "$first" ]
	node a report enrolled
}

@test "a lease names what the PC lends, and follows the file" {
	lent='"scratch":{"label":"for the night","size_mib":2048,"type":"7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3"}'
	run node a enrol
	[[ "${lines[1]}" != *scratch* ]]
	sed -i 's/^segment lab {/&\n\tscratch { type 7D3F5A52-8C1E-4B0E-9D7A-2F6C1B94E0A3; label "for the night"; size 2G }/
		s/^\tnode pc2 {/& scratch { };/' "$tmp/nightshift.conf"
	kill -HUP "$gw"
	leased() { node a report enrolled | grep -qF "$lent"; }
	await leased
	new_boot pc2 2 b
	run -0 node b enrol
	[[ "${lines[1]}" != *scratch* ]]
	write_conf
	kill -HUP "$gw"
	taken_back() { ! leased; }
	await taken_back
}
