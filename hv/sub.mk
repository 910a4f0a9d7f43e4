libs    += hv
hv-srcs := hv/hv.c hv/check.c hv/names.c hv/event.c hv/console.c \
           hv/backend-libxl.c hv/libxl-facts.c hv/libxl-create.c \
           hv/libxl-log.c hv/xenbus.c hv/hotplug.c hv/hotplug-vbd.c \
           hv/hotplug-vif.c hv/loopdev.c hv/netif.c hv/backend-fake.c \
           hv/fake-file.c hv/fake-guest.c hv/fake-disk.c hv/disk.c hv/nbd.c
hv-libs := common
hv-ldlibs := -pthread
hv-pkgs := xenlight xenstore xentoollog

progs      += hvctl
hvctl-srcs := hv/hvctl/hvctl.c hv/hvctl/create.c hv/hvctl/show.c
hvctl-libs := hv common
hvctl-pkgs := jansson

define hv-test
tests     += $(1)
$(1)-srcs := tests/unit/$(1).c tests/unit/hv-fixture.c
$(1)-libs := hv common
$(1)-pkgs := cmocka
endef
$(foreach t,test-hv test-hv-refuse,$(eval $(call hv-test,$(t))))
