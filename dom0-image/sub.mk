# The RAM-resident dom0. ROOT_JSON is the trust root that is baked in.
ROOT_JSON ?= $(BUILD)/keys/root.json
artefacts += $(BUILD)/dom0/dom0.img

# Xen, the kernel, busybox, boot loaders: downloaded, unpacked, not installed.
$(BUILD)/debian/stamp: scripts/packages scripts/unpack
	$(Q)scripts/unpack $(BUILD)/debian

dom0-image-files := $(filter-out %.mk %.golden,$(wildcard dom0-image/*)) \
	$(wildcard dom0-image/features.d/* dom0-image/etc/*)
$(BUILD)/dom0/dom0.img: $(dom0-image-files) $(BUILD)/debian/stamp \
	$(BUILD)/bin/gridagent $(BUILD)/bin/hvctl $(ROOT_JSON)
	$(Q)dom0-image/build -b $(BUILD) -k $(ROOT_JSON)
