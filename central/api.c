/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what may be asked (docs/protocol.md §4, §7, §8). */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "log.h"
#include "parse.h"

#include "central.h"

#define OUTPUT_PIECE_MAX (4 * 1024 * 1024)

const struct httpd_route api_routes[] = {
	{ "POST", "/v1/work/lease", api_work_lease, 0 },
	{ "POST", "/v1/work/leases/*/renew", api_work_renew, 0 },
	{ "PUT", "/v1/work/leases/*/output", api_work_output, OUTPUT_PIECE_MAX },
	{ "POST", "/v1/work/leases/*/result", api_work_result, 0 },
	{ "GET", "/v1/work/files/*", api_work_file, 0 },

	{ "POST", "/v1/jobs", api_job_submit, 0 },
	{ "GET", "/v1/jobs", api_job_list, 0 },
	{ "GET", "/v1/jobs/*", api_job_show, 0 },
	{ "GET", "/v1/jobs/*/tasks", api_job_tasks, 0 },
	{ "POST", "/v1/jobs/*/cancel", api_job_cancel, 0 },
	{ "GET", "/v1/jobs/*/tasks/*/output", api_job_output, 0 },
	{ "PUT", "/v1/files/*", api_file_put, ENGINE_FILE_MAX },

	{ "GET", "/v1/site/desired", api_site_desired, 0 },
	{ "POST", "/v1/site/report", api_site_report, 0 },
	{ "GET", "/v1/segments", api_segments, 0 },
	{ "GET", "/v1/nodes", api_nodes, 0 },
	{ "GET", "/v1/nodes/*/*", api_node, 0 },
	{ "GET", "/v1/images", api_images, 0 },
	{ "GET", "/v1/workspaces", api_workspaces, 0 },
	{ "PUT", "/v1/workspaces/*", api_workspace_put, 0 },
	{ "DELETE", "/v1/workspaces/*", api_workspace_delete, 0 },
	{ "GET", "/v1/metrics", api_metrics, 0 },
	{ NULL, NULL, NULL, 0 },
};

void api_fail(struct httpd_req *r, int rc, const struct errinfo *err)
{
	static const struct {
		int rc, status;
	} map[] = {
		{ -EINVAL, 400 }, { -ENOENT, 404 }, { -ESTALE, 409 },
		{ -EFBIG, 413 },  { -EBUSY, 503 },  { -ENOSPC, 507 },
	};
	int status = 500;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].rc == rc)
			status = map[i].status;
	if (status >= 500)
		log_err("%s %s: %s", httpd_method(r), httpd_path(r),
			errinfo_text(err, rc));
	httpd_reply_error(r, status, "%s", errinfo_text(err, rc));
}

void api_reply(struct httpd_req *r, int rc, json_t *doc, const struct errinfo *err)
{
	if (rc)
		api_fail(r, rc, err);
	else
		httpd_reply_json(r, 200, doc);
}

int api_number(struct httpd_req *r, int i, int64_t *out)
{
	uint64_t n;

	if (parse_u64(httpd_param(r, i), 0, INT64_MAX, &n)) {
		httpd_reply_error(r, 404, "'%.40s' is not a number",
				  httpd_param(r, i));
		return 0;
	}
	*out = (int64_t)n;
	return 1;
}
