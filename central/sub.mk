# The engine is a library of its own: its tests need no HTTP.
libs           += engine
engine-srcs    := central/engine.c central/engine-db.c central/schema.c \
                  central/engine-spec.c central/engine-job.c \
                  central/engine-lease.c central/engine-output.c \
                  central/engine-result.c central/engine-file.c \
                  central/engine-workspace.c
engine-inc     := central
engine-libs    := sql common
engine-pkgs    := jansson

tests            += test-engine
test-engine-srcs := tests/unit/test-engine.c tests/unit/engine-fixture.c
test-engine-libs := engine sql common
test-engine-pkgs := cmocka

tests                   += test-engine-submit
test-engine-submit-srcs := tests/unit/test-engine-submit.c tests/unit/engine-fixture.c
test-engine-submit-libs := engine sql common
test-engine-submit-pkgs := cmocka

progs          += centrald
centrald-srcs  := central/main.c central/config.c central/generate.c \
                  central/auth.c central/wait.c central/images.c \
                  central/catalogue.c \
                  central/sites.c central/api.c central/api-work.c \
                  central/api-job.c central/api-site.c
centrald-inc   := central
centrald-libs  := engine imagerepo tuf trust httpd sql tls common
centrald-pkgs  := jansson

# What the integration tests of central and gridctl need.
tests             += worker-pool
worker-pool-srcs  := tests/integration/worker-pool.c
worker-pool-libs  := httpc common
worker-pool-pkgs  := jansson
