libs          += imagedev
imagedev-srcs := $(addprefix imagedev/,device.c read.c nbd.c nbd-option.c)
imagedev-libs := imagerepo trust common

# The program.
progs              += imagedev-tool
imagedev-tool-exe  := imagedev
imagedev-tool-srcs := $(addprefix imagedev/tool/,main.c listen.c disk.c)
imagedev-tool-libs := imagedev imagerepo trust common
imagedev-tool-pkgs := jansson
