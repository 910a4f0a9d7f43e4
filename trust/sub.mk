libs       += trust
trust-srcs := trust/canonical.c trust/key.c trust/document.c trust/root.c
trust-libs := common
trust-pkgs := libsodium jansson

tests                    += test-trust-key test-trust-document
test-trust-key-srcs      := tests/unit/test-trust-key.c
test-trust-key-libs      := trust common
test-trust-key-pkgs      := cmocka
test-trust-document-srcs := tests/unit/test-trust-document.c
test-trust-document-libs := trust common
test-trust-document-pkgs := cmocka
