progs         += gatewayd
gatewayd-srcs := $(addprefix gateway/,main.c reload.c gateway.c config.c \
                 config-check.c generate.c generate-nginx.c generate-dnsmasq.c \
                 generate-nftables.c tls.c release.c boot.c boot-http.c \
                 store.c store-node.c node.c node-json.c wire.c request.c \
                 auth.c enrol.c report.c desired.c admin.c workspace.c assign.c \
                 uplink.c)
gatewayd-inc  := gateway
gatewayd-libs := httpd httpc trust common
gatewayd-pkgs := sqlite3 jansson libsodium libcrypto
gatewayd-ldlibs := -lpthread
