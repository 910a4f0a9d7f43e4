/* SPDX-License-Identifier: Apache-2.0 */
/* job-spec - a job to submit, from options or a file, as its JSON. */
#ifndef JOB_SPEC_H
#define JOB_SPEC_H

#include "ctl.h"

#define JOB_INPUTS_MAX 64

struct job_spec {
	json_t *doc; /* body of POST /v1/jobs, "inputs" still empty */
	struct job_input {
		char *path; /* here */
		char *name; /* there */
	} inputs[JOB_INPUTS_MAX];
	size_t n_inputs;
};

void job_spec_init(struct job_spec *s);
void job_spec_dispose(struct job_spec *s);

/*
 * One setting in its text form, the same words as options and in files:
 * "count", "range", "name", "input", "env", "retries", "priority", "memory",
 * "wall", "cpu", "output-max", "key". 0, or an error in words.
 */
int job_spec_set(struct job_spec *s, const char *word, const char *value,
		 struct errinfo *err);
void job_spec_add_arg(struct job_spec *s, const char *arg);

/* Jobs of a file; *jobs is the caller's (each disposed, then freed). All
 * errors are printed; 0 or -EINVAL. */
int job_spec_load(const char *path, struct job_spec **jobs, size_t *n);

/* Uploads inputs, then submits; *id on success. An exit status. */
int job_spec_submit(struct ctl *ctl, struct job_spec *s, int64_t *id);
/* Reads inputs for their sizes and digests, without a word to anybody. */
int job_spec_complete(struct job_spec *s, struct errinfo *err);

#endif
