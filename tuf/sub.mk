libs     += tuf
tuf-srcs := $(addprefix tuf/,client.c document.c path.c targets.c walk.c write.c \
            delegate.c)
tuf-libs := trust common
tuf-pkgs := jansson
