/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - the listing from a kernel: this namespace's, or that of a child which
 * makes a namespace of its own, loads rules into it and lists them. The child
 * talks through one pipe and leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "model.h"

/* What the child says first. */
#define SAYS_LISTING 'l'
#define SAYS_ERROR   'e'

static void end_nft(struct nft_ctx **nft)
{
	if (*nft)
		nft_ctx_free(*nft);
}

/* nft 1.0.6 leaves a chain's devices out of JSON: take them from the text and
 * put them in. One line there per base chain. */
static int add_device(json_t *list, const char *family, const char *table,
		      const char *chain, const char *dev)
{
	json_t *entry, *name = json_string(dev);
	size_t i;
	int rc = -ENOENT;

	json_array_foreach(list, i, entry)
	{
		json_t *c = json_object_get(entry, "chain"), *devs;
		const char *f = json_string_value(json_object_get(c, "family"));
		const char *t = json_string_value(json_object_get(c, "table"));
		const char *n = json_string_value(json_object_get(c, "name"));

		if (!f || !t || !n || strcmp(f, family) || strcmp(t, table) ||
		    strcmp(n, chain))
			continue;
		devs = json_object_get(c, "dev");
		if (!json_is_array(devs)) {
			json_object_set_new(c, "dev", json_array());
			devs = json_object_get(c, "dev");
		}
		rc = json_array_append(devs, name);
	}
	json_decref(name);
	return rc;
}

/* hook ingress devices = { a, "b" } priority ... */
static int add_devices(json_t *list, const char *family, const char *table,
		       const char *chain, char *from)
{
	char *end = strstr(from, " priority "), *save = NULL, *dev;
	int rc = 0;

	if (end)
		*end = 0;
	for (dev = strtok_r(from, " ={},\"", &save); dev && !rc;
	     dev = strtok_r(NULL, " ={},\"", &save))
		rc = add_device(list, family, table, chain, dev);
	return rc;
}

static int merge_devices(json_t *list, const char *text)
{
	char family[16] = "", table[NFTMODEL_NAME_MAX] = "";
	char chain[NFTMODEL_NAME_MAX] = "", *save = NULL, *line, *at;
	auto_free char *copy = strdup(text);
	int rc = copy ? 0 : -ENOMEM;

	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line && !rc;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "table %15s %127s {", family, table) == 2 ||
		    sscanf(line, "\tchain %127s {", chain) == 1)
			continue;
		at = strstr(line, "gress device");
		if (!at || strncmp(line, "\t\ttype ", 7) != 0)
			continue;
		at += strlen("gress device");
		rc = add_devices(list, family, table, chain, at + (*at == 's'));
	}
	return rc;
}

static int run(struct nft_ctx *nft, const char *command, char **out,
	       struct errinfo *err)
{
	const char *why;
	int r;

	r = nft_run_cmd_from_buffer(nft, command);
	if (r) {
		why = nft_ctx_get_error_buffer(nft);
		return errinfo_set(err, -EINVAL, "nft: %.*s",
				   (int)strcspn(why, "\n"), why);
	}
	*out = strdup(nft_ctx_get_output_buffer(nft));
	return *out ? 0 : -ENOMEM;
}

/* Only where nobody's packets pass between two of its commands. */
static int load(struct nft_ctx *nft, const char *text, struct errinfo *err)
{
	auto_buf struct buf commands = BUF_INIT;
	int rc = nftmodel_portions(text, &commands);

	if (rc)
		return errinfo_set_errno(err, rc, "rules");
	for (size_t at = 0; !rc && at < commands.len;
	     at += strlen(commands.data + at) + 1) {
		auto_free char *said = NULL;

		rc = run(nft, commands.data + at, &said, err);
	}
	return rc;
}

/* Listing as JSON with devices, caller frees. text may be NULL: load first. */
static int list_ruleset(const char *text, char **out, struct errinfo *err)
{
	__attribute__((cleanup(end_nft))) struct nft_ctx *nft = NULL;
	auto_free char *plain = NULL, *json = NULL;
	json_t *root;
	int rc = 0;

	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
		return errinfo_set(err, -ENOMEM, "libnftables: no context");
	if (text)
		rc = load(nft, text, err);
	if (!rc)
		rc = run(nft, "list ruleset", &plain, err);
	if (rc)
		return rc;
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
	rc = run(nft, "list ruleset", &json, err);
	if (rc || !strstr(plain, "gress device")) {
		*out = rc ? NULL : TAKE(json);
		return rc;
	}
	root = json_loads(json, 0, NULL);
	rc = merge_devices(json_object_get(root, "nftables"), plain);
	*out = rc ? NULL : json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return *out ? 0
		    : errinfo_set(err, -EINVAL,
				  "libnftables: its listing "
				  "of chains and devices differ");
}

int nftmodel_load_live(struct nftmodel **out, struct errinfo *err)
{
	auto_free char *json = NULL;
	int rc;

	rc = list_ruleset(NULL, &json, err);
	if (rc)
		return rc;
	return nftmodel_parse(json, strlen(json), out, err);
}

/* In the child: everything to fd, one letter before it. */
static int tell(int fd, char letter, const char *text)
{
	return fileio_write_all(fd, &letter, 1) ||
	       fileio_write_all(fd, text, strlen(text));
}

/* A chain of an ingress hook loads only where its devices are: in the child's
 * namespace a bridge of that name will do. */
static void make_devices(const char *text)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[IFNAMSIZ];

	for (const char *at = strstr(text, "gress device"); at;
	     at = strstr(at, "gress device")) {
		int more;

		at += strlen("gress device");
		more = *at == 's';
		at += more;
		do {
			size_t n;

			at += strspn(at, " ={,\"");
			n = strcspn(at, " {},\"\n;");
			if (n == 0 || n >= sizeof(name))
				break;
			snprintf(name, sizeof(name), "%.*s", (int)n, at);
			/* That it is there (lo) is as good. */
			(void)ioctl(fd, SIOCBRADDBR, name);
			at += n;
		} while (more);
	}
}

static int child(const char *text, int fd)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *json = NULL;
	int rc;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET)) {
		rc = errinfo_set_errno(&err, -errno,
				       "no network namespace to try rules in");
	} else {
		make_devices(text);
		rc = list_ruleset(text, &json, &err);
	}
	if (rc || !json)
		return tell(fd, SAYS_ERROR, errinfo_text(&err, rc));
	return tell(fd, SAYS_LISTING, json);
}

static int hear(int fd, pid_t pid, char **said, size_t *len)
{
	int status, rc;

	rc = fileio_read_fd(fd, NFTMODEL_TEXT_MAX, said, len);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!rc && (!WIFEXITED(status) || WEXITSTATUS(status) || *len < 1))
		rc = -EPIPE;
	return rc;
}

int nftmodel_load_rules(const char *text, struct nftmodel **out,
			struct errinfo *err)
{
	auto_close int from = -1, to = -1;
	auto_free char *said = NULL;
	size_t len = 0;
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return errinfo_set_errno(err, -errno, "pipe");
	from = fds[0];
	to = fds[1];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return errinfo_set_errno(err, -errno, "fork");
	if (pid == 0)
		_exit(child(text, to) != 0);
	cleanup_close(&to);
	to = -1;
	rc = hear(from, pid, &said, &len);
	if (rc)
		return errinfo_set_errno(err, rc, "no ruleset from the child");
	if (said[0] == SAYS_ERROR)
		return errinfo_set(err, -EINVAL, "%s", said + 1);
	return nftmodel_parse(said + 1, len - 1, out, err);
}
