# The example job. Statically linked: it travels as an input file and runs in
# any image.
libs          += mersenne
mersenne-srcs := jobs/lucas-lehmer/mersenne.c jobs/lucas-lehmer/square.c
mersenne-inc  := jobs/lucas-lehmer

progs             += lucas-lehmer
lucas-lehmer-srcs := jobs/lucas-lehmer/main.c
lucas-lehmer-libs := mersenne
# Sanitizers need the dynamic loader.
$(BUILD)/bin/lucas-lehmer: private LDHARDEN := $(if $(findstring sanitize,$(CFLAGS)),$(LDHARDEN),$(subst -pie,-static-pie,$(LDHARDEN)))

tests                  += test-lucas-lehmer
test-lucas-lehmer-srcs := tests/unit/test-lucas-lehmer.c
test-lucas-lehmer-libs := mersenne
