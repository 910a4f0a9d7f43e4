libs           += imagerepo
imagerepo-srcs := $(addprefix imagerepo/,manifest.c channel.c path.c store.c \
                  list.c)
imagerepo-libs := trust common
imagerepo-pkgs := jansson
