# What a packet filter does, computed: the model that aclc explains and proves on.
libs          += nftmodel
nftmodel-srcs := $(addprefix acl/model/,space.c space-index.c space-value.c \
                 parse.c rule.c key.c value.c match.c text.c pass.c load.c \
                 portion.c)
nftmodel-inc  := acl/model
nftmodel-libs := common
nftmodel-pkgs := jansson libnftables

tests           += test-space
test-space-srcs := tests/unit/test-space.c
test-space-libs := nftmodel common
test-space-pkgs := cmocka

tests              += test-nftmodel
test-nftmodel-srcs := tests/unit/test-nftmodel.c
test-nftmodel-libs := nftmodel common
test-nftmodel-pkgs := cmocka
tests                     += test-fuzz-nftlist
test-fuzz-nftlist-srcs    := tests/fuzz/replay.c tests/fuzz/nftlist.c
test-fuzz-nftlist-libs    := nftmodel common
test-fuzz-nftlist-pkgs    := jansson libnftables
