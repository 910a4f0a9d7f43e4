/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in and out of SQLite, and what its errors become.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fileio.h"
#include "sql.h"

static char base[] = "/tmp/test-sql.XXXXXX";

static const char *in(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void values_come_back(void **state)
{
	auto_stmt sqlite3_stmt *st = NULL;
	sqlite3 *db = *state;

	assert_int_equal(sql_run(db, NULL, "INSERT INTO t VALUES (?, ?, ?, ?)",
				 "isds", INT64_MIN, "it's", 0.5, NULL),
			 0);
	assert_int_equal(sql_query(db, &st, NULL, "SELECT * FROM t WHERE b = ?",
				   "s", "it's"),
			 0);
	assert_int_equal(sql_step(st, NULL), 1);
	assert_true(sqlite3_column_int64(st, 0) == INT64_MIN);
	assert_string_equal(sql_text(st, 1), "it's");
	assert_true(sqlite3_column_double(st, 2) == 0.5);
	assert_int_equal(sqlite3_column_type(st, 3), SQLITE_NULL);
	assert_string_equal(sql_text(st, 3), "");
	assert_int_equal(sql_step(st, NULL), 0);
}

static void a_number_or_none(void **state)
{
	int64_t n = 7;

	assert_int_equal(sql_int(*state, &n, NULL,
				 "SELECT 1 FROM t WHERE b = ?", "s", "?"),
			 -ENOENT);
	assert_int_equal(n, 7);
	assert_int_equal(
		sql_int(*state, &n, NULL, "SELECT ? + 1", "i", (int64_t)41), 0);
	assert_int_equal(n, 42);
}

static void errors_name_the_file(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	auto_stmt sqlite3_stmt *st = NULL;
	sqlite3 *db;

	assert_int_equal(sql_query(*state, &st, &err, "SELECT x FROM t", ""),
			 -EIO);
	assert_non_null(strstr(err.text, "a.db: no such column"));
	assert_int_equal(sql_open(in("none/a.db"), 0, &db, &err), -EIO);
	assert_null(db);
	assert_non_null(strstr(err.text, "none/a.db: "));
}

static void no_database_is_told_apart(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	char junk[1024];
	sqlite3 *db;

	(void)state;
	memset(junk, 'x', sizeof(junk));
	assert_int_equal(
		fileio_write_atomic(in("junk"), junk, sizeof(junk), 0600, NULL),
		0);
	assert_int_equal(sql_open(in("junk"), 0, &db, &err), 0);
	assert_int_equal(sql_exec(db, &err, "SELECT * FROM t"), -EBADMSG);
	sqlite3_close(db);
}

static void a_lock_is_busy(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	sqlite3 *db;

	assert_int_equal(sql_exec(*state, NULL, "BEGIN IMMEDIATE"), 0);
	assert_int_equal(sql_open(in("a.db"), 10, &db, &err), 0);
	assert_int_equal(sql_exec(db, &err, "BEGIN IMMEDIATE"), -EBUSY);
	sqlite3_close(db);
	assert_int_equal(sql_exec(*state, NULL, "ROLLBACK"), 0);
}

static int open_db(void **state)
{
	sqlite3 *db = NULL;

	if (!mkdtemp(base) || sql_open(in("a.db"), 1000, &db, NULL))
		return -1;
	*state = db;
	return sql_exec(db, NULL, "CREATE TABLE t (a, b, c, d)");
}

static int close_db(void **state)
{
	char command[64];

	sqlite3_close(*state);
	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(values_come_back),
		cmocka_unit_test(a_number_or_none),
		cmocka_unit_test(errors_name_the_file),
		cmocka_unit_test(no_database_is_told_apart),
		cmocka_unit_test(a_lock_is_busy),
	};

	return cmocka_run_group_tests(all, open_db, close_db);
}
