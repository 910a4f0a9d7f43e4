# The RAM-resident dom0 and, within, netdom. ROOT_JSON is the trust root that is baked in.
ROOT_JSON ?= $(BUILD)/keys/root.json
artefacts += $(BUILD)/dom0/dom0.img

# Xen, the kernel, busybox, boot loaders: downloaded, unpacked, not installed.
$(BUILD)/debian/stamp: scripts/packages scripts/unpack
	$(Q)scripts/unpack $(BUILD)/debian

dom0-image-files := $(filter-out %.mk %.golden,$(wildcard dom0-image/*)) \
	$(wildcard dom0-image/features.d/* dom0-image/etc/*)
netdom-image-files := $(filter-out %.mk %.golden,$(wildcard dom0-image/build \
	dom0-image/*modules $(addprefix dom0-image/netdom/,* */*)))
$(BUILD)/netdom/netdom.img: $(netdom-image-files) $(BUILD)/debian/stamp \
	$(BUILD)/bin/gridnet $(BUILD)/bin/wallsctl
	$(Q)dom0-image/build -i netdom -b $(BUILD)
$(BUILD)/dom0/dom0.img: $(dom0-image-files) $(BUILD)/debian/stamp \
	$(BUILD)/bin/gridagent $(BUILD)/bin/hvctl $(BUILD)/bin/wallsctl \
	$(BUILD)/netdom/netdom.img $(ROOT_JSON)
	$(Q)dom0-image/build -b $(BUILD) -k $(ROOT_JSON)
