/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-nginx-repo - the image repository as this segment's nodes see it.
 *
 * What the mirror holds comes from there; all else from the central, through a
 * cache: each byte crosses the uplink once, also when all nodes ask at once
 * (cache lock). nginx fetches whole files for its cache and answers ranges
 * from them, the first while they still arrive.
 *
 * The mirror itself asks the cache too, on the loopback, so that what it or a
 * node had first is not had twice. What lies in the mirror then is asked of the
 * cache no more, and leaves it after some days. When it got bytes that are not what their
 * name says, it has the cache fetch them anew (Cache-Control: no-cache).
 *
 * All but timestamp.json never changes. That one, and the news that there is no
 * newer root, are kept for seconds; what is old is served while the central is
 * away: nodes verify, age and all. Where a mirror has metadata it has all of
 * it, and newer than the cache's: then nothing of the central's is mixed in.
 */
#include "cleanup.h"
#include "generate.h"

#include <string.h>

/* Locations in the order nginx tries them; $1 is the path in a repository. */
static const struct place {
	const char *match, *fallback;
	int kept;
} places[] = {
	{ "^/repo/(blobs/[0-9a-f][0-9a-f]/[0-9a-f]+)$", "@repo", 1 },
	{ "^/repo/(targets/[a-z0-9._-]+/[0-9a-f]+\\.[a-z0-9._-]+\\.json)$",
	  "@repo", 1 },
	{ "^/repo/(targets/[a-z0-9._-]+/channels/"
	  "[0-9a-f]+\\.[a-z0-9._-]+\\.json)$",
	  "@repo", 1 },
	{ "^/repo/(metadata/[0-9]+\\.root\\.json)$", "@root", 1 },
	{ "^/repo/(metadata/[0-9]+\\.[a-z0-9._-]+\\.json)$", "@repo", 1 },
	{ "^/repo/(metadata/timestamp\\.json)$", "@fresh", 0 },
};

static const char *cache_control(int kept)
{
	return kept ? "public, max-age=31536000, immutable" : "no-cache";
}

void generate_nginx_cache(const struct config *c, struct buf *out)
{
	const char *scheme = strstr(c->central.repo, "://");

	buf_adds(out, "\tmap $http_cache_control $again {\n"
		      "\t\tdefault 0;\n"
		      "\t\tno-cache 1;\n"
		      "\t}\n");
	buf_addf(out,
		 "\tproxy_cache_path %s/nginx/cache levels=1:2 "
		 "keys_zone=repo:8m max_size=%llu inactive=%s "
		 "use_temp_path=off;\n"
		 "\tupstream repository {\n"
		 "\t\tserver %s%s max_fails=0;\n"
		 "\t\tkeepalive 16;\n"
		 "\t}\n\n",
		 c->state, (unsigned long long)c->cache_bytes,
		 c->repo.mirror ? "3d" : "30d", scheme + 3,
		 strchr(scheme + 3, ':')                ? ""
		 : strncmp(c->central.repo, "https", 5) ? ":80"
							: ":443");
}

static void add_upstream(const struct config *c, struct buf *out,
			 const char *name, const char *valid,
			 const char *valid_404, int kept, int local)
{
	const char *scheme = strstr(c->central.repo, "://");

	buf_addf(out,
		 "\t\tlocation %s {\n"
		 "\t\t\tproxy_pass %.*s://repository;\n"
		 "\t\t\tproxy_set_header Host %s;\n"
		 "\t\t\tproxy_http_version 1.1;\n"
		 "\t\t\tproxy_set_header Connection \"\";\n"
		 "\t\t\tproxy_cache repo;\n"
		 "\t\t\tproxy_cache_key $uri;\n"
		 "\t\t\tproxy_cache_lock on;\n"
		 "\t\t\tproxy_cache_lock_timeout 1h;\n"
		 "\t\t\tproxy_cache_lock_age 1h;\n"
		 "\t\t\tproxy_cache_valid 200 %s;\n"
		 "\t\t\tproxy_cache_valid 404 %s;\n"
		 "\t\t\tproxy_force_ranges on;\n",
		 name, (int)(scheme - c->central.repo), c->central.repo,
		 scheme + 3, valid, valid_404);
	buf_addf(out,
		 "\t\t\tproxy_cache_use_stale error timeout updating http_500 "
		 "http_502 http_503 http_504;\n"
		 "\t\t\tproxy_cache_revalidate on;\n"
		 "\t\t\tproxy_ignore_headers Cache-Control Expires Set-Cookie "
		 "Vary;\n"
		 "\t\t\tproxy_hide_header Cache-Control;\n"
		 "\t\t\tproxy_hide_header Set-Cookie;\n"
		 "\t\t\tproxy_connect_timeout 5s;\n"
		 "\t\t\tproxy_read_timeout 60s;\n"
		 "\t\t\tproxy_max_temp_file_size 0;\n"
		 "\t\t\tadd_header Cache-Control \"%s\";\n"
		 "\t\t\tadd_header X-Cache $upstream_cache_status;\n",
		 cache_control(kept));
	if (local)
		buf_adds(out, "\t\t\tproxy_cache_bypass $again;\n");
}

/* local: for the mirror, which is not to see itself. */
static void add_repo(const struct config *c, struct buf *out, int local)
{
	int mirror = c->repo.mirror && !local;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *p = &places[i];

		buf_addf(out,
			 "\t\tlocation ~ %s {\n"
			 "\t\t\tlimit_except GET { deny all; }\n"
			 "\t\t\troot %s/mirror;\n"
			 "\t\t\tadd_header Cache-Control \"%s\";\n",
			 p->match, c->state, cache_control(p->kept));
		if (mirror)
			buf_adds(out, "\t\t\tadd_header X-Cache MIRROR;\n");
		buf_addf(out, "\t\t\ttry_files /%s %s;\n\t\t}\n",
			 mirror ? "$1" : "none", p->fallback);
	}
	add_upstream(c, out, "@repo", "365d", "1s", 1, local);
	buf_adds(out, "\t\t}\n");
	add_upstream(c, out, "@fresh", "2s", "1s", 0, local);
	buf_adds(out, "\t\t}\n");
	add_upstream(c, out, "@root", "365d", "2s", 1, local);
	if (mirror)
		buf_addf(out,
			 "\t\t\tif (-f %s/mirror/metadata/timestamp.json) "
			 "{ return 404; }\n",
			 c->state);
	buf_adds(out, "\t\t}\n\t\tlocation / { return 404; }\n");
	generate_nginx_errors(out);
}

void generate_nginx_repo(const struct config *c, struct buf *out)
{
	add_repo(c, out, 0);
}

void generate_nginx_servers(const struct config *c, struct buf *out)
{
	/* One connection a node, its requests side by side. */
	buf_addf(out,
		 "\tserver {\n"
		 "\t\tlisten %s:%d http2;\n"
		 "\t\tlimit_conn peer 512;\n"
		 "\t\thttp2_max_concurrent_streams 256;\n"
		 "\t\thttp2_chunk_size 64k;\n"
		 "\t\tkeepalive_requests 1000000;\n",
		 c->address_text, c->repo.port);
	add_repo(c, out, 0);
	buf_adds(out, "\t}\n");
	if (!c->repo.mirror)
		return;
	buf_addf(out, "\n\tserver {\n\t\tlisten 127.0.0.1:%d;\n", c->repo.port);
	add_repo(c, out, 1);
	buf_adds(out, "\t}\n");
}
