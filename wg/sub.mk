libs    += wg
wg-srcs := wg/wg.c wg/key.c wg/link.c wg/netlink.c wg/uapi.c wg/userspace.c
wg-libs := common
wg-pkgs := libmnl libsodium

tests        += test-wg try-wg
test-wg-srcs := tests/unit/test-wg.c
test-wg-libs := wg common
test-wg-pkgs := cmocka
test-wg-cppflags := -Iwg
# A tunnel's end by hand, for tests/integration.
try-wg-srcs := tests/integration/try-wg.c
try-wg-libs := wg common
