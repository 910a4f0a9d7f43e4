libs         += scratch
scratch-srcs := scratch/guid.c scratch/types.c scratch/gpt.c scratch/find.c scratch/mark.c \
                scratch/crypt.c scratch/open.c
scratch-libs := common

tests             += test-scratch
test-scratch-srcs := tests/unit/test-scratch.c
test-scratch-libs := scratch common
test-scratch-pkgs := cmocka

tests                 += test-fuzz-gpt
test-fuzz-gpt-srcs    := tests/fuzz/replay.c tests/fuzz/gpt.c
test-fuzz-gpt-libs    := scratch common
test-fuzz-gpt-cppflags := -Iscratch

tests            += scratch-try
scratch-try-srcs := tests/boot/scratch-try.c
scratch-try-libs := scratch common
