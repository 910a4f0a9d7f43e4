progs          += gridagent
gridagent-srcs := gridagent/main.c gridagent/super.c gridagent/sandbox.c \
                  gridagent/ipc.c gridagent/messages.c \
                  gridagent/proc-main.c gridagent/calls.c gridagent/http.c \
                  gridagent/boot.c gridagent/node.c gridagent/blob.c \
                  gridagent/image.c gridagent/domu.c gridagent/reconcile.c \
                  gridagent/report.c \
                  gridagent/proc-net.c \
                  gridagent/proc-verify.c gridagent/verify-docs.c \
                  gridagent/proc-hv.c gridagent/policy.c gridagent/facts.c
gridagent-libs := hv imagerepo trust common
gridagent-pkgs := libcurl jansson libsodium libseccomp

# For tests/integration/agent.bats.
progs             += fake-gateway agent-keys
fake-gateway-srcs := tests/integration/fake-gateway.c
fake-gateway-libs := httpd trust common
agent-keys-srcs   := tests/integration/agent-keys.c
agent-keys-libs   := imagerepo trust common
