/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "parse.h"
#include "tls.h"

#include "generate.h"

/* nginx started as root gives its workers to the owner of the state
 * directory, who is centrald's user. In a user namespace that is its root. */
static void add_user(const struct config *c, struct buf *b)
{
	struct passwd *pw;
	struct stat sb;

	if (geteuid() != 0 || stat(c->state, &sb) < 0)
		return;
	pw = getpwuid(sb.st_uid);
	if (pw)
		buf_addf(b, "user %s;\n", pw->pw_name);
}

static void add_main(const struct config *c, struct buf *b)
{
	buf_adds(b, "# Made by centrald -g; changes are lost.\n"
		    "#\tnginx -c THIS-FILE\n");
	add_user(c, b);
	buf_addf(b,
		 "worker_processes auto;\n"
		 "worker_rlimit_nofile 16384;\n"
		 "pid %1$s/nginx/nginx.pid;\n"
		 "error_log %1$s/nginx/error.log warn;\n"
		 "events {\n"
		 "\tworker_connections 4096;\n"
		 "}\n"
		 "http {\n"
		 "\taccess_log %1$s/nginx/access.log;\n"
		 "\tclient_body_temp_path %1$s/nginx/body;\n"
		 "\tproxy_temp_path %1$s/nginx/proxy;\n"
		 "\tfastcgi_temp_path %1$s/nginx/fastcgi;\n"
		 "\tuwsgi_temp_path %1$s/nginx/uwsgi;\n"
		 "\tscgi_temp_path %1$s/nginx/scgi;\n"
		 "\tserver_tokens off;\n"
		 "\tsendfile on;\n"
		 "\ttcp_nopush on;\n"
		 "\tkeepalive_timeout 75s;\n"
		 "\tkeepalive_requests 10000;\n"
		 "\tdefault_type application/octet-stream;\n\n",
		 c->state);
}

/* The API: only /v1/, to the socket whose callers need a token. */
static void add_api(const struct config *c, struct buf *b)
{
	buf_addf(b,
		 "\tupstream centrald {\n"
		 "\t\tserver unix:%2$s/tls.sock max_fails=0;\n"
		 "\t\tkeepalive 32;\n"
		 "\t}\n"
		 "\tserver {\n"
		 "\t\tlisten %1$s ssl;\n"
		 "\t\tssl_certificate %2$s/tls.crt;\n"
		 "\t\tssl_certificate_key %2$s/tls.key;\n"
		 "\t\tssl_protocols TLSv1.2 TLSv1.3;\n"
		 "\t\tssl_session_cache shared:tls:4m;\n"
		 "\t\tssl_session_tickets off;\n"
		 "\t\tclient_max_body_size 64m;\n"
		 "\t\tclient_body_buffer_size 128k;\n"
		 "\t\tlocation /v1/ {\n"
		 "\t\t\tproxy_pass http://centrald;\n"
		 "\t\t\tproxy_http_version 1.1;\n"
		 "\t\t\tproxy_set_header Connection \"\";\n"
		 "\t\t\tproxy_set_header Host nightshift;\n"
		 "\t\t\tproxy_set_header X-Real-IP $remote_addr;\n"
		 "\t\t\tproxy_connect_timeout 5s;\n"
		 "\t\t\tproxy_read_timeout 60s;\n"
		 "\t\t\tproxy_next_upstream off;\n"
		 "\t\t\terror_page 502 504 = @away;\n"
		 "\t\t}\n"
		 "\t\tlocation / {\n"
		 "\t\t\treturn 404;\n"
		 "\t\t}\n"
		 "\t\tlocation @away {\n"
		 "\t\t\tdefault_type application/json;\n"
		 "\t\t\treturn 503 "
		 "'{\"error\": \"centrald does not answer\"}\\n';\n"
		 "\t\t}\n"
		 "\t}\n\n",
		 c->listen, c->state);
}

/* The repository: static; a name that holds a digest never changes. */
static void add_repository(const struct config *c, struct buf *b)
{
	buf_addf(b,
		 "\tmap $uri $repo_cache_control {\n"
		 "\t\t~^/repo/(targets|blobs|metadata/[0-9])"
		 " "
		 "\"public, max-age=31536000, immutable\";\n"
		 "\t\tdefault \"no-cache\";\n"
		 "\t}\n"
		 "\tserver {\n"
		 "\t\tlisten %s;\n"
		 "\t\tlocation ~ /\\. {\n"
		 "\t\t\treturn 404;\n"
		 "\t\t}\n"
		 "\t\tlocation ~ "
		 "^/repo/((metadata|targets|blobs)/.*)$ {\n"
		 "\t\t\talias %s/$1;\n"
		 "\t\t\tlimit_except GET {\n"
		 "\t\t\t\tdeny all;\n"
		 "\t\t\t}\n"
		 "\t\t\tadd_header Cache-Control $repo_cache_control;\n"
		 "\t\t}\n"
		 "\t\tlocation / {\n"
		 "\t\t\treturn 404;\n"
		 "\t\t}\n"
		 "\t}\n"
		 "}\n",
		 c->repo_listen, c->repository);
}

int generate_nginx(const struct config *c, char **out, struct errinfo *err)
{
	auto_buf struct buf b = BUF_INIT;

	add_main(c, &b);
	add_api(c, &b);
	add_repository(c, &b);
	*out = buf_take(&b);
	return *out ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

static int ensure_token(const char *path, struct errinfo *err)
{
	char text[2 * 32 + 2];
	uint8_t raw[32];
	int rc;

	if (!access(path, F_OK))
		return 0;
	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return errinfo_set(err, -EIO, "no random bytes");
	format_hex(raw, sizeof(raw), text);
	strcat(text, "\n");
	rc = fileio_write_atomic(path, text, strlen(text), 0600, err);
	if (!rc)
		printf("made %s\n", path);
	return rc;
}

static int ensure_tokens(const struct config *c, struct errinfo *err)
{
	size_t i;
	int rc = ensure_token(c->operator_token_file, err);

	for (i = 0; i < c->n_sites && !rc; i++)
		rc = ensure_token(c->sites[i].token_file, err);
	return rc;
}

static int make_dirs(const struct config *c, const char *dir, struct errinfo *err)
{
	auto_free char *logs = NULL;
	int rc;

	if (asprintf(&logs, "%s/nginx", c->state) < 0)
		return -ENOMEM;
	rc = fileio_mkdirs(c->state, 0700, err);
	if (!rc)
		rc = fileio_mkdirs(logs, 0700, err);
	if (!rc)
		rc = fileio_mkdirs(dir, 0755, err);
	return rc;
}

int generate_all(const struct config *c, const char *dir, struct errinfo *err)
{
	auto_free char *path = NULL, *text = NULL;
	int rc, made;

	rc = make_dirs(c, dir, err);
	if (!rc)
		rc = ensure_tokens(c, err);
	if (!rc)
		rc = tls_ensure(c->state, "central", &made, err);
	if (!rc && made)
		printf("made %s/tls.key and tls.crt\n", c->state);
	if (!rc)
		rc = generate_nginx(c, &text, err);
	if (rc)
		return rc;
	if (asprintf(&path, "%s/nginx.conf", dir) < 0)
		return -ENOMEM;
	rc = fileio_write_atomic(path, text, strlen(text), 0644, err);
	if (!rc)
		printf("made %s\n", path);
	return rc;
}
