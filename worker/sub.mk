progs       += worker
worker-srcs := worker/main.c worker/config.c worker/lease.c worker/task.c \
               worker/output.c worker/run.c worker/fetch.c worker/sandbox.c \
               worker/cgroup.c worker/scratch.c
worker-libs := httpc common
worker-pkgs := xenstore

# For tests/integration/worker.bats.
progs             += fake-central
fake-central-srcs := tests/integration/fake-central.c
fake-central-libs := httpd common

tests                       += test-worker-task test-worker-output
test-worker-task-srcs       := tests/unit/test-worker-task.c worker/task.c
test-worker-task-cppflags   := -Iworker -Ihttp/include
test-worker-task-libs       := common
test-worker-task-pkgs       := jansson cmocka
test-worker-output-srcs     := tests/unit/test-worker-output.c worker/output.c
test-worker-output-cppflags := -Iworker -Ihttp/include
test-worker-output-libs     := common
test-worker-output-pkgs     := jansson cmocka
