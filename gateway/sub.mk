progs         += gatewayd
gatewayd-srcs := $(addprefix gateway/,main.c reload.c gateway.c config.c \
                 config-set.c config-uplink.c config-walls.c \
                 config-scratch.c config-check.c generate.c \
                 generate-nginx.c generate-nginx-repo.c generate-repo.c \
                 generate-dnsmasq.c facts.c release.c boot.c \
                 boot-http.c store.c store-node.c node.c node-json.c wire.c \
                 request.c auth.c mirror.c enrol.c report.c desired.c admin.c \
                 admin-segment.c \
                 workspace.c assign.c uplink.c upward.c tunnel.c walls.c \
                 segment.c foreign.c foreign-probe.c dhcp-frame.c)
gatewayd-inc  := gateway
gatewayd-libs := httpd httpc trust sql tls wg acl-nft acl scratch common
gatewayd-pkgs := jansson libsodium libcrypto libseccomp
gatewayd-ldlibs := -lpthread

tests += test-gateway-assign test-gateway-request test-gateway-boot \
         test-gateway-config test-gateway-wire fake-node
test-gateway-assign-srcs := tests/unit/test-gateway-assign.c gateway/assign.c
test-gateway-assign-pkgs := cmocka
test-gateway-assign-cppflags := -Igateway
test-gateway-assign-libs := scratch common
test-gateway-request-srcs := tests/unit/test-gateway-request.c gateway/request.c
test-gateway-request-pkgs := cmocka
test-gateway-request-cppflags := -Igateway
test-gateway-request-libs := trust scratch common
test-gateway-boot-srcs := tests/unit/test-gateway-boot.c gateway/boot.c \
                          gateway/release.c
test-gateway-boot-cppflags := -Igateway
test-gateway-boot-libs := scratch common
test-gateway-boot-pkgs := jansson cmocka
test-gateway-config-srcs := tests/unit/test-gateway-config.c gateway/config.c \
                            gateway/config-set.c gateway/config-uplink.c \
                            gateway/config-walls.c gateway/config-scratch.c \
                            gateway/config-check.c
test-gateway-config-pkgs := cmocka
test-gateway-config-cppflags := -Igateway
test-gateway-config-libs := wg scratch common
test-gateway-wire-srcs := tests/unit/test-gateway-wire.c gateway/wire.c \
                          gateway/workspace.c gateway/node.c
test-gateway-wire-pkgs := cmocka jansson
test-gateway-wire-cppflags := -Igateway
test-gateway-wire-libs := trust wg scratch common
tests += test-dhcp-frame test-fuzz-dhcp
test-dhcp-frame-srcs := tests/unit/test-dhcp-frame.c gateway/dhcp-frame.c
test-dhcp-frame-pkgs := cmocka
test-dhcp-frame-cppflags := -Igateway
test-dhcp-frame-libs := common
test-fuzz-dhcp-srcs := tests/fuzz/replay.c tests/fuzz/dhcp.c gateway/dhcp-frame.c
test-fuzz-dhcp-libs := common
test-fuzz-dhcp-cppflags := -Igateway
# A node's side of the protocol, for tests/integration.
fake-node-srcs := tests/integration/fake-node.c
fake-node-libs := httpc trust tls common
