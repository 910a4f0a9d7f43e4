progs        += gridctl
gridctl-srcs := $(addprefix gridctl/,main.c config.c ask.c format.c table.c \
                progress.c segment.c node.c image.c workspace.c job.c result.c \
                job-spec.c submit.c completion.c)
gridctl-libs := httpc common
gridctl-pkgs := jansson
