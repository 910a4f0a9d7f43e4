libs          += carousel
carousel-srcs := $(addprefix carousel/,wire.c fec.c socket.c recv.c recv-read.c recv-block.c \
                 recv-ask.c send.c send-object.c send-plan.c send-want.c)
carousel-libs := common
carousel-pkgs := libisal

progs          += carouseld
carouseld-srcs := $(addprefix carousel/tool/,main.c serve.c receive.c fetch.c)
carouseld-inc  := carousel
carouseld-libs := carousel sandbox common
carouseld-pkgs := libcurl libcrypto

tests                  += test-carousel test-fuzz-carousel
test-carousel-srcs     := tests/unit/test-carousel.c
test-carousel-cppflags := -Icarousel
test-carousel-libs     := carousel common
test-carousel-pkgs     := cmocka
test-fuzz-carousel-srcs     := tests/fuzz/replay.c tests/fuzz/carousel.c
test-fuzz-carousel-libs     := carousel common
test-fuzz-carousel-pkgs     := libisal
test-fuzz-carousel-cppflags := -Icarousel

# tests/bench/storm: many receivers in one process.
tests               += carousel-crowd
carousel-crowd-srcs := tests/bench/storm/crowd.c
carousel-crowd-libs := carousel common
# What it costs to read and drop what they get.
tests                   += carousel-drain
carousel-drain-srcs     := tests/bench/storm/drain.c
carousel-drain-cppflags := -Icarousel
carousel-drain-libs     := carousel common
carousel-drain-pkgs     := libisal
