libs     += sql
sql-srcs := sql/sql.c
sql-libs := common
sql-pkgs := sqlite3

tests         += test-sql
test-sql-srcs := tests/unit/test-sql.c
test-sql-libs := sql common
test-sql-pkgs := cmocka
