/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domu - domUs: asks reconcile() what is next, and has hv do it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "death.h"
#include "hash.h"
#include "log.h"

#define STEADY_MS   600000 /* lived as long: count its deaths anew */
#define SHUTDOWN_MS 30000  /* to power off, then destroyed */
#define HV_RETRY_MS 2000
#define REST_MS     900000 /* what needs another configuration */

static void set_state(struct core *c, struct domu *d, enum domu_state s)
{
	if (d->state == s)
		return;
	log_info("domU %s: %s -> %s", d->want.id, domu_state_name(d->state),
		 domu_state_name(s));
	d->state = s;
	d->since_ms = clock_unix_ms();
	core_changed(c);
}

const char *domu_type(const struct domu *d)
{
	return d->pv ? "pv" : "pvh";
}

/* What a domain is made from. Weight and cap are not in it: they may change
 * without a restart. */
static void make_tag(const struct core *c, const struct msg_domu *w,
		     char tag[MSG_TAG_LEN])
{
	struct buf b = BUF_INIT;
	char hex[HASH_HEX];

	buf_addf(&b, "1\n%s\n%s\n%d\n%d\n%s\n", w->id, w->manifest,
		 w->memory_mib, w->vcpus, w->mac);
	for (int i = 0; i < w->n_config; i++)
		buf_addf(&b, "%s=%s\n", w->config[i].key, w->config[i].value);
	scratch_tag(c, &b);
	hash_bytes_hex(b.data ? b.data : "", b.len, hex);
	buf_dispose(&b);
	memcpy(tag, hex, MSG_TAG_LEN - 1);
	tag[MSG_TAG_LEN - 1] = '\0';
}

static struct domu *find(struct core *c, const char *id)
{
	for (int i = 0; i < DOMUS_MAX; i++)
		if (c->domus[i].used && !strcmp(c->domus[i].want.id, id))
			return &c->domus[i];
	return NULL;
}

static struct domu *add(struct core *c, const char *id)
{
	struct domu *d;

	for (int i = 0; i < DOMUS_MAX; i++) {
		d = &c->domus[i];
		if (d->used)
			continue;
		memset(d, 0, sizeof(*d));
		d->used = 1;
		snprintf(d->want.id, sizeof(d->want.id), "%s", id);
		d->since_ms = clock_unix_ms();
		return d;
	}
	log_err("domU %s: no room for it", id);
	return NULL;
}

void domus_desired(struct core *c, const struct msg_domu *list, int n)
{
	struct domu *d;
	char tag[MSG_TAG_LEN];

	for (int i = 0; i < DOMUS_MAX; i++)
		c->domus[i].desired = 0;
	for (int i = 0; i < n; i++) {
		d = find(c, list[i].id);
		if (!d)
			d = add(c, list[i].id);
		if (!d)
			continue;
		make_tag(c, &list[i], tag);
		if (strcmp(tag, d->tag) != 0) { /* another chance */
			d->retry_at = 0;
			d->fails = 0;
			d->error[0] = '\0';
		}
		d->want = list[i];
		d->desired = 1;
		memcpy(d->tag, tag, sizeof(tag));
	}
	core_kick(c);
}

void domus_retag(struct core *c)
{
	for (int i = 0; i < DOMUS_MAX; i++)
		if (c->domus[i].used && c->domus[i].desired)
			make_tag(c, &c->domus[i].want, c->domus[i].tag);
	core_kick(c);
}

/* At the agent's start: what an earlier one has left running. */
void domus_found(struct core *c, const struct msg_hv_domain *m)
{
	struct domu *d = find(c, m->id);

	if (!d)
		d = add(c, m->id);
	if (!d)
		return;
	d->actual = m->dead ? ACTUAL_DEAD : ACTUAL_RUNNING;
	d->domid = m->domid;
	d->pv = m->pv;
	d->born_at = clock_boot_ms();
	memcpy(d->run_tag, m->tag, sizeof(d->run_tag));
	d->state = m->dead ? DOMU_STOPPED : DOMU_RUNNING;
	log_info("domU %s: found as domain %d, %s", d->want.id, d->domid,
		 m->dead ? "dead" : "running");
}

/* ---- death ------------------------------------------------------------------ */

/* Sets when it is started again, and what people read until then. */
static void count_death(struct domu *d, const char *what, const char *words)
{
	int64_t pause = reconcile_pause_ms(++d->fails);
	char times[32] = "";

	pause = core_backoff(0, pause, pause);
	d->retry_at = clock_boot_ms() + pause;
	if (d->fails > 1)
		snprintf(times, sizeof(times), " %u times in a row", d->fails);
	snprintf(d->error, sizeof(d->error), "%s%s%s%.400s; next try in %lld s",
		 what, times, words[0] ? ": " : "", words,
		 (long long)(pause + 999) / 1000);
}

void domus_died(struct core *c, const struct msg *m)
{
	const struct msg_hv_death *q = m->body;
	struct domu *d = find(c, q->id);
	char words[128];

	if (!d || d->domid != q->domid)
		return; /* its end was told before */
	if (d->actual == ACTUAL_RUNNING) {
		death_last_words(m, words, sizeof(words));
		if (clock_boot_ms() - d->born_at > STEADY_MS)
			d->fails = 0;
		count_death(d, death_reason(m), words);
		log_warn("domU %s: domain %d %s", q->id, q->domid, d->error);
		core_mark("failed domu=%s domid=%d error=\"%s\"", q->id,
			  q->domid, d->error);
		if (q->reason != MSG_DEATH_POWEROFF) {
			snprintf(words, sizeof(words), "domU %s", q->id);
			death_log_console(words, m);
		}
		set_state(c, d,
			  q->reason == MSG_DEATH_POWEROFF ? DOMU_STOPPED
							  : DOMU_FAILED);
	}
	d->actual = ACTUAL_DEAD;
	core_changed(c);
}

/* ---- actions ----------------------------------------------------------------- */

/* hv could not: try again soon. */
static void hv_failed(struct domu *d, const char *what, const char *text)
{
	snprintf(d->error, sizeof(d->error), "%s: %.480s", what, text);
	d->retry_at = d->stop_at = clock_boot_ms() + HV_RETRY_MS;
	log_warn("domU %s: %s", d->want.id, d->error);
}

static void on_created(struct core *c, void *arg, const struct msg *m)
{
	struct domu *d = arg;
	const struct msg_hv_done *r;

	if (!m)
		return; /* super ends us */
	r = m->body;
	d->busy = 0;
	if (r->rc) {
		count_death(d, "create failed", r->text);
		log_warn("domU %s: %s", d->want.id, d->error);
		core_mark("failed domu=%s error=\"%s\"", d->want.id, d->error);
		set_state(c, d, DOMU_FAILED);
		core_changed(c);
		return;
	}
	d->actual = ACTUAL_RUNNING;
	d->domid = r->domid;
	d->pv = r->pv;
	d->born_at = clock_boot_ms();
	d->error[0] = '\0';
	log_info("domain %d (%s): created, %s", d->domid, d->want.id,
		 domu_type(d));
	core_mark("domu id=%s domid=%d state=running type=%s", d->want.id,
		  d->domid, domu_type(d));
	set_state(c, d, DOMU_RUNNING);
	core_changed(c);
}

static void create(struct core *c, struct domu *d)
{
	struct image *im = image_find(c, d->want.manifest);
	struct msg_hv_create q = { .domu = d->want };
	int fds[MSG_FDS_MAX], n = 0, scratch;

	if (scratch_for(c, d, &scratch))
		return; /* soon */
	q.scratch = scratch;
	fds[n++] = im->blob[MSG_BLOB_KERNEL]->fd;
	if (im->blob[MSG_BLOB_INITRD])
		fds[n++] = im->blob[MSG_BLOB_INITRD]->fd;
	q.has_initrd = n == 2;
	q.device = im->disk->device;
	memcpy(q.disk, im->disk->q.disk, sizeof(q.disk));
	memcpy(d->run_manifest, d->want.manifest, sizeof(d->run_manifest));
	memcpy(q.tag, d->tag, sizeof(q.tag));
	memcpy(q.cmdline, im->m.cmdline, sizeof(q.cmdline));
	memcpy(d->run_tag, d->tag, sizeof(d->run_tag));
	d->run_weight = d->want.weight;
	d->run_cap = d->want.cap;
	if (call_send(c, MSG_HV, MSG_HV_CREATE, &q, NULL, 0, fds, n, on_created,
		      d))
		d->busy = 1;
	else
		hv_failed(d, "create", "not now");
	if (scratch >= 0)
		scratch_taken(c);
}

static void on_asked(struct core *c, void *arg, const struct msg *m)
{
	struct domu *d = arg;
	const struct msg_hv_done *r;

	if (!m)
		return;
	r = m->body;
	d->busy = 0;
	d->stop_at = clock_boot_ms() + SHUTDOWN_MS;
	if (r->rc)
		hv_failed(d, "shutdown", r->text);
	if (d->actual == ACTUAL_RUNNING)
		d->actual = ACTUAL_STOPPING;
	core_kick(c);
}

static void on_destroyed(struct core *c, void *arg, const struct msg *m)
{
	struct domu *d = arg;
	const struct msg_hv_done *r;

	if (!m)
		return;
	r = m->body;
	d->busy = 0;
	if (r->rc) {
		hv_failed(d, "destroy", r->text);
		d->actual = ACTUAL_STOPPING; /* again at stop_at */
		core_changed(c);
		return;
	}
	log_info("domain %d (%s): destroyed", d->domid, d->want.id);
	d->actual = ACTUAL_NONE;
	d->domid = 0;
	d->run_tag[0] = '\0';
	core_changed(c);
}

static void end(struct core *c, struct domu *d, enum msg_type type, call_fn fn)
{
	struct msg_hv_domid q = { .domid = d->domid };

	memcpy(q.id, d->want.id, sizeof(q.id));
	if (call_send(c, MSG_HV, type, &q, NULL, 0, NULL, 0, fn, d)) {
		d->busy = 1;
		return;
	}
	hv_failed(d, "end", "not now");
	d->actual = ACTUAL_STOPPING; /* again at stop_at */
}

static void on_shared(struct core *c, void *arg, const struct msg *m)
{
	struct domu *d = arg;
	const struct msg_hv_done *r;

	if (!m)
		return;
	r = m->body;
	d->busy = 0;
	if (r->rc) /* it runs all the same */
		log_warn("domU %s: weight and cap: %s", d->want.id, r->text);
	core_kick(c);
}

/* It runs, maybe with another share than is wanted by now. */
static void share(struct core *c, struct domu *d)
{
	struct msg_hv_sched q = { .domid = d->domid,
				  .weight = d->want.weight,
				  .cap = d->want.cap };

	if (d->run_weight == q.weight && d->run_cap == q.cap)
		return;
	memcpy(q.id, d->want.id, sizeof(q.id));
	d->run_weight = q.weight;
	d->run_cap = q.cap;
	d->busy = call_send(c, MSG_HV, MSG_HV_SCHED, &q, NULL, 0, NULL, 0,
			    on_shared, d) != 0;
}

/* ---- step --------------------------------------------------------------------- */

static enum image_stage stage_of(const struct image *im)
{
	static const enum image_stage stages[] = {
		[IMAGE_MANIFEST] = STAGE_FETCHING,
		[IMAGE_ROOM] = STAGE_FETCHING,
		[IMAGE_FETCHING] = STAGE_FETCHING,
		[IMAGE_VERIFYING] = STAGE_VERIFYING,
		[IMAGE_READY] = STAGE_READY,
		[IMAGE_REFUSED] = STAGE_REFUSED,
	};

	if (!im)
		return STAGE_NONE;
	/* Ready for what runs, not for a new domain: its kernel was freed, or
	 * the blk process is being started anew. */
	if (im->state == IMAGE_READY &&
	    (!im->blob[MSG_BLOB_KERNEL] || im->disk->state != DISK_READY))
		return STAGE_FETCHING;
	return stages[im->state];
}

static int leftovers(struct core *c)
{
	int n = 0;

	for (int i = 0; i < DOMUS_MAX; i++)
		n += c->domus[i].used && !c->domus[i].desired &&
		     c->domus[i].actual != ACTUAL_NONE;
	return n;
}

static void check_memory(struct core *c, struct domu *d, struct image *im)
{
	if (d->want.memory_mib >= im->m.memory_min_mib) {
		create(c, d);
		return;
	}
	snprintf(d->error, sizeof(d->error),
		 "%d MiB, but the image needs at least %d", d->want.memory_mib,
		 im->m.memory_min_mib);
	d->retry_at = clock_boot_ms() + REST_MS;
	log_err("domU %s: %s", d->want.id, d->error);
	set_state(c, d, DOMU_FAILED);
}

static void act(struct core *c, struct domu *d, enum action a)
{
	struct image *im;

	switch (a) {
	case ACTION_NONE:
		return;
	case ACTION_FETCH:
		im = image_want(c, &d->want);
		if (im && im->need < NEED_ALL)
			im->need = NEED_ALL;
		if (im)
			memcpy(d->error, im->error, sizeof(d->error));
		return;
	case ACTION_CREATE:
		check_memory(c, d, image_find(c, d->want.manifest));
		return;
	case ACTION_SHUTDOWN:
		end(c, d, MSG_HV_SHUTDOWN, on_asked);
		return;
	case ACTION_DESTROY:
		end(c, d, MSG_HV_DESTROY, on_destroyed);
		return;
	case ACTION_FORGET:
		log_info("domU %s: gone", d->want.id);
		d->used = 0;
		core_changed(c);
		return;
	}
}

/* What runs needs its disk to its end, also if it is no longer wanted; an agent
 * that starts anew finds it by what is wanted. */
static void keep_disk(struct core *c, struct domu *d, int same)
{
	struct image *im;

	if (d->actual == ACTUAL_NONE) {
		d->run_manifest[0] = '\0';
		return;
	}
	if (!d->run_manifest[0] && d->desired && same)
		memcpy(d->run_manifest, d->want.manifest,
		       sizeof(d->run_manifest));
	if (!d->run_manifest[0])
		return;
	im = image_find(c, d->run_manifest);
	if (!im && d->desired && same)
		im = image_want(c, &d->want);
	if (im && im->need < NEED_DISK)
		im->need = NEED_DISK;
	/* The next one's comes meanwhile: what they have in common is there. */
	im = d->desired && !same ? image_want(c, &d->want) : NULL;
	if (im && im->need < NEED_DISK)
		im->need = NEED_DISK;
}

static int64_t domu_step(struct core *c, struct domu *d, int64_t now)
{
	struct image *im = d->desired ? image_find(c, d->want.manifest) : NULL;
	struct reconcile_in in = {
		.desired = d->desired,
		.same = !strcmp(d->tag, d->run_tag),
		.busy = d->busy,
		.leftovers = leftovers(c),
		.actual = d->actual,
		.stage = stage_of(im),
		.state = d->state,
		.now = now,
		.retry_at = d->retry_at,
		.stop_at = d->stop_at,
	};
	struct reconcile_out out = reconcile(&in);

	keep_disk(c, d, in.same);
	if (im && out.need > im->need)
		im->need = out.need;
	if (!d->busy)
		set_state(c, d, out.state);
	act(c, d, out.action);
	if (out.state == DOMU_RUNNING && !d->busy)
		share(c, d);
	return out.wake_at;
}

int64_t domus_step(struct core *c, int64_t now)
{
	int64_t next = NEVER, t;

	for (int i = 0; i < IMAGES_MAX; i++)
		c->images[i].need = NEED_NONE;
	for (int i = 0; i < DOMUS_MAX; i++) {
		/* Without a word from the gateway nothing is ended. */
		if (!c->domus[i].used || !c->node.have_desired)
			continue;
		t = domu_step(c, &c->domus[i], now);
		next = t < next ? t : next;
	}
	return next;
}

int domus_destroy_all(struct core *c)
{
	int left = 0;

	for (int i = 0; i < DOMUS_MAX; i++) {
		struct domu *d = &c->domus[i];

		if (!d->used || d->actual == ACTUAL_NONE)
			continue;
		left++;
		if (!d->busy)
			end(c, d, MSG_HV_DESTROY, on_destroyed);
	}
	return left;
}
