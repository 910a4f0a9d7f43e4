libs        += common
common-srcs := common/errinfo.c common/cleanup.c common/log.c common/parse.c \
               common/fileio.c common/hash.c common/conf.c common/conf-lex.c \
               common/cmd.c common/clock.c common/buf.c common/loop.c
common-pkgs := libcrypto

tests            += test-common
test-common-srcs := tests/unit/test-common.c
test-common-libs := common
test-common-pkgs := cmocka
