/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl node: what the PCs do, and what their owner wants. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "parse.h"

#include "ctl.h"

static void add_image(struct table *t, const json_t *node)
{
	const json_t *image = json_object_get(node, "image");
	int64_t done = ctl_int(image, "done"), total = ctl_int(image, "total");

	if (!*ctl_str(image, "name"))
		table_add(t, "-");
	else if (total > 0 && done < total)
		table_add(t, "%s %s %d%%", ctl_str(image, "name"),
			  ctl_str(image, "version"), (int)(done * 100 / total));
	else
		table_add(t, "%s %s", ctl_str(image, "name"),
			  ctl_str(image, "version"));
}

static void add_domus(struct table *t, const json_t *node)
{
	const json_t *domus = json_object_get(node, "domus");
	size_t i, running = 0;

	for (i = 0; i < json_array_size(domus); i++)
		running += !strcmp(ctl_str(json_array_get(domus, i), "state"),
				   "running");
	if (json_array_size(domus))
		table_add(t, "%zu/%zu", running, json_array_size(domus));
	else
		table_add(t, "-");
}

static void add_task(struct table *t, const json_t *node)
{
	const json_t *task = json_object_get(node, "task");

	if (json_is_object(task))
		table_add(t, "%lld/%lld", (long long)ctl_int(task, "job"),
			  (long long)ctl_int(task, "index"));
	else
		table_add(t, "-");
}

/* A domU's own trouble where the node has none to tell. */
static const char *node_error(const json_t *node)
{
	const json_t *domus = json_object_get(node, "domus");
	const char *error = ctl_str(node, "error");
	size_t i;

	for (i = 0; i < json_array_size(domus) && !*error; i++)
		error = ctl_str(json_array_get(domus, i), "error");
	return error;
}

int node_list(int argc, char **argv, void *arg)
{
	static const char *const titles[] = { "NODE",   "!STATE",   ">SINCE",
					      "BOOT",   "FIRMWARE", "IMAGE",
					      ">DOMUS", ">TASK",    "ERROR",
					      NULL };
	struct ctl *ctl = arg;
	char age[FORMAT_MAX];
	struct table *t;
	json_t *doc, *n;
	int status;
	size_t i;

	(void)argv;
	if (argc > 1)
		return cmd_misuse("no arguments");
	doc = ctl_get(ctl, "/v1/nodes");
	if (!doc)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(doc);
	t = table_new(titles);
	json_array_foreach(json_object_get(doc, "nodes"), i, n)
	{
		const char *firmware = ctl_str(n, "firmware");

		table_add(t, "%s/%s", ctl_str(n, "segment"), ctl_str(n, "id"));
		table_add(t, "%s", ctl_str(n, "state"));
		table_add(t, "%s", format_since(age, ctl_int(n, "since_ms")));
		table_add(t, "%s", ctl_str(n, "boot"));
		table_add(t, "%s", *firmware ? firmware : "-");
		add_image(t, n);
		add_domus(t, n);
		add_task(t, n);
		table_add(t, "%s", node_error(n));
	}
	status = table_print(t);
	json_decref(doc);
	return status;
}

static void line(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void line(const char *name, const char *fmt, ...)
{
	char text[1024], quoted[1100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (*text)
		printf("%-10s %s\n", name,
		       log_quote(quoted, sizeof(quoted), text, strlen(text)));
}

/* Seconds since the PC asked, each step in the order of a boot. */
static void show_steps(const json_t *node)
{
	static const char *const names[] = { "asked",    "dom0",     "enrolled",
					     "fetching", "verified", "running" };
	const json_t *steps = json_object_get(node, "steps_ms");
	int64_t first = ctl_int(steps, "asked"), ms;
	char text[256] = "";
	size_t i, len = 0;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ms = ctl_int(steps, names[i]);
		if (!first)
			first = ms;
		if (ms && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%s %.1fs", len ? ", " : "",
						names[i],
						(double)(ms - first) / 1000);
	}
	line("steps", "%s", text);
}

static void show_host(const json_t *node)
{
	const json_t *h = json_object_get(node, "host");

	if (!json_is_object(h))
		return;
	line("hardware", "%s%s%s, %lld CPUs, %lld MiB (%lld free)",
	     ctl_str(h, "product"), *ctl_str(h, "product") ? ", " : "",
	     ctl_str(h, "cpu_model"), (long long)ctl_int(h, "cpus"),
	     (long long)ctl_int(h, "memory_mib"),
	     (long long)ctl_int(h, "free_mib"));
	line("xen", "%s, %s", ctl_str(h, "xen_version"),
	     json_is_true(json_object_get(h, "hvm")) ? "hvm" : "pv only");
	line("disks", "%s",
	     !json_array_size(json_object_get(h, "block_devices"))
		     ? "none visible to dom0"
	     : json_is_object(json_object_get(node, "scratch"))
		     ? "visible to dom0, one partition is lent"
		     : "dom0 SEES BLOCK DEVICES");
}

static void show_domus(const json_t *node)
{
	const json_t *list = json_object_get(node, "domus");
	char age[FORMAT_MAX];
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);

		line("domu", "%s: %s%s%s%s%s, domid %lld, since %s%s%s",
		     ctl_str(d, "id"), ctl_str(d, "state"),
		     *ctl_str(d, "type") ? ", " : "", ctl_str(d, "type"),
		     *ctl_str(d, "workspace") ? ", workspace " : "",
		     ctl_str(d, "workspace"), (long long)ctl_int(d, "domid"),
		     format_since(age, ctl_int(d, "since_ms")),
		     *ctl_str(d, "error") ? ": " : "", ctl_str(d, "error"));
	}
}

static void show_tunnel(const json_t *node)
{
	const json_t *t = json_object_get(node, "tunnel");
	char age[FORMAT_MAX], rx[FORMAT_MAX], tx[FORMAT_MAX];

	if (json_is_object(t))
		line("tunnel", "handshake %s ago, %s from it, %s to it",
		     format_since(age, ctl_int(t, "handshake_ms")),
		     format_size(rx, ctl_int(t, "rx_bytes")),
		     format_size(tx, ctl_int(t, "tx_bytes")));
	if (ctl_int(node, "dropped"))
		line("dropped", "%lld packets by the walls",
		     (long long)ctl_int(node, "dropped"));
}

static void show_scratch(const json_t *node)
{
	const json_t *s = json_object_get(node, "scratch");
	char size[FORMAT_MAX] = "";

	if (!json_is_object(s))
		return;
	if (ctl_int(s, "size_mib"))
		format_size(size, ctl_int(s, "size_mib") << 20);
	line("scratch", "%s%s%s%s%s", ctl_str(s, "state"), *size ? ", " : "",
	     size, *ctl_str(s, "error") ? ": " : "", ctl_str(s, "error"));
}

static int valid_node(const char *s)
{
	auto_free char *copy = strdup(s);
	char *slash = copy ? strchr(copy, '/') : NULL;

	if (!slash)
		return 0;
	*slash = '\0';
	return parse_is_name(copy) && parse_is_name(slash + 1);
}

int node_show(int argc, char **argv, void *arg)
{
	struct ctl *ctl = arg;
	char path[200], age[FORMAT_MAX];
	const json_t *task, *image;
	json_t *n;

	if (argc != 2 || !valid_node(argv[1]))
		return cmd_misuse("one SEGMENT/NODE, as `node list` shows it");
	snprintf(path, sizeof(path), "/v1/nodes/%s", argv[1]);
	n = ctl_get(ctl, path);
	if (!n)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(n);
	line("node", "%s/%s", ctl_str(n, "segment"), ctl_str(n, "id"));
	printf("%-10s ", "state");
	table_print_state(stdout, ctl_str(n, "state"));
	printf(", since %s\n", format_since(age, ctl_int(n, "since_ms")));
	line("error", "%s", node_error(n));
	line("boot", "%s, %s, %s, epoch %lld", ctl_str(n, "boot"),
	     ctl_str(n, "firmware"), ctl_str(n, "mac"),
	     (long long)ctl_int(n, "epoch"));
	show_steps(n);
	image = json_object_get(n, "image");
	if (*ctl_str(image, "name"))
		line("image", "%s %s, manifest %.16s", ctl_str(image, "name"),
		     ctl_str(image, "version"), ctl_str(image, "manifest"));
	show_domus(n);
	show_scratch(n);
	show_tunnel(n);
	task = json_object_get(n, "task");
	if (json_is_object(task))
		line("task", "job %lld, index %lld, since %s",
		     (long long)ctl_int(task, "job"),
		     (long long)ctl_int(task, "index"),
		     format_since(age, ctl_int(task, "since_ms")));
	show_host(n);
	json_decref(n);
	return CMD_EXIT_OK;
}

int node_boot(int argc, char **argv, void *arg)
{
	static const struct option options[] = { { "once", 0, NULL, 'o' },
						 { NULL, 0, NULL, 0 } };
	struct errinfo err = ERRINFO_INIT;
	struct ctl *ctl = arg;
	const char *node, *slash;
	int opt, rc, once = 0;
	char path[200];
	json_t *body;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'o')
			return CMD_EXIT_USAGE;
		once = 1;
	}
	if (argc - optind != 2 || (strcmp(argv[optind + 1], "grid") &&
				   strcmp(argv[optind + 1], "local")))
		return cmd_misuse("a node, and `grid` or `local`");
	slash = strrchr(argv[optind], '/');
	node = slash ? slash + 1 : argv[optind];
	if (!parse_is_name(node))
		return cmd_misuse("'%s' is not a node's name", node);
	if (!ctl_gateway(ctl))
		return CMD_EXIT_FAILED;
	snprintf(path, sizeof(path), "/v1/admin/nodes/%s/boot", node);
	body = json_pack("{ss sb}", "boot", argv[optind + 1], "once", once);
	rc = httpc_json(ctl->gateway, "PUT", path, body, NULL, &err);
	json_decref(body);
	return rc ? ctl_fail(&err, rc) : CMD_EXIT_OK;
}
