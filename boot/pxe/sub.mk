# Boot artefacts. The EFI programs are freestanding: none of the hardening flags
# of the top Makefile apply to them, so they have rules of their own.
.DEFAULT_GOAL := all
artefacts += $(BUILD)/boot/boot.json

efi-cflags := -std=gnu17 -O2 $(WARN) -Wno-pointer-arith $(if $(WERROR),-Werror) -ffreestanding \
              -fno-builtin -fshort-wchar -mabi=ms -mno-red-zone -mgeneral-regs-only -fpie \
              -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
              -fno-ident -fno-strict-aliasing -ffile-prefix-map=$(CURDIR)=. \
              -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
nightshift-efi-srcs := $(addprefix boot/pxe/,main.c console.c net.c http.c payload.c libc.c \
                       decision.c text.c url.c sha256.c)

$(BUILD)/efi/%.o: %.c boot/pxe/sub.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(efi-cflags) -MMD -MP -c -o $@ $<
$(BUILD)/efi/nightshift.a: $(nightshift-efi-srcs:%.c=$(BUILD)/efi/%.o)
	$(call say,AR,$@)rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/boot/boot.json: $(BUILD)/efi/nightshift.a $(BUILD)/dom0/dom0.img \
                         $(addprefix boot/pxe/,build link-efi efi.ld)
	@boot/pxe/build -b $(BUILD)
-include $(wildcard $(BUILD)/efi/boot/pxe/*.d)

tests += test-boot-sha256 test-boot-decision
test-boot-sha256-srcs       := tests/unit/test-boot-sha256.c boot/pxe/sha256.c
test-boot-sha256-cppflags   := -Iboot/pxe
test-boot-sha256-pkgs       := cmocka
test-boot-decision-srcs     := tests/unit/test-boot-decision.c boot/pxe/decision.c boot/pxe/text.c \
                               boot/pxe/url.c
test-boot-decision-cppflags := -Iboot/pxe
test-boot-decision-pkgs     := cmocka

# What the disk of an emulated office PC starts (tests/lab/owner-disk).
artefacts += $(BUILD)/lab/owner-os.efi $(BUILD)/lab/mbr.bin
$(BUILD)/lab/owner-os.efi: $(BUILD)/efi/tests/lab/owner-disk/owner-os.o boot/pxe/link-efi boot/pxe/efi.ld
	@mkdir -p $(@D)
	$(call say,EFI,$@)boot/pxe/link-efi $@ $<
$(BUILD)/lab/mbr.bin: tests/lab/owner-disk/mbr.S
	@mkdir -p $(@D)
	$(call say,AS,$@)$(CC) -m32 -c -o $(@:.bin=.o) $< && \
	$(LD) -m elf_i386 -Ttext 0x7c00 --oformat binary -o $@ $(@:.bin=.o)
