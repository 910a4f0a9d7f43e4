# Claims about the compiled rules, tried on the model; and one packet's way.
libs              += aclprove
aclprove-srcs     := $(addprefix acl/prove/,world.c ways.c allow.c claims.c report.c \
                     place.c explain.c domus.c node.c)
aclprove-inc      := acl/prove
aclprove-libs     := nftmodel walls acl common
aclprove-cppflags := -Iacl

tests               += test-acl-prove
test-acl-prove-srcs := tests/unit/test-acl-prove.c tests/unit/acl-fixture.c
test-acl-prove-libs := aclprove nftmodel walls acl common
test-acl-prove-pkgs := cmocka

tests                 += test-walls-prove
test-walls-prove-srcs := tests/unit/test-walls-prove.c
test-walls-prove-libs := aclprove nftmodel walls acl common
test-walls-prove-pkgs := cmocka

# The packet matrix (make test-isolation), and holes cut into the rules.
tests              += isolation
isolation-srcs     := $(addprefix tests/isolation/,main.c mutants.c confirm.c \
                      probe.c frames.c point.c run.c bench.c wire.c) \
                      tests/unit/acl-fixture.c
isolation-libs     := aclprove nftmodel walls acl common
isolation-cppflags := -Itests/isolation -Itests/unit
isolation-pkgs     := libnftables jansson

# tests/bench/acl: packets a second.
tests                      += bench-acl-forward
bench-acl-forward-srcs     := tests/bench/acl/forward.c \
                              $(addprefix tests/isolation/,bench.c wire.c)
bench-acl-forward-libs     := acl common
bench-acl-forward-cppflags := -Itests/isolation
bench-acl-forward-pkgs     := libnftables

# For root in a domU, in any image; what scans a node from its segment; what
# records and judges frames, and what reports on all of it.
tests                 += isolation-send isolation-scan isolation-pcap isolation-report
isolation-send-srcs   := $(addprefix tests/isolation/,send.c attack.c wire.c)
isolation-scan-srcs   := $(addprefix tests/isolation/,scan.c wire.c)
isolation-pcap-srcs   := $(addprefix tests/isolation/,pcap.c pcap-file.c wire.c)
isolation-report-srcs := $(addprefix tests/isolation/,report.c attack.c pcap-file.c wire.c)
$(BUILD)/bin/isolation-send: private LDHARDEN := $(if $(findstring sanitize,$(CFLAGS)),$(LDHARDEN),$(subst -pie,-static-pie,$(LDHARDEN)))
