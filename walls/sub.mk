libs       += walls
walls-srcs := walls/text.c walls/lan.c walls/dom0.c walls/netdom.c walls/vif.c \
              walls/load.c
walls-libs := common
walls-pkgs := libnftables

progs          += wallsctl
wallsctl-srcs  := walls/wallsctl.c
wallsctl-libs  := walls common
wallsctl-pkgs  := libnftables

# For tests/integration/walls.bats.
tests       += frames
frames-srcs := tests/integration/frames.c
frames-libs := common
