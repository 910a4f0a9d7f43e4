# SPDX-License-Identifier: Apache-2.0
# Top-level build. Non-recursive: every folder contributes a sub.mk that only
# names things; the rules live here. `make help` lists the targets.

PREFIX  ?= /usr
DESTDIR ?=
BUILD   ?= build
PKGCONF ?= pkg-config
VERSION := 0.1.0

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wvla -Wundef -Wpointer-arith -Wwrite-strings \
           -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
override CFLAGS := -std=gnu17 $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(CFLAGS)
override CPPFLAGS += -D_GNU_SOURCE -DNIGHTSHIFT_VERSION='"$(VERSION)"'
LDHARDEN := -pie -Wl,-z,relro,-z,now

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
endif

.DEFAULT_GOAL := all
# Each folder below may add to these lists.
libs    :=
progs   :=
tests   :=
plugins :=
artefacts :=
modules := $(patsubst %/sub.mk,%,$(wildcard */sub.mk */*/sub.mk))
include $(modules:%=%/sub.mk)

objs      = $($(1)-srcs:%.c=$(BUILD)/%.o)
archive   = $(BUILD)/lib$(1).a
# A plugin is a shared object, of objects compiled for that.
shared    = $(BUILD)/bin/$(1).so
pics      = $($(1)-srcs:%.c=$(BUILD)/pic/%.o)
# A program is called as its unit unless X-exe says so (a library has the name).
exe       = $(BUILD)/bin/$(or $($(1)-exe),$(1))
units     = $(1) $($(1)-libs)
pkgs      = $(sort $(foreach u,$(call units,$(1)),$($(u)-pkgs)))
# Where a unit's public headers lie: its own folder unless X-inc says another.
inc       = $(or $($(1)-inc),$(1))/include
# Silent, for `make setup` runs before pkg-config is there.
pkg-flags = $(if $(2),$(shell $(PKGCONF) --$(1) $(2) 2>/dev/null))

# A unit sees its own folder and the public headers of the libraries it names,
# nothing else: a forbidden dependency fails to compile. X-libs lists users
# before what they use and names indirect ones as well (link order).
define unit
$(call objs,$(1)) $(call pics,$(1)): private CPPFLAGS += $(addprefix -I,$(sort $(foreach d,$(call units,$(1)),$(call inc,$(d))))) $($(1)-cppflags) $(call pkg-flags,cflags,$(call pkgs,$(1)))
endef
define lib
$(call archive,$(1)): $(call objs,$(1))
endef
define prog
$(call exe,$(1)): $(call objs,$(1)) $(foreach l,$($(1)-libs),$(call archive,$(l)))
$(call exe,$(1)): private LDLIBS += $(foreach u,$(call units,$(1)),$($(u)-ldlibs)) $(call pkg-flags,libs,$(call pkgs,$(1)))
endef
define plugin
$(call shared,$(1)): $(foreach u,$(call units,$(1)),$(call pics,$(u)))
$(call shared,$(1)): private LDLIBS += $(foreach u,$(call units,$(1)),$($(u)-ldlibs)) $(call pkg-flags,libs,$(call pkgs,$(1)))
endef

all: $(foreach p,$(progs),$(call exe,$(p))) ## build all programs
$(foreach u,$(libs) $(progs) $(tests) $(plugins),$(eval $(call unit,$(u))))
$(foreach l,$(libs),$(eval $(call lib,$(l))))
$(foreach p,$(progs) $(tests),$(eval $(call prog,$(p))))
$(foreach p,$(plugins),$(eval $(call plugin,$(p))))

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/pic/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,PIC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<
$(BUILD)/lib%.a:
	@mkdir -p $(@D)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(foreach p,$(progs) $(tests),$(call exe,$(p))):
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)
$(foreach p,$(plugins),$(call shared,$(p))):
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)

# Rebuild everything when the flags change.
flags-line = $(CC) $(CPPFLAGS) $(CFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' $(call quote,$(flags-line)) | cmp -s - $@ || \
	printf '%s\n' $(call quote,$(flags-line)) > $@
quote = '$(subst ','\'',$(1))'

# Setting up, testing, trying: each works on a fresh Debian 12, and builds on
# all processors unless the user said -j.
test-files = $(tests:%=$(BUILD)/bin/%) $(plugins:%=$(BUILD)/bin/%.so)
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
setup: ## install the packages that are missing (sudo where needed)
	@scripts/setup
test: setup ## set up everything and pass all tests
	@$(MAKE) $(jobs) --no-print-directory artefacts $(test-files)
	@scripts/run-tests $(BUILD) layout unit golden integration boot
check: ## the quick tests: layout, unit, golden, integration
	@$(MAKE) $(jobs) --no-print-directory all $(test-files)
	@scripts/run-tests $(BUILD) layout unit golden integration
check-unit check-golden check-layout check-integration: check-%: all $(test-files)
	@scripts/run-tests $(BUILD) $*
check-boot: artefacts ## boot emulated PCs, one per firmware
	@scripts/run-tests $(BUILD) boot
test-isolation: artefacts $(addprefix $(BUILD)/bin/,isolation isolation-send isolation-scan isolation-pcap isolation-report wallsctl) ## everybody to everybody, with real packets
	@BUILD=$(BUILD) tests/integration/isolation.sh
	@BUILD=$(BUILD) tests/integration/isolation-node.sh
	@BUILD=$(BUILD) tests/boot/isolation.sh
demo: setup ## boot two emulated PCs and run grid jobs on them, before your eyes
	@$(MAKE) $(jobs) --no-print-directory artefacts
	@scripts/demo
lab: setup ## start the emulated segment and leave it running
	@$(MAKE) $(jobs) --no-print-directory artefacts
	@scripts/lab up
lab-stop: ## end the emulated segment
	@scripts/lab down
bench: ## measure, side by side with what one would use instead
	@scripts/setup -b
	@$(MAKE) $(jobs) --no-print-directory artefacts
	@for b in tests/bench/*/run; do $$b || exit 1; done
artefacts: all $(artefacts) ## build the images and the boot files too

format: ## lay out the C sources
	clang-format -i $(c-sources)
lint: ## formatting, static analysis
	clang-format --dry-run -Werror $(c-sources)
	@$(MAKE) -sn V=1 CC=cc BUILD=$(BUILD)/lint all artefacts $(patsubst $(BUILD)/%,$(BUILD)/lint/%,$(test-files)) | \
	scripts/lint $(filter %.c,$(c-sources))
# Daemons that a test stops may report as well, and nobody looks at their words.
asan: export ASAN_OPTIONS = log_path=$(abspath $(BUILD)-asan)/sanitizer
asan: export UBSAN_OPTIONS = $(ASAN_OPTIONS):print_stacktrace=1
asan: ## the quick tests with AddressSanitizer and UBSan
	@rm -f $(BUILD)-asan/sanitizer.*
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-asan CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all' check
	@! cat $(BUILD)-asan/sanitizer.* 2>/dev/null
c-sources = $(shell git ls-files '*.c' '*.h')

install: all ## install programs, man pages, examples, boot files (DESTDIR, PREFIX)
	@scripts/install $(BUILD) $(PREFIX) $(DESTDIR)

clean: ## remove what was built
	rm -rf $(BUILD) $(BUILD)-asan
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26 | sort -u

print-%: # a variable, for scripts
	@echo $($*)

FORCE:
.PHONY: all setup test check check-unit check-golden check-layout \
        check-integration check-boot test-isolation demo lab lab-stop bench artefacts format \
        lint asan install clean help FORCE
.DELETE_ON_ERROR:
# Dependency files lie beside the objects; unpacked trees are not searched.
-include $(shell find $(modules:%=$(BUILD)/%) $(BUILD)/tests $(BUILD)/pic -name '*.d' -type f 2>/dev/null)
