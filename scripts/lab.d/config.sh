# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# Configuration of the lab: the same files as a real site's, with short times.

write_config()
{
	mkdir -p "$lab/central" "$lab/gateway"
	# A copy: tests damage it.
	cp -r "$build/repo" "$lab/repo"
	od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$lab/site.token"
	chmod 600 "$lab/site.token"
	cat >"$lab/central.conf" <<END
central {
	listen 10.99.0.2:8443
	repo-listen 10.99.0.2:8080
	state "$lab/central"
	repository "$lab/repo"
	root "$build/keys/root.json"
	lease 15s
	site "lab" { token-file "$lab/site.token" }
}
END
	cat >"$lab/gridctl.conf" <<END
central { url "unix:$lab/central/centrald.sock" }
gateway { url "unix:$lab/gateway/gatewayd.sock" }
END
	cat >"$lab/workspace.conf" <<END
workspace "demo" {
	image batch/stable
	domus 4
	memory 256M
	vcpus 1
}
END
}

# Needs the central's certificate, whose pin it names.
write_gateway_config()
{
	pin=$("$build/bin/centrald" -f "$lab/central.conf" -p)
	cat >"$lab/nightshift.conf" <<END
segment "lab" {
	interface seg0
	address 10.77.0.1/16
	domu-range 10.77.128.0/17
	state "$lab/gateway"
	boot "$build/boot"
	key "$build/keys/gateway.key"
	root "$build/keys/root.json"
	lease 20s
	report 2s
	central {
		url https://10.99.0.2:8443
		repo http://10.99.0.2:8080
		pin $pin
		token-file "$lab/site.token"
	}
	carousel { rate 100mbit }
	tunnel { }
	limits { memory 1024M; vcpus 2; images batch }
	node pc1 { mac 52:54:00:77:00:11; address 10.77.0.11; loader pxelinux; boot grid }
	node pc2 { mac 52:54:00:77:00:12; address 10.77.0.12; boot grid }
	node pc3 { mac 52:54:00:77:00:13; address 10.77.0.13; loader ipxe; boot grid }
	node pc4 { mac 52:54:00:77:00:14; address 10.77.0.14; boot local }
	node pc5 { mac 52:54:00:77:00:15; address 10.77.0.15; boot local }
}
END
}
