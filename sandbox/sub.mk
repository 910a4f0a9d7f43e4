libs         += sandbox
sandbox-srcs := sandbox/sandbox.c
sandbox-libs := common
sandbox-pkgs := libseccomp
