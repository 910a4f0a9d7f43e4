# Beside common and not in it: only servers make certificates.
libs     += tls
tls-srcs := tls/tls.c
tls-libs := common
tls-pkgs := libcrypto

tests         += test-tls
test-tls-srcs := tests/unit/test-tls.c
test-tls-libs := tls common
test-tls-pkgs := cmocka
