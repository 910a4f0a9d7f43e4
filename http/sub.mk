# Two libraries: a program that only asks does not carry the server.
libs       += httpd httpc
httpd-srcs := http/server.c http/listen.c http/route.c http/reply.c
httpd-inc  := http
httpd-libs := common
httpd-pkgs := libmicrohttpd jansson
httpc-srcs := http/client.c http/transfer.c http/h2.c
httpc-inc  := http
httpc-libs := common
httpc-pkgs := libcurl jansson

tests          += test-http
test-http-srcs := tests/unit/test-http.c tests/unit/http-fixture.c
test-http-libs := httpd httpc common
test-http-pkgs := cmocka

tests                  += test-http-hostile
test-http-hostile-srcs := tests/unit/test-http-hostile.c tests/unit/http-fixture.c
test-http-hostile-libs := httpd httpc common
test-http-hostile-pkgs := cmocka
