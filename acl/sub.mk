# Two libraries: what needs no kernel, and what speaks with it.
libs         += acl acl-nft
acl-srcs     := $(addprefix acl/,policy.c problem.c names.c parse.c \
                parse-macro.c parse-item.c parse-line.c parse-when.c check.c \
                check-order.c print.c compile.c rules.c hours.c floor.c \
                lower.c lower-set.c emit.c emit-rule.c)
acl-libs     := common
acl-nft-srcs := $(addprefix acl/,nft.c listing.c carry.c counts.c \
                dropped.c live.c)
acl-nft-inc  := acl
acl-nft-libs := common
acl-nft-pkgs := jansson libnftables

# The program. It reads nightshift.conf as gatewayd does.
progs         += aclc
aclc-srcs     := $(addprefix acl/tool/,main.c common.c text.c diff.c \
                 lines.c apply.c pending.c show.c judge.c prove.c explain.c) \
                 $(addprefix gateway/,facts.c config.c config-set.c \
                 config-uplink.c config-walls.c config-scratch.c config-check.c)
aclc-inc      := acl
aclc-cppflags := -Igateway
aclc-libs     := acl-nft aclprove nftmodel walls acl scratch common
aclc-pkgs     := jansson

tests                 += test-fuzz-policy
test-fuzz-policy-srcs := tests/fuzz/replay.c tests/fuzz/policy.c tests/unit/acl-fixture.c
test-fuzz-policy-libs := acl common
tests             += test-acl
test-acl-srcs     := tests/unit/test-acl.c tests/unit/acl-fixture.c
test-acl-libs     := acl common
test-acl-cppflags := -Iacl
test-acl-pkgs     := cmocka
