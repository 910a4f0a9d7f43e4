# Two libraries: a process that may not open sockets has its own source.
libs            += imagedev imagedev-curl
imagedev-srcs   := $(addprefix imagedev/,device.c find.c read.c unit.c \
                   cache.c decode.c fetch.c late.c offer.c share.c nbd.c nbd-out.c nbd-option.c)
imagedev-libs   := imagerepo trust common
imagedev-pkgs   := libzstd
imagedev-ldlibs := -pthread
imagedev-curl-srcs := imagedev/source-curl.c
imagedev-curl-inc  := imagedev
imagedev-curl-libs := httpc common
imagedev-curl-pkgs := libcurl

# The program.
progs              += imagedev-tool
imagedev-tool-exe  := imagedev
imagedev-tool-srcs := $(addprefix imagedev/tool/,main.c serve.c listen.c disk.c dir.c \
                      image.c fetch.c)
imagedev-tool-libs := imagedev-curl imagedev imagerepo httpc tuf trust common
imagedev-tool-pkgs := jansson libcurl

# As a plugin of nbdkit, for tests with its filters.
plugins                   += nbdkit-imagedev-plugin
nbdkit-imagedev-plugin-srcs := $(addprefix imagedev/tool/,nbdkit-plugin.c serve.c disk.c \
                             dir.c image.c fetch.c)
nbdkit-imagedev-plugin-libs := imagedev-curl imagedev imagerepo httpc tuf trust common
nbdkit-imagedev-plugin-pkgs := jansson libcurl nbdkit

define imagedev-test
tests     += $(1)
$(1)-srcs := tests/unit/$(1).c tests/unit/imagedev-world.c tests/unit/imagedev-fixture.c
$(1)-libs := imagedev imagerepo trust common
$(1)-pkgs := cmocka
endef
$(foreach t,test-imagedev test-imagedev-fetch test-imagedev-air,$(eval $(call imagedev-test,$(t))))

tests                    += test-imagedev-share
test-imagedev-share-srcs := tests/unit/test-imagedev-share.c tests/unit/imagedev-fixture.c
test-imagedev-share-libs := imagedev imagerepo trust common
test-imagedev-share-pkgs := cmocka

tests                 += test-fuzz-nbd
test-fuzz-nbd-srcs := tests/fuzz/replay.c tests/fuzz/nbd.c tests/unit/imagedev-fixture.c
test-fuzz-nbd-libs := imagedev imagerepo trust common
test-fuzz-nbd-pkgs := jansson libzstd
test-fuzz-nbd-ldlibs := -pthread

tests           += lazy-image
lazy-image-srcs := tests/integration/lazy-image.c tests/unit/imagedev-fixture.c
lazy-image-libs := imagedev imagerepo trust common
lazy-image-pkgs := jansson

tests           += bad-http flip-bytes
bad-http-srcs   := tests/integration/bad-http.c
bad-http-libs   := common
flip-bytes-srcs := tests/integration/flip-bytes.c

tests                  += bench-read-client
bench-read-client-srcs := tests/bench/read/client.c
bench-read-client-libs := common

tests            += bench-share
bench-share-srcs := tests/bench/share/share.c
bench-share-libs := imagedev imagerepo trust common
