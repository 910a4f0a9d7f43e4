/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-nginx - nginx.conf: a whole configuration, for an nginx of our own.
 *
 *   port 80    boot decisions and the segment statement (to gatewayd), boot
 *              files (static, immutable), the image repository (cached)
 *   port 443   the nodes' API (to gatewayd)
 *   repo.port  the image repository by HTTP/2, and on the loopback by HTTP/1.1
 *              for the mirror (generate-nginx-repo.c)
 *
 * Everything else is 404; what the owner says (/v1/admin) goes only over
 * gatewayd's own socket. X-Real-IP is set here and nowhere else, which is why
 * gatewayd may believe it.
 */
#include "cleanup.h"
#include "generate.h"

static void add_main(const struct config *c, struct buf *out)
{
	const char *s = c->state;

	buf_addf(out,
		 "# Made by gatewayd from %s; do not edit.\n"
		 "# nginx -c THIS\n"
		 "user %s;\n"
		 "worker_processes auto;\n"
		 "worker_rlimit_nofile 16384;\n"
		 "pid %s/nginx.pid;\n"
		 "lock_file %s/nginx.lock;\n"
		 "error_log %s/nginx/error.log warn;\n"
		 "events {\n\tworker_connections 4096;\n}\n"
		 "\n"
		 "http {\n",
		 c->base, generate_user(c), s, s, s);
}

static void add_http(const struct config *c, struct buf *out)
{
	static const char *const temp[] = { "client_body", "proxy", "fastcgi",
					    "uwsgi", "scgi" };
	const char *s = c->state;

	buf_addf(out,
		 "\tlog_format steps '$time_iso8601 $remote_addr $request_method "
		 "$request_uri $status $body_bytes_sent $request_time "
		 "$upstream_cache_status';\n"
		 "\taccess_log %s/nginx/access.log steps;\n"
		 "\tdefault_type application/octet-stream;\n"
		 "\tserver_tokens off;\n"
		 "\tsendfile on;\n"
		 "\ttcp_nopush on;\n"
		 "\tetag off;\n"
		 "\tkeepalive_timeout 60s;\n",
		 s);
	for (size_t i = 0; i < ARRAY_SIZE(temp); i++)
		buf_addf(out, "\t%s_temp_path %s/nginx/temp/%s;\n", temp[i], s,
			 temp[i]);
	buf_addf(out,
		 "\n"
		 "\tclient_max_body_size 1m;\n"
		 "\tclient_body_buffer_size 64k;\n"
		 "\tclient_header_buffer_size 2k;\n"
		 "\tlarge_client_header_buffers 4 4k;\n"
		 "\tclient_header_timeout 15s;\n"
		 "\tclient_body_timeout 15s;\n"
		 "\tsend_timeout 60s;\n"
		 "\treset_timedout_connection on;\n"
		 "\tlimit_req_zone $binary_remote_addr zone=boot:1m rate=20r/s;\n"
		 "\tlimit_req_zone $binary_remote_addr zone=node:1m rate=20r/s;\n"
		 "\tlimit_conn_zone $binary_remote_addr zone=peer:1m;\n"
		 "\tlimit_req_status 429;\n"
		 "\tlimit_conn_status 429;\n"
		 "\tlimit_conn peer 32;\n"
		 "\n"
		 "\tupstream gatewayd {\n"
		 "\t\tserver unix:%s/gatewayd.sock;\n"
		 "\t}\n\n",
		 s);
	generate_nginx_cache(c, out);
}

void generate_nginx_errors(struct buf *out)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{ 403, "forbidden" },
		{ 404, "there is nothing here" },
		{ 413, "the body is too large" },
		{ 429, "too many requests" },
		{ 502, "the service behind the gateway does not answer" },
		{ 504, "the service behind the gateway is too slow" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		buf_addf(out,
			 "\t\terror_page %d @e%d;\n"
			 "\t\tlocation @e%d {\n"
			 "\t\t\tdefault_type application/json;\n"
			 "\t\t\treturn %d '{\"error\": \"%s\"}';\n"
			 "\t\t}\n",
			 table[i].status, table[i].status, table[i].status,
			 table[i].status, table[i].text);
}

/* A path handed on as it came, byte for byte: the signature covers it. */
static void add_to_gatewayd(struct buf *out, const char *match,
			    const char *zone, int burst)
{
	buf_addf(out,
		 "\t\tlocation %s {\n"
		 "\t\t\tlimit_req zone=%s burst=%d nodelay;\n"
		 "\t\t\tproxy_pass http://gatewayd;\n"
		 "\t\t\tproxy_http_version 1.1;\n"
		 "\t\t\tproxy_set_header Connection \"\";\n"
		 "\t\t\tproxy_set_header Host nightshift;\n"
		 "\t\t\tproxy_set_header X-Real-IP $remote_addr;\n"
		 "\t\t\tproxy_read_timeout 60s;\n"
		 "\t\t}\n",
		 match, zone, burst);
}

static void add_boot_files(const struct config *c, struct buf *out)
{
	static const char immutable[] =
		"add_header Cache-Control \"public, max-age=31536000, "
		"immutable\"";

	buf_addf(out,
		 "\t\tlocation ~ ^/boot/pxelinux/([a-z0-9_]+\\.c32)$ {\n"
		 "\t\t\talias %s/pxelinux/$1;\n"
		 "\t\t\t%s;\n"
		 "\t\t}\n",
		 c->boot, immutable);
	buf_addf(out,
		 "\t\tlocation /boot/r/ {\n"
		 "\t\t\talias %s/r/;\n"
		 "\t\t\t%s;\n"
		 "\t\t}\n",
		 c->boot, immutable);
	buf_addf(out,
		 "\t\tlocation = /boot/tftp/nightshift.efi {\n"
		 "\t\t\talias %s/tftp/nightshift.efi;\n"
		 "\t\t}\n",
		 c->boot);
}

void generate_nginx(const struct config *c, const char *dir, struct buf *out)
{
	(void)dir;
	add_main(c, out);
	add_http(c, out);
	buf_addf(out, "\tserver {\n\t\tlisten %s:80;\n", c->address_text);
	add_to_gatewayd(out, "/boot/pxelinux/pxelinux.cfg/", "boot", 40);
	add_to_gatewayd(out, "/boot/ipxe/", "boot", 40);
	add_to_gatewayd(out, "/boot/uefi/", "boot", 40);
	add_to_gatewayd(out, "= /v1/node/segment", "node", 40);
	add_boot_files(c, out);
	generate_nginx_repo(c, out);
	buf_addf(out,
		 "\t}\n\n"
		 "\tserver {\n"
		 "\t\tlisten %s:443 ssl;\n"
		 "\t\tssl_certificate %s/tls.crt;\n"
		 "\t\tssl_certificate_key %s/tls.key;\n"
		 "\t\tssl_protocols TLSv1.2 TLSv1.3;\n"
		 "\t\tssl_session_tickets off;\n"
		 "\t\tssl_session_cache shared:tls:1m;\n",
		 c->address_text, c->state, c->state);
	add_to_gatewayd(out, "/v1/node/", "node", 40);
	buf_adds(out, "\t\tlocation / { return 404; }\n");
	generate_nginx_errors(out);
	buf_adds(out, "\t}\n\n");
	generate_nginx_servers(c, out);
	buf_adds(out, "}\n");
}
