/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded engine: tasks, leases, results, cancelling. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine-fixture.h"
#include "fileio.h"

/* --- the life of a task -------------------------------------------------- */

static void job_runs_to_done(void **state)
{
	int64_t id = submit("{" CMD ",\"count\":2,\"name\":\"two\"}");
	struct held a, b, none;

	(void)state;
	assert_true(id > 0);
	check_state(id, "queued");
	assert_true(lease(&a));
	assert_int_equal(a.index, 0);
	check_state(id, "running");
	assert_true(lease(&b));
	assert_int_equal(b.index, 1);
	assert_false(lease(&none));
	assert_int_equal(output(&a, 0, "hello"), 0);
	assert_int_equal(result(&a, 0, "hello"), 0);
	assert_int_equal(result(&b, 0, ""), 0);
	check_state(id, "done");
	assert_int_equal(job_int(id, "done"), 2);
	assert_int_equal(job_int(id, "ended_ms"), now);
}

static void index_is_expanded_everywhere(void **state)
{
	struct engine_worker w = { "w", "", 0 };
	json_t *t, *argv;

	(void)state;
	assert_true(submit("{\"command\":[\"ll\",\"{index}-{index}x\"],"
			   "\"first\":7,\"env\":{\"I\":\"={index}\"}}") > 0);
	assert_int_equal(engine_lease(e, &w, &t, &err), 0);
	argv = json_object_get(t, "command");
	assert_string_equal(json_string_value(json_array_get(argv, 1)), "7-7x");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(t, "env"), "I")),
			    "=7");
	json_decref(t);
}

static void higher_priority_goes_first(void **state)
{
	int64_t low = submit("{" CMD ",\"count\":2}");
	int64_t high = submit("{" CMD ",\"priority\":5}");
	int64_t same = submit("{" CMD "}");
	struct held h;
	const int64_t order[] = { high, low, low, same };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_true(lease(&h));
		assert_int_equal(h.job, order[i]);
	}
}

static void too_large_a_task_is_passed_over(void **state)
{
	int64_t big = submit("{" CMD ",\"limits\":{\"memory_mib\":512}}");
	int64_t small = submit("{" CMD ",\"limits\":{\"memory_mib\":32}}");
	struct held h;

	(void)state;
	assert_true(lease_as("", 100, &h));
	assert_int_equal(h.job, small);
	assert_false(lease_as("", 100, &h));
	assert_true(lease_as("", 512, &h));
	assert_int_equal(h.job, big);
}

static void failure_is_retried_then_final(void **state)
{
	int64_t id = submit("{" CMD ",\"retries\":1}");
	struct held h;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(result(&h, 1, ""), 0);
	check_state(id, "running");
	assert_true(lease(&h));
	assert_int_equal(h.attempt, 2);
	assert_int_equal(result(&h, 1, ""), 0);
	check_state(id, "failed");
	assert_false(lease(&h));
}

static void retry_may_succeed(void **state)
{
	int64_t id = submit("{" CMD ",\"retries\":1}");
	struct held h;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(result(&h, 1, ""), 0);
	assert_true(lease(&h));
	assert_int_equal(result(&h, 0, ""), 0);
	check_state(id, "done");
}

static void tasks_come_page_by_page(void **state)
{
	int64_t id = submit("{" CMD ",\"count\":4500,\"first\":10}");
	int64_t from = 0, seen = 0;
	json_t *page, *next;

	(void)state;
	do {
		assert_int_equal(engine_tasks(e, id, from, &page, &err), 0);
		seen += (int64_t)json_array_size(json_object_get(page, "tasks"));
		next = json_object_get(page, "next");
		from = json_integer_value(next);
		json_decref(page);
	} while (from);
	assert_int_equal(seen, 4500);
	assert_int_equal(engine_cancel(e, id, &err), 0);
	check_state(id, "cancelled");
	assert_int_equal(job_int(id, "ended_ms"), now);
}

/* --- leases -------------------------------------------------------------- */

static void lost_lease_is_given_out_again(void **state)
{
	int64_t id = submit("{" CMD ",\"retries\":0}");
	struct held old, new;
	int cancel;

	(void)state;
	assert_true(lease(&old));
	expire_after(9999);
	assert_false(lease(&new));
	expire_after(1);
	assert_true(lease(&new));
	assert_int_equal(new.attempt, 2);
	assert_int_equal(renew(&old, &cancel), -ESTALE);
	assert_int_equal(output(&old, 0, "x"), -ESTALE);
	assert_int_equal(result(&old, 0, ""), -ESTALE);
	assert_int_equal(result(&new, 0, ""), 0);
	check_state(id, "done");
	assert_int_equal(job_int(id, "done"), 1);
}

static void renewed_lease_lives_on(void **state)
{
	struct held h, none;
	int cancel, i;

	(void)state;
	submit("{" CMD "}");
	assert_true(lease(&h));
	for (i = 0; i < 5; i++) {
		expire_after(9000);
		assert_int_equal(renew(&h, &cancel), 0);
		assert_false(cancel);
	}
	assert_false(lease(&none));
}

static void endless_losses_end_in_failed(void **state)
{
	int64_t id = submit("{" CMD "}");
	struct held h;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_true(lease(&h));
		expire_after(10000);
	}
	assert_false(lease(&h));
	check_state(id, "failed");
}

static void restart_gives_leases_new_time(void **state)
{
	int64_t id = submit("{" CMD "}");
	struct held h;
	int cancel;

	(void)state;
	assert_true(lease(&h));
	now += 3600 * 1000;
	reopen();
	assert_int_equal(engine_expire(e, NULL, &err), 0);
	assert_int_equal(renew(&h, &cancel), 0);
	assert_int_equal(result(&h, 0, ""), 0);
	check_state(id, "done");
}

static void only_its_workspace_holds_a_lease(void **state)
{
	struct held h;

	(void)state;
	submit("{" CMD "}");
	assert_true(lease_as("a", 0, &h));
	assert_int_equal(engine_lease_check(e, h.lease, "a", &err), 0);
	assert_int_equal(engine_lease_check(e, h.lease, "b", &err), -ESTALE);
	assert_int_equal(engine_lease_check(e, h.lease, "", &err), 0);
}

/* --- results ------------------------------------------------------------- */

static void repeated_result_is_confirmed_once_counted(void **state)
{
	int64_t id = submit("{" CMD ",\"count\":2}");
	struct held h;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(result(&h, 0, ""), 0);
	assert_int_equal(result(&h, 0, ""), 0);
	reopen();
	assert_int_equal(result(&h, 0, ""), 0);
	assert_int_equal(job_int(id, "done"), 1);
	/* Another story from the same lease is not. */
	assert_int_equal(result(&h, 1, ""), -ESTALE);
	assert_int_equal(job_int(id, "done"), 1);
}

static void repeated_failure_costs_one_retry(void **state)
{
	int64_t id = submit("{" CMD ",\"retries\":1}");
	struct held h, again;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(result(&h, 1, ""), 0);
	assert_int_equal(result(&h, 1, ""), 0);
	assert_true(lease(&again));
	assert_int_equal(result(&h, 1, ""), 0);
	assert_int_equal(result(&again, 0, ""), 0);
	check_state(id, "done");
}

static void result_must_match_the_output(void **state)
{
	int64_t id = submit("{" CMD "}");
	struct held h;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(output(&h, 0, "hellO"), 0);
	assert_int_equal(result(&h, 0, "hello"), -EINVAL);
	assert_int_equal(result(&h, 0, "hello!"), -EINVAL);
	check_state(id, "running");
	assert_int_equal(output(&h, 0, "hello"), 0);
	assert_int_equal(result(&h, 0, "hello"), 0);
	check_state(id, "done");
}

static void output_goes_on_where_it_stopped(void **state)
{
	char text[16] = "";
	struct held h;
	uint64_t size;
	int fd;

	(void)state;
	submit("{" CMD "}");
	assert_true(lease(&h));
	assert_int_equal(output(&h, 0, "abc"), 0);
	assert_int_equal(output(&h, 0, "abc"), 0);
	/* a hole is not made */
	assert_int_equal(engine_output(e, h.lease, 9, "z", 1, &size, &err), 0);
	assert_int_equal(size, 3);
	assert_int_equal(output(&h, 2, "cdef"), 0);
	assert_int_equal(engine_task_output(e, h.job, h.index, &fd, &size, &err),
			 0);
	assert_int_equal(size, 6);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "abcdef");
	close(fd);
}

static void output_is_bounded(void **state)
{
	struct held h;

	(void)state;
	submit("{" CMD ",\"limits\":{\"output_max\":4}}");
	assert_true(lease(&h));
	assert_int_equal(output(&h, 0, "1234"), 0);
	assert_int_equal(output(&h, 0, "12345"), -EFBIG);
	assert_int_equal(output(&h, UINT64_MAX - 1, "12345"), -EFBIG);
}

static int count_outputs(int64_t job)
{
	char cmd[160];
	FILE *p;
	int n = -1;

	snprintf(cmd, sizeof(cmd), "ls %s/output/%lld 2>/dev/null | wc -l", dir,
		 (long long)job);
	p = popen(cmd, "r");
	assert_int_equal(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

static void orphan_outputs_are_swept(void **state)
{
	int64_t id = submit("{" CMD "}");
	char path[160];
	struct held h;

	(void)state;
	assert_true(lease(&h));
	output(&h, 0, "kept");
	snprintf(path, sizeof(path), "%s/output/%lld/0.7", dir, (long long)id);
	assert_int_equal(fileio_write_atomic(path, "x", 1, 0600, &err), 0);
	snprintf(path, sizeof(path), "%s/output/%lld/junk", dir, (long long)id);
	assert_int_equal(fileio_write_atomic(path, "x", 1, 0600, &err), 0);
	reopen();
	assert_int_equal(count_outputs(id), 1);
	assert_int_equal(result(&h, 0, "kept"), 0);
}

static void old_attempts_leave_no_output(void **state)
{
	int64_t id = submit("{" CMD "}");
	struct held h;

	(void)state;
	assert_true(lease(&h));
	output(&h, 0, "first");
	expire_after(10000);
	assert_true(lease(&h));
	output(&h, 0, "second");
	assert_int_equal(count_outputs(id), 1);
}

/* --- cancel -------------------------------------------------------------- */

static void cancel_ends_queued_and_tells_leased(void **state)
{
	int64_t id = submit("{" CMD ",\"count\":3}");
	struct held h, none;
	int cancel = 0;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(engine_cancel(e, id, &err), 0);
	assert_int_equal(job_int(id, "cancelled"), 2);
	check_state(id, "running");
	assert_false(lease(&none));
	assert_int_equal(renew(&h, &cancel), 0);
	assert_true(cancel);
	assert_int_equal(result(&h, 137, ""), 0);
	check_state(id, "cancelled");
	assert_int_equal(job_int(id, "failed"), 0);
}

static void cancelled_lease_runs_out(void **state)
{
	int64_t id = submit("{" CMD "}");
	struct held h;
	int cancel;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(engine_cancel(e, id, &err), 0);
	now += 9000;
	assert_int_equal(renew(&h, &cancel), 0);
	expire_after(1000); /* a renewal did not make it longer */
	check_state(id, "cancelled");
}

static void result_may_win_against_cancel(void **state)
{
	int64_t id = submit("{" CMD "}");
	struct held h;

	(void)state;
	assert_true(lease(&h));
	assert_int_equal(engine_cancel(e, id, &err), 0);
	assert_int_equal(result(&h, 0, ""), 0);
	check_state(id, "done");
	assert_int_equal(engine_cancel(e, id, &err), 0);
	check_state(id, "done");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(job_runs_to_done),
		T(index_is_expanded_everywhere),
		T(higher_priority_goes_first),
		T(too_large_a_task_is_passed_over),
		T(failure_is_retried_then_final),
		T(retry_may_succeed),
		T(tasks_come_page_by_page),
		T(lost_lease_is_given_out_again),
		T(renewed_lease_lives_on),
		T(endless_losses_end_in_failed),
		T(restart_gives_leases_new_time),
		T(only_its_workspace_holds_a_lease),
		T(repeated_result_is_confirmed_once_counted),
		T(repeated_failure_costs_one_retry),
		T(result_must_match_the_output),
		T(output_goes_on_where_it_stopped),
		T(output_is_bounded),
		T(orphan_outputs_are_swept),
		T(old_attempts_leave_no_output),
		T(cancel_ends_queued_and_tells_leased),
		T(cancelled_lease_runs_out),
		T(result_may_win_against_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
