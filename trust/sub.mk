libs       += trust
trust-srcs := trust/canonical.c trust/key.c trust/document.c trust/root.c
trust-libs := common
trust-pkgs := libsodium jansson
