#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The builder of dom0 and netdom: the same bytes from the same input, and no driver that
# could reach an owner's disk, whoever edits the lists.

bats_require_minimum_version 1.5.0

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	debian=$(realpath -m "${BUILD:-$TOP/build}/debian")
	bin=$(realpath -m "${BUILD:-$TOP/build}/bin")
	[ -e "$debian/stamp" ] || skip "no $debian: run scripts/unpack"
	# A copy, so that a test can spoil it.
	src=$BATS_TEST_TMPDIR/src
	cp -r "$TOP/dom0-image" "$src"
	export SOURCE_DATE_EPOCH=1790000000
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test 2>/dev/null || :
}

# build_in DIR: without the agent, which other tests look at.
build_in() {
	mkdir -p "$1"
	ln -sfn "$debian" "$1/debian"
	ln -sfn "$bin" "$1/bin"
	"$src/build" -b "$1" -f "base xen net"
}

@test "built twice, in another place, with another umask, zone and locale: the same bytes" {
	one=$BATS_TEST_TMPDIR/one two=$BATS_TEST_TMPDIR/another/place
	build_in "$one"
	umask 077
	TZ=Asia/Tokyo LANG=de_DE.UTF-8 build_in "$two"
	cmp "$one/dom0/dom0.img" "$two/dom0/dom0.img"
	cmp "$one/dom0/drivers.img" "$two/dom0/drivers.img"
	cmp "$one/dom0/build.json" "$two/dom0/build.json"
	cmp "$one/dom0/files.txt" "$two/dom0/files.txt"
}

@test "the release is named by what is in it" {
	build_in "$BATS_TEST_TMPDIR/one"
	echo "# changed" >>"$src/init"
	build_in "$BATS_TEST_TMPDIR/two"
	run -1 cmp -s "$BATS_TEST_TMPDIR/one/dom0/build.json" \
		"$BATS_TEST_TMPDIR/two/dom0/build.json"
}

@test "the archive belongs to root and is dated to SOURCE_DATE_EPOCH" {
	build_in "$BATS_TEST_TMPDIR/one"
	zstd -dc "$BATS_TEST_TMPDIR/one/dom0/dom0.img" |
		TZ=UTC cpio -tvn --quiet >"$BATS_TEST_TMPDIR/list"
	[ "$(awk '{ print $3, $4 }' "$BATS_TEST_TMPDIR/list" | sort -u)" = "0 0" ]
	[ "$(awk '{ print $6, $7, $8 }' "$BATS_TEST_TMPDIR/list" | sort -u |
		wc -l)" -eq 1 ]
}

# Each of these once got into somebody's network-boot image.
smuggle() {
	echo "have $1" >>"$src/features.d/net.modules"
	run build_in "$BATS_TEST_TMPDIR/bad"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"forbidden in dom0: kernel/$2"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/bad/dom0/dom0.img" ]
}

# For partitions that owners lend there is a file of its own, for that alone.
smuggle_driver() {
	echo "$1" >>"$src/drivers.modules"
	run build_in "$BATS_TEST_TMPDIR/bad"
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" == *"forbidden in drivers: kernel/$2"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/bad/dom0/dom0.img" ]
}

@test "the image knows the digest of its drivers" {
	build_in "$BATS_TEST_TMPDIR/one"
	sum=$(sha256sum <"$BATS_TEST_TMPDIR/one/dom0/drivers.img" | cut -d' ' -f1)
	grep -q "\"drivers\": {\"sha256\": \"$sum\"" \
		"$BATS_TEST_TMPDIR/one/dom0/root/etc/nightshift/build.json"
}

@test "should fail: sticks among the drivers" { smuggle_driver usb-storage drivers/usb/storage/usb-storage.ko; }
@test "should fail: file systems among the drivers" { smuggle_driver ext4 fs/ext4/ext4.ko; }
@test "should fail: the network among the drivers" { smuggle_driver nvme-tcp drivers/nvme/host/nvme-tcp.ko; }

@test "should fail: SATA" { smuggle ahci drivers/ata/ahci.ko; }
@test "should fail: NVMe" { smuggle nvme drivers/nvme/host/nvme.ko; }
@test "should fail: SCSI disks" { smuggle sd_mod drivers/scsi/sd_mod.ko; }
@test "should fail: USB sticks" { smuggle usb-storage drivers/usb/storage/usb-storage.ko; }
@test "should fail: memory cards" { smuggle mmc_block drivers/mmc/core/mmc_block.ko; }
@test "should fail: emulated disks" { smuggle virtio_blk drivers/block/virtio_blk.ko; }
@test "should fail: network disks" { smuggle rbd drivers/block/rbd.ko; }
@test "should fail: Firewire" { smuggle firewire-ohci drivers/firewire/firewire-core.ko; }
@test "should fail: Wi-Fi" { smuggle iwlwifi drivers/net/wireless/intel/iwlwifi/iwlwifi.ko; }
@test "should fail: ext4" { smuggle ext4 fs/ext4/ext4.ko; }
@test "should fail: FAT" { smuggle vfat fs/fat/vfat.ko; }
@test "should fail: NTFS through FUSE" { smuggle fuse fs/fuse/fuse.ko; }
@test "should fail: CD" { smuggle isofs fs/isofs/isofs.ko; }
@test "should fail: software RAID" { smuggle raid1 drivers/md/raid1.ko; }
@test "should fail: PCI devices handed to guests" { smuggle xen-pciback drivers/xen/xen-pciback/xen-pciback.ko; }

# netdom, without the program, which other tests look at.
build_netdom() {
	mkdir -p "$1"
	ln -sfn "$debian" "$1/debian"
	"$src/build" -i netdom -n -b "$1"
}

@test "netdom built twice: the same bytes" {
	build_netdom "$BATS_TEST_TMPDIR/one"
	TZ=Asia/Tokyo LANG=de_DE.UTF-8 build_netdom "$BATS_TEST_TMPDIR/two"
	cmp "$BATS_TEST_TMPDIR/one/netdom/netdom.img" \
		"$BATS_TEST_TMPDIR/two/netdom/netdom.img"
}

@test "should fail: a driver in netdom that is not for it" {
	echo "have e1000e" >>"$src/netdom/features.d/netdom.modules"
	run build_netdom "$BATS_TEST_TMPDIR/bad"
	[ "$status" -eq 1 ]
	[[ "$output" == *"forbidden in netdom: kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/bad/netdom/netdom.img" ]
}

@test "should fail: a forbidden driver that a permitted module pulls in" {
	# As if the bridge needed ahci: the closure is checked, not the list.
	fake=$BATS_TEST_TMPDIR/debian
	cp -rs "$debian" "$fake"
	dep=$(echo "$fake"/root/lib/modules/*/modules.dep)
	sed 's|^kernel/net/bridge/bridge.ko:.*|& kernel/drivers/ata/ahci.ko|' \
		"$dep" >"$dep.new"
	mv "$dep.new" "$dep"
	debian=$fake run build_in "$BATS_TEST_TMPDIR/bad"
	[ "$status" -eq 1 ]
	[[ "$output" == *"forbidden in dom0: kernel/drivers/ata/ahci.ko"* ]]
}

@test "should fail: a forbidden driver built into the kernel" {
	fake=$BATS_TEST_TMPDIR/debian
	cp -rs "$debian" "$fake"
	builtin=$(echo "$fake"/root/lib/modules/*/modules.builtin)
	{ cat "$builtin"; echo kernel/drivers/nvme/host/nvme.ko; } >"$builtin.new"
	mv "$builtin.new" "$builtin"
	debian=$fake run build_in "$BATS_TEST_TMPDIR/bad"
	[ "$status" -eq 1 ]
	[[ "$output" == *"the kernel itself holds forbidden drivers"* ]]
}

@test "should fail: no such module" {
	echo "have no-such-card" >>"$src/features.d/net.modules"
	run build_in "$BATS_TEST_TMPDIR/bad"
	[ "$status" -eq 1 ]
	[[ "$output" == *"no kernel module no-such-card"* ]]
}

@test "should fail: a program that is not there" {
	echo "prog /bin/x build:bin/x" >>"$src/features.d/base.files"
	run build_in "$BATS_TEST_TMPDIR/bad"
	[ "$status" -eq 1 ]
	[[ "$output" == *"bin/x (for /bin/x)"* ]]
}

@test "should fail: an image over the budget" {
	head -c 42000000 /dev/urandom >"$src/etc/big"
	echo "file /big 0644 here:etc/big" >>"$src/features.d/base.files"
	run build_in "$BATS_TEST_TMPDIR/bad"
	[ "$status" -eq 1 ]
	[[ "$output" == *"is over the budget"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/bad/dom0/dom0.img" ]
}

@test "compressed modules are forbidden too, and what is permitted passes" {
	run "$src/check-modules" <<-END
	kernel/drivers/nvme/host/nvme.ko.xz
	kernel/drivers/block/loop.ko
	kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko
	END
	[ "$status" -eq 1 ]
	[ "$output" = "forbidden in dom0: kernel/drivers/nvme/host/nvme.ko.xz" ]
}
