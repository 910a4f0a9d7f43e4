libs     += tuf
tuf-srcs := $(addprefix tuf/,client.c document.c path.c result.c targets.c walk.c \
            write.c delegate.c)
tuf-libs := trust common
tuf-pkgs := jansson

tests                += test-tuf-client
test-tuf-client-srcs := tests/unit/test-tuf-client.c tests/unit/tuf-sim.c \
                        tests/unit/tuf-attack-bytes.c tests/unit/tuf-attack-time.c \
                        tests/unit/tuf-attack-keys.c
test-tuf-client-libs := tuf trust common
test-tuf-client-pkgs := cmocka jansson

tests                 += test-tuf-targets
test-tuf-targets-srcs := tests/unit/test-tuf-targets.c tests/unit/tuf-sim.c
test-tuf-targets-libs := tuf trust common
test-tuf-targets-pkgs := cmocka jansson

tests              += test-fuzz-tuf
test-fuzz-tuf-srcs := tests/fuzz/replay.c tests/fuzz/tuf.c
test-fuzz-tuf-libs := tuf trust common
test-fuzz-tuf-pkgs := jansson
