# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# The PCs: QEMU machines with real firmware, a network card, 2 GiB of memory
# and their owner's disk. One line each: name, firmware, last byte of the MAC,
# and svm where the CPU has hardware virtualization: domUs are PVH there, else PV.

pc_table="
pc1 bios 11
pc2 uefi 12
pc3 bios 13 svm
pc4 bios 14
pc5 uefi 15
stranger-bios bios 98
stranger-uefi uefi 99
"

pc_field()
{
	echo "$pc_table" | awk -v pc="$1" -v n="$2" '$1 == pc { print $n }'
}

# Emulation works everywhere. QEMU 7.2 emulates some features wrongly, so that
# guests of Xen die or their memory is damaged: they are switched off. SVM is
# one, at times: a PVH domU may die young and be started again.
#
# It keeps what it translated of the firmware until its buffer is full. Where
# Xen then has a stack in the same page, each push is taken for a change of that
# code: with room for all code of a boot, a UEFI PC is several times slower.
pc_accel()
{
	svm=,-svm
	[ "$(pc_field "$1" 4)" != svm ] || svm=
	echo "-accel tcg,thread=multi,tb-size=64 -cpu max,-smap,-rdtscp,-xsave$svm"
}

pc_firmware()
{
	case $(pc_field "$1" 2) in
	bios) echo "-machine pc,graphics=off" ;;
	uefi)
		cp /usr/share/OVMF/OVMF_VARS_4M.fd "$lab/$1/vars.fd"
		# IPv6 network boot off, as owners are advised to set it: OVMF
		# asks for minutes where nobody answers.
		echo "-machine q35,graphics=off" \
			"-fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=n" \
			"-drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" \
			"-drive if=pflash,format=raw,unit=1,file=$lab/$1/vars.fd"
		;;
	esac
}

pc_on()
{
	firmware=$(pc_field "$1" 2)
	[ -n "$firmware" ] || die "no PC '$1'; there are: $(echo "$pc_table" | awk '{ printf "%s ", $1 }')"
	mkdir -p "$lab/$1"
	[ -e "$lab/$1/disk.img" ] || {
		OWNER_OS=$build/lab "$top/tests/lab/owner-disk/make-owner-disk" "$lab/$1/disk.img" \
			"$(echo "$firmware" | tr '[:lower:]' '[:upper:]')" >"$lab/log/$1-disk.log" 2>&1 ||
			die "the owner's disk of $1 cannot be made, see $lab/log/$1-disk.log"
		sha256sum <"$lab/$1/disk.img" >"$lab/$1/disk.sha256"
	}
	: >"$lab/$1/serial.log"
	date +%s%3N >"$lab/$1/on_ms"
	network_plug "$1"
	# shellcheck disable=SC2046  # lists of words
	launch "$1" in_lab \
		qemu-system-x86_64 -name "$1" -nodefaults -display none \
		$(pc_accel "$1") $(pc_firmware "$1") -smp 2 -m 2G -boot order=nc \
		-netdev "tap,id=lan,ifname=$1,script=no,downscript=no" \
		-device "$(pc_nic "$1")" \
		-drive "if=none,id=owner,format=raw,file=$lab/$1/disk.img" \
		-device "$(pc_disk "$1")" \
		-serial "file:$lab/$1/serial.log" \
		-monitor "unix:$lab/run/$1.monitor.sock,server=on,wait=off" \
		${LAB_PC_ARGS:-}
}

pc_nic()
{
	nic="virtio-net-pci,netdev=lan,mac=52:54:00:77:00:$(pc_field "$1" 3),bootindex=1"
	# OVMF has a driver of its own for it: firmware PXE, not QEMU's iPXE ROM.
	[ "$(pc_field "$1" 2)" = uefi ] && nic="$nic,romfile="
	echo "$nic"
}

pc_disk()
{
	case $(pc_field "$1" 2) in
	bios) echo "ide-hd,drive=owner,bootindex=2" ;;
	uefi) echo "nvme,drive=owner,serial=owner,bootindex=2" ;;
	esac
}

# As if somebody pulled the plug.
pc_off()
{
	[ -s "$lab/run/$1.pid" ] || return 0
	pid=$(cat "$lab/run/$1.pid")
	in_lab kill -KILL "$pid" 2>/dev/null || :
	for _ in $(seq 100); do
		in_lab kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	rm -f "$lab/run/$1.pid"
}
