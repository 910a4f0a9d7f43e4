progs       += worker
worker-srcs := worker/main.c worker/config.c worker/lease.c worker/task.c \
               worker/output.c worker/run.c worker/fetch.c worker/sandbox.c \
               worker/cgroup.c
worker-libs := httpc common
worker-pkgs := xenstore

# For tests/integration/worker.bats.
progs             += fake-central
fake-central-srcs := tests/integration/fake-central.c
fake-central-libs := httpd common
