# All that speaks messages needs these.
gridagent-messages := $(addprefix gridagent/,messages.c messages-fields-node.c \
                      messages-fields-disk.c)

progs          += gridagent
gridagent-srcs := gridagent/main.c gridagent/super.c \
                  gridagent/ipc.c $(gridagent-messages) \
                  gridagent/proc-main.c gridagent/calls.c gridagent/http.c \
                  gridagent/boot.c gridagent/node.c gridagent/node-enrol.c \
                  gridagent/node-lease.c gridagent/blob.c \
                  gridagent/manifest.c gridagent/image.c gridagent/domu.c \
                  gridagent/death.c gridagent/reconcile.c \
                  gridagent/report.c \
                  gridagent/proc-net.c gridagent/net-get.c \
                  gridagent/proc-blk.c gridagent/blk-get.c gridagent/blk-air.c \
                  gridagent/proc-air.c gridagent/air.c \
                  gridagent/disk.c \
                  gridagent/proc-verify.c gridagent/verify-docs.c gridagent/verify-image.c \
                  gridagent/proc-hv.c gridagent/hv-config.c \
                  gridagent/policy.c gridagent/facts.c \
                  gridagent/cmdline.c gridagent/watchdog.c \
                  gridagent/scratch.c gridagent/proc-scratch.c \
                  gridagent/fake-scratch.c gridagent/drivers.c \
                  gridagent/netdom.c gridagent/tunnel.c gridagent/hv-netdom.c \
                  gridagent/hv-walls.c gridagent/hv-scratch.c gridagent/walls-facts.c \
                  gridagent/proc-chan.c gridagent/chan-connect.c \
                  gridagent/chan.c gridagent/wire-vchan.c
gridagent-libs := hv walls scratch carousel imagedev imagerepo httpc tuf trust sandbox common
gridagent-pkgs := libnftables libcurl jansson libsodium xenvchan

# What of it runs in netdom.
progs        += gridnet
gridnet-srcs := gridagent/gridnet.c gridagent/super.c \
                gridagent/ipc.c $(gridagent-messages) \
                gridagent/proc-net.c gridagent/net-get.c gridagent/proc-air.c \
                gridagent/proc-tun.c gridagent/tun-net.c gridagent/tun-vifs.c \
                gridagent/walls-facts.c \
                gridagent/proc-chan.c gridagent/chan.c gridagent/wire-vchan.c
gridnet-libs := walls wg carousel httpc sandbox common
gridnet-pkgs := libnftables libmnl xenstore libcurl libsodium xenvchan

# For tests/integration/agent*.bats.
progs             += fake-gateway
fake-gateway-srcs := tests/integration/fake-gateway.c
fake-gateway-libs := httpd trust common

tests += test-agent-messages test-agent-reconcile test-agent-verify \
         test-agent-policy
test-agent-messages-srcs     := tests/unit/test-agent-messages.c \
                                $(gridagent-messages) gridagent/ipc.c
test-agent-messages-libs     := common
test-agent-messages-pkgs     := cmocka
test-agent-messages-cppflags := -Igridagent

test-agent-reconcile-srcs     := tests/unit/test-agent-reconcile.c \
                                 gridagent/reconcile.c
test-agent-reconcile-libs     := common
test-agent-reconcile-pkgs     := cmocka
test-agent-reconcile-cppflags := -Igridagent

test-agent-verify-srcs     := tests/unit/test-agent-verify.c \
                              gridagent/verify-docs.c
test-agent-verify-libs     := imagerepo trust scratch common
test-agent-verify-pkgs     := cmocka jansson
test-agent-verify-cppflags := -Igridagent

test-agent-policy-srcs     := tests/unit/test-agent-policy.c \
                              gridagent/policy.c gridagent/facts.c \
                              gridagent/cmdline.c
test-agent-policy-libs     := common
test-agent-policy-pkgs     := cmocka
test-agent-policy-cppflags := -Igridagent

tests += test-fuzz-agent
test-fuzz-agent-srcs     := tests/fuzz/replay.c tests/fuzz/agent.c \
                            gridagent/verify-docs.c $(gridagent-messages)
test-fuzz-agent-libs     := imagerepo trust scratch common
test-fuzz-agent-pkgs     := jansson
test-fuzz-agent-cppflags := -Igridagent

tests += test-agent-chan
test-agent-chan-srcs     := tests/unit/test-agent-chan.c gridagent/chan.c \
                            $(gridagent-messages) gridagent/ipc.c
test-agent-chan-libs     := common
test-agent-chan-pkgs     := cmocka
test-agent-chan-cppflags := -Igridagent

tests += test-agent-drivers
test-agent-drivers-srcs     := tests/unit/test-agent-drivers.c \
                               gridagent/drivers.c
test-agent-drivers-libs     := common
test-agent-drivers-pkgs     := cmocka
test-agent-drivers-cppflags := -Igridagent
